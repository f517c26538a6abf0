"""The commands of the command line, one a file: `run(options, settings, terminal)` returns the exit code."""
