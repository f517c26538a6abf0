"""`python -m bitrix24_mcp` and the installed command."""

import sys


def main() -> None:
    """Runs the command line and exits with its code."""
    from bitrix24_mcp.cli import run  # noqa: PLC0415 - nothing is imported before it is needed

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
