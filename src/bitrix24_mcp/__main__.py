"""`python -m bitrix24_mcp` and the installed command."""

import gc
import sys


def main() -> None:
    """Runs the command line and exits with its code."""
    gc.disable()  # while modules load there is no garbage, only a growing heap to walk; commands enable it again
    from bitrix24_mcp.cli import run  # noqa: PLC0415 - nothing is imported before it is needed

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
