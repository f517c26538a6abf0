"""Files that an operator keeps, with a line for each caller, read again when they change."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from bitrix24_mcp.settings import SettingsError

T = TypeVar("T")


def lines_in(path: Path, variable: str) -> Sequence[tuple[int, str]]:
    """The lines with their numbers, without those that are empty or begin with #; SettingsError without the file.

    `variable` names the setting that names the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        raise _unreadable(path, variable) from None
    lines = enumerate(text.splitlines(), 1)
    return [(number, line.strip()) for number, line in lines if line.strip() and not line.startswith("#")]


class Reread(Generic[T]):
    """What a file says at present. `read` raises SettingsError for a file that says nothing that can be meant."""

    def __init__(self, path: Path, variable: str, read: Callable[[Path], T]) -> None:
        self._path = path
        self._variable = variable
        self._read = read
        self._stamp = self._look()
        self._said = read(path)

    def check(self) -> None:
        """Raises SettingsError while the file cannot be read."""
        self._read(self._path)

    def latest(self) -> T:
        """What it says, with whatever was changed until now; SettingsError while it cannot be read."""
        stamp = self._look()
        if stamp != self._stamp:
            self._stamp = ()  # what was read before counts no more, whether this succeeds or not
            self._said = self._read(self._path)
            self._stamp = stamp
        return self._said

    def _look(self) -> tuple[int, ...]:
        try:
            told = self._path.stat()
        except OSError:
            self._stamp = ()
            raise _unreadable(self._path, self._variable) from None
        return told.st_mtime_ns, told.st_size, told.st_ino


def _unreadable(path: Path, variable: str) -> SettingsError:
    return SettingsError(f"{variable}: {path.name} cannot be read.")
