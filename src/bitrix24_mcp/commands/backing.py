"""What stands behind a command: where this program keeps what is its own, and through what it shares with replicas."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bitrix24_mcp.commands.sharing import linked
from bitrix24_mcp.settings import Settings, SettingsError
from bitrix24_mcp.storage.database import Place
from bitrix24_mcp.storage.words import Words

if TYPE_CHECKING:
    from bitrix24_mcp.accounts.store import Accounts
    from bitrix24_mcp.sharing.link import Link
    from bitrix24_mcp.storage.sqlite import SqliteDatabase


@dataclass(frozen=True, slots=True)
class Backing:
    """A place for the journal, accounts and the like, and the link to Redis; None where nothing is shared."""

    place: Place
    link: "Link | None" = None


@asynccontextmanager
async def backed(settings: Settings, *, demo: bool = False) -> AsyncGenerator[Backing]:
    """The backing, closed at the end. Raises SettingsError where an extra is missing, or an address is none.

    What is written to the demo portal, whose records end with it, is not kept among the user's own, nor shared: each
    process has a demo portal of its own.
    """
    if demo:
        with ExitStack() as short_lived:
            folder = cache(lambda: Path(short_lived.enter_context(TemporaryDirectory(prefix="bitrix24-mcp-"))))
            yield Backing(_Folder(folder))
    else:
        async with _place(settings) as place, linked(settings) as link:
            yield Backing(place, link)


@asynccontextmanager
async def _place(settings: Settings) -> AsyncGenerator[Place]:
    if settings.has_database:
        async with _server(settings.database.get_secret_value()) as server:
            yield server
    else:
        yield _Folder(lambda: settings.data_folder)


class _Folder:
    """A folder that is looked for when something is to be kept: a server that only reads needs none, and no SQLite."""

    def __init__(self, path: Callable[[], Path]) -> None:
        self._path = path

    def database(self, kind: str, steps: Sequence[str], words: Words) -> "SqliteDatabase":
        """The file of a kind. Raises PortalError."""
        from bitrix24_mcp.storage.sqlite import Folder  # noqa: PLC0415 - see above

        return Folder(self._path()).database(kind, steps, words)


def accounts_in(place: Place, settings: Settings) -> "Accounts":
    """The connected portals that are kept there. Raises PortalError, and SettingsError where their key is missing."""
    from bitrix24_mcp.accounts.store import Accounts  # noqa: PLC0415 - most servers have none

    if not settings.has_database:
        return Accounts.open(settings.data_folder)
    key = settings.accounts_key.get_secret_value()
    if not key:
        raise SettingsError(
            "BITRIX24_MCP_DATABASE keeps the tokens of connected portals sealed: set BITRIX24_MCP_ACCOUNTS_KEY, the "
            "same for all replicas, to what `openssl rand -base64 32 | tr '+/' '-_'` prints."
        )
    return Accounts.kept_in(place, key)


@asynccontextmanager
async def _server(address: str) -> AsyncGenerator[Place]:
    from bitrix24_mcp.storage.postgres import Server  # noqa: PLC0415 - most users have a folder

    try:
        server = Server.at(address)
    except ValueError:
        raise SettingsError("BITRIX24_MCP_DATABASE must be the address of a PostgreSQL database.") from None
    if server is None:
        raise SettingsError("BITRIX24_MCP_DATABASE needs the extra team: install bitrix24-mcp[team].")
    async with server.lasting():
        yield server
