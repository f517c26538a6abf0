"""The codes of previews that wait to be confirmed. Each method is one transaction, so that a code is taken once."""

from datetime import UTC, datetime
from typing import Self

from bitrix24_mcp.crm.writing.pending import MOST, Waiting
from bitrix24_mcp.storage.database import Database, Place
from bitrix24_mcp.storage.words import Words

_WORDS = Words(
    code="CONFIRMATIONS_UNUSABLE",
    broken="What waits to be confirmed, in {path}, cannot be used, and nothing was written: {reason}.",
    busy="Another process is using what waits to be confirmed; nothing was written.",
    newer="What waits to be confirmed was kept by a newer version of this program; nothing was written.",
    open_to_others="{path} can be changed by other users of this machine, so nobody could rely on what waits in it.",
    closing="Run `chmod {mode} {path}`.",
)
_TABLES = """
create table waiting (
  caller text not null,
  code text not null,
  tool text not null,
  asked text not null,
  seal text not null,
  present text,
  until text not null,
  primary key (caller, code)
);
create index waiting_by_end on waiting (until);
"""
_FORGET = "delete from waiting where until <= :now"
_MAKE_ROOM = """
delete from waiting where caller = :caller and code in (
  select code from waiting where caller = :caller order by until desc limit :many offset :most
)
"""
_KEEP = "insert into waiting values (:caller, :code, :tool, :asked, :seal, :present, :until)"
_TAKE = "delete from waiting where caller = :caller and code = :code returning tool, asked, seal, present, until"
_MANY = 1_000


class StoredConfirmations:
    """The `Confirmations` of one caller. `kept_in` makes it; whatever it does may raise PortalError."""

    def __init__(self, database: Database, caller: str) -> None:
        self._database = database
        self._caller = caller

    @classmethod
    def kept_in(cls, place: Place, caller: str) -> Self:
        """Those in a place, with their table made where it is missing."""
        return cls(place.database("confirmations", [_TABLES], _WORDS), caller)

    async def keep(self, code: str, waiting: Waiting, now: datetime) -> None:
        """Keeps a code; those too old, and the oldest of too many, are forgotten."""
        told = {
            "tool": waiting.tool,
            "asked": waiting.asked,
            "seal": waiting.seal,
            "present": waiting.present and _written(waiting.present),
            "until": _written(waiting.until),
        }
        async with self._database.writing() as connection:
            await connection.change(_FORGET, {"now": _written(now)})
            await connection.change(_MAKE_ROOM, {"caller": self._caller, "many": _MANY, "most": MOST - 1})
            await connection.change(_KEEP, {"caller": self._caller, "code": code, **told})

    async def take(self, code: str, now: datetime) -> Waiting | None:
        """What waits behind a code, for the first who asks; None for a code that is unknown, taken or too old."""
        async with self._database.writing() as connection:
            found = await connection.fetch(_TAKE, {"caller": self._caller, "code": code})
        if not found:
            return None
        row = found[0]
        present = row["present"] and datetime.fromisoformat(row["present"])
        until = datetime.fromisoformat(row["until"])
        return Waiting(row["tool"], row["asked"], row["seal"], present, until) if until > now else None


def _written(moment: datetime) -> str:
    """The moment as it is kept; such texts sort as moments do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
