"""What people see of the commands: results on stdout, everything else on stderr, colour only on a terminal."""

from typing import TextIO

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Terminal:
    """Where a command writes."""

    def __init__(self, out: TextIO, err: TextIO, *, colour: bool) -> None:
        self._out = out
        self._err = err
        self._colour = colour

    def say(self, text: str = "") -> None:
        """A line of the result."""
        self._out.write(f"{text}\n")
        self._out.flush()

    def complain(self, text: str) -> None:
        """A line about what went wrong."""
        self._err.write(f"{text}\n")
        self._err.flush()

    def styled(self, text: str, *styles: str) -> str:
        """The text in colour where the terminal shows colours."""
        codes = ";".join(_STYLES[style] for style in styles)
        return f"\033[{codes}m{text}\033[0m" if self._colour else text
