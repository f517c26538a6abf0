"""Callers that hold a token of this server's, in front of the one portal that the operator set.

The file has a line for each: a name and the SHA-256 of the token, which only its holder keeps. It is read again when it
changes, so a token that is taken out of it is refused from the next request on.
"""

import hashlib
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from bitrix24_mcp.callers.caller import Caller, Unrecognised, bearer_of
from bitrix24_mcp.callers.lines import Reread, lines_in
from bitrix24_mcp.settings import Settings, SettingsError

_VARIABLE = "BITRIX24_MCP_TOKENS"
_LINE = re.compile(r"([\w.@-]{1,60})\s+([0-9a-f]{64})")
_NAME = re.compile(r"[\w.@-]{1,60}")
_UNKNOWN = "Send a token of this server as Authorization: Bearer; its operator gives them out."


def add_token(name: str, path: Path) -> str:
    """Makes a token and adds its line to the file, which is made for its owner alone; gives the token.

    Raises SettingsError for a name that cannot stand there or does already, and for a file that cannot be used.
    """
    if not _NAME.fullmatch(name):
        raise SettingsError("A name takes letters, digits and . _ @ - only, at most 60 of them.")
    if path.exists() and name in _read(path).values():
        raise SettingsError(f"{name} has a token already. Take its line out of {path.name} first.")
    token = f"b24mcp_{secrets.token_urlsafe(32)}"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(f"{name} {_digest(token)}\n")
    except OSError:
        raise SettingsError(f"{_VARIABLE}: {path.name} cannot be written.") from None
    return token


class Tokens:
    """Recognises a caller by a Bearer token of the file."""

    challenge = 'Bearer realm="bitrix24-mcp"'

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError when the file cannot be read or a line of it is none."""
        self._settings = settings
        self._names = Reread(settings.tokens_file, _VARIABLE, _read)

    def check(self) -> None:
        """Raises SettingsError while the file cannot be read."""
        self._names.check()

    async def recognise(self, headers: Mapping[str, str]) -> Caller:
        """Who holds the token; nobody does while the file cannot be read."""
        try:
            name = self._names.latest().get(_digest(bearer_of(headers)))
        except SettingsError as error:
            raise Unrecognised(f"The server cannot tell who calls. {error}") from None
        if name is None:
            raise Unrecognised(_UNKNOWN)
        return Caller(f"token {name}", name, self._settings)


def _read(path: Path) -> dict[str, str]:
    names: dict[str, str] = {}
    for number, line in lines_in(path, _VARIABLE):
        found = _LINE.fullmatch(line)
        if found is None or found[1] in names.values():
            raise SettingsError(
                f"{_VARIABLE}: line {number} of {path.name} is not a name of its own and the SHA-256 of a token; make "
                "lines with `bitrix24-mcp token NAME`."
            )
        names[found[2]] = found[1]
    return names


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
