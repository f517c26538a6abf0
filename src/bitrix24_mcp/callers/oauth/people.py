"""Who is served which connected portal: the operator's file, with a line for each person."""

import re
from collections.abc import Sequence
from pathlib import Path

from bitrix24_mcp.accounts.addresses import host_of
from bitrix24_mcp.callers.lines import Reread, lines_in
from bitrix24_mcp.settings import SettingsError

_VARIABLE = "BITRIX24_MCP_PEOPLE"
_LINE = re.compile(r"(\S{1,255})\s+(\S{1,255})")


class People:
    """The file, read again when it changes: whoever is taken out of it is refused from the next request on."""

    def __init__(self, path: Path) -> None:
        """Raises SettingsError when the file cannot be read or a line of it is none."""
        self._portals = Reread(path, _VARIABLE, _read)

    def check(self) -> None:
        """Raises SettingsError while the file cannot be read."""
        self._portals.check()

    def portal_of(self, names: Sequence[str]) -> tuple[str, str] | None:
        """The first of these names that has a line, with its portal; None without one.

        Raises SettingsError while the file cannot be read.
        """
        portals = self._portals.latest()
        return next(((name, portals[name]) for name in names if name in portals), None)


def _read(path: Path) -> dict[str, str]:
    portals: dict[str, str] = {}
    for number, line in lines_in(path, _VARIABLE):
        found = _LINE.fullmatch(line)
        portal = host_of(found[2]) if found else ""
        if found is None or not portal or found[1] in portals:
            raise SettingsError(
                f"{_VARIABLE}: line {number} of {path.name} is not a person of its own (the subject or the verified "
                "address of mail in their tokens) and a portal, such as: anna@example.com company.bitrix24.com"
            )
        portals[found[1]] = portal
    return portals
