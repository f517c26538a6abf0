"""The journal in a file, for all processes of this user, or in a database, for all replicas.

Each method is one transaction: a call that is cancelled before its end keeps nothing, any other keeps all it was given.
`storage.sqlite` says why what it kept survives a power cut.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from bitrix24_mcp.crm.writing.journal import OPEN, Entry, Operation, State
from bitrix24_mcp.journal import failures, rows
from bitrix24_mcp.storage.database import Database, Place, Row
from bitrix24_mcp.storage.sqlite import Folder

_LARGEST = 2**63 - 1
"""The largest number that either database knows."""

_BEGIN = """
insert into operations (portal, user_id, client, tool, made_at, undoes, caller)
values (:portal, :user_id, :client, :tool, :made_at, :undoes, :caller)
returning number
"""
_KEEP = """
insert into entries values (:operation, :place, :action, :entity, :record_id, :sent_values, :before, :after, :mark,
  :state, :said, :sent_at, :answered_at)
"""
_CHANGE = """
update entries set action = :action, entity = :entity, record_id = :record_id, sent_values = :sent_values,
  before = :before, after = :after, mark = :mark, state = :state, said = :said, sent_at = :sent_at,
  answered_at = :answered_at
where operation = :operation and place = :place
"""
_SETTLE = """
update entries set state = :state, said = :said, answered_at = :now
where operation = :number and state in ('sent', 'unknown')
"""
_LEARN = f"{_CHANGE} and state in ('sent', 'unknown')"

# A caller sees their own operations, a person at the machine (null) all.
_ONE = "select * from operations where number = :number and (:caller is null or caller = :caller)"
_LATEST = """
select * from operations where (:caller is null or caller = :caller) order by number desc limit :count
"""
_LATEST_ON = """
select * from operations where portal = :portal and (:caller is null or caller = :caller)
order by number desc limit :count
"""
# SQLite begins with the entries in an open state, since there are few of them and an index holds no others: what is
# appended to the portal keeps it from beginning with all operations on that portal.
_OPEN_ON = """
select * from operations where number in (select operation from entries where state in ('sent', 'unknown'))
and portal || '' = :portal and (:caller is null or caller = :caller)
order by number
"""
_LATEST_OPEN = """
select * from operations where number in (select operation from entries where state in ('sent', 'unknown'))
and (:caller is null or caller = :caller)
order by number desc limit :count
"""
_ENTRIES = "select * from entries where operation = :number order by place"
_UNDONE_BY = """
select max(number) as number from operations where undoes = :number and (:caller is null or caller = :caller)
"""


def _present() -> datetime:
    return datetime.now(UTC)


class StoredJournal:
    """The `Journal` that a database keeps. `kept_in` makes it; whatever it does may raise PortalError.

    `caller`: the only one whose operations are there; None for all, as a person at the machine sees it.
    """

    def __init__(self, database: Database, now: Callable[[], datetime], caller: str | None) -> None:
        self._database = database
        self._now = now
        self._caller = caller

    @classmethod
    def kept_in(cls, place: Place, *, now: Callable[[], datetime] = _present, caller: str | None = None) -> Self:
        """The journal in a place, with its tables made where they are missing."""
        return cls(place.database("journal", [rows.TABLES, rows.CALLERS], failures.WORDS), now, caller)

    @classmethod
    def in_folder(cls, folder: Path, *, now: Callable[[], datetime] = _present, caller: str | None = None) -> Self:
        """The journal in a folder."""
        return cls.kept_in(Folder(folder), now=now, caller=caller)

    async def check(self) -> None:
        """Raises PortalError when nothing can be kept now."""
        await self._database.check()

    def now(self) -> datetime:
        """The present moment by this machine's clock, aware."""
        return self._now()

    async def begin(self, operation: Operation) -> int:
        """Keeps a new operation with its entries and gives its number."""
        with failures.meaning(failures.NOTHING_WRITTEN):
            async with self._database.writing() as connection:
                [kept] = await connection.fetch(_BEGIN, {**rows.operation_row(operation), "caller": self._caller or ""})
                await connection.change_all(
                    _KEEP,
                    [rows.entry_row(kept["number"], place, entry) for place, entry in enumerate(operation.entries)],
                )
        return kept["number"]

    async def change(self, number: int, entries: Mapping[int, Entry]) -> None:
        """Puts these in the place of entries of an operation, by their place in it, all or none."""
        with failures.meaning(_consequence(entries)):
            async with self._database.writing() as connection:
                changed = await connection.change_all(_CHANGE, _rows(number, entries))
                if changed != len(entries):
                    raise failures.gone(number, self._database.where)

    async def learn(self, number: int, entries: Mapping[int, Entry]) -> None:
        """The same for what was found out by looking up: an entry that is not open any more stays as it is."""
        with failures.meaning(_consequence(entries)):
            async with self._database.writing() as connection:
                await connection.change_all(_LEARN, _rows(number, entries))

    async def operation(self, number: int) -> Operation | None:
        """The operation with all its entries; None when there is none of that number."""
        found = await self._read(_ONE, number=min(number, _LARGEST))
        return found[0] if found else None

    async def latest(self, portal: str, count: int) -> Sequence[Operation]:
        """The latest operations on a portal, newest first."""
        return await self._read(_LATEST_ON, portal=portal, count=count)

    async def latest_of_all(self, count: int) -> Sequence[Operation]:
        """The latest operations on any portal, newest first."""
        return await self._read(_LATEST, count=count)

    async def latest_open(self, count: int) -> Sequence[Operation]:
        """The latest operations, on any portal, that have entries in a state of OPEN, newest first."""
        return _open_among(await self._read(_LATEST_OPEN, count=count))

    async def open(self, portal: str) -> Sequence[Operation]:
        """The operations on a portal that have entries in a state of OPEN, oldest first."""
        return _open_among(await self._read(_OPEN_ON, portal=portal))

    async def settle(self, number: int, state: State, said: str) -> int:
        """Notes what a person found out: those entries that are in a state of OPEN get this one; gives how many."""
        async with self._database.writing() as connection:
            values = {"number": number, "state": state, "said": said, "now": rows.written(self.now())}
            return await connection.change(_SETTLE, values)

    async def undone_by(self, number: int) -> int | None:
        """The number of the latest operation that reverses this one; None when none does."""
        async with self._database.reading() as connection:
            [row] = await connection.fetch(_UNDONE_BY, {"number": number, "caller": self._caller})
        return row["number"]

    async def _read(self, query: str, **values: Any) -> list[Operation]:
        async with self._database.reading() as connection:
            # Each operation by itself, so that no writer waits for more than one: its entries are of one moment.
            found = [
                (row, await connection.fetch(_ENTRIES, {"number": row["number"]}))
                for row in await connection.fetch(query, {**values, "caller": self._caller})
            ]
        try:
            return [rows.operation_of(row, entries) for row, entries in found]
        except (LookupError, TypeError, ValueError):
            raise failures.not_of_ours(self._database.where) from None


def _rows(number: int, entries: Mapping[int, Entry]) -> list[Row]:
    return [rows.entry_row(number, place, entry) for place, entry in entries.items()]


def _open_among(operations: Sequence[Operation]) -> list[Operation]:
    """Without those that were settled while they were read."""
    return [each for each in operations if any(entry.state in OPEN for entry in each.entries)]


def _consequence(entries: Mapping[int, Entry]) -> str:
    """What it means for the portal that these entries are not kept: nothing is sent before it is kept."""
    before = all(entry.state in {"planned", "sent"} for entry in entries.values())
    return failures.NOTHING_MORE_WRITTEN if before else failures.OUTCOME_LOST
