"""`journal`: what was written to portals, and what a person found out of it."""

import json
import re
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import anyio

from bitrix24_mcp.commands import operation_lines
from bitrix24_mcp.commands.backing import backed
from bitrix24_mcp.commands.terminal import Terminal
from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.crm.writing.journal import OPEN, Entry, Operation, State
from bitrix24_mcp.journal.store import StoredJournal
from bitrix24_mcp.settings import Settings, SettingsError

_LIMIT = 20
_MOST = 10_000
_SETTLED: Mapping[str, State] = {"done": "done", "not-done": "not done"}
_Listed = tuple[Operation, int | None]
"""An operation, and the number of the one that reversed it."""
_NOT_ASCII = re.compile(r"[^\n -~]")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def run(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    """Prints operations a line each, or one with all its entries; 1 when there is none of that number."""
    _check(options)
    try:
        found = anyio.run(_found, settings, options)
    except (PortalError, _Refused) as error:
        terminal.complain(str(error))
        return 1
    if options.json:
        whole = [_whole(operation, undone_by) for operation, undone_by in found]
        terminal.say(_harmless(json.dumps(whole if options.number is None else whole[0], ensure_ascii=False, indent=2)))
        return 0
    _say(found, options, ZoneInfo(settings.time_zone) if settings.time_zone else None, terminal)
    return 0


class _Refused(Exception):
    """What was asked of the journal cannot be done; the text says why."""


def _check(options: Namespace) -> None:
    if options.settle and options.number is None:
        raise SettingsError("--settle takes the number of an operation before it.")
    if options.number is not None and (options.unknown or options.limit is not None):
        raise SettingsError("--limit and --unknown choose from the list; they do not go with a number.")
    if options.limit is not None and not 1 <= options.limit <= _MOST:
        raise SettingsError(f"--limit takes 1 to {_MOST}.")


async def _found(settings: Settings, options: Namespace) -> Sequence[_Listed]:
    async with backed(settings) as backing:
        return await _chosen(StoredJournal.kept_in(backing.place), options)


async def _chosen(journal: StoredJournal, options: Namespace) -> Sequence[_Listed]:
    count = options.limit or _LIMIT
    if options.settle:
        await _settle(journal, await _one(journal, options.number), options.settle)
    if options.number is not None:
        operations = [await _one(journal, options.number)]
    else:
        operations = await (journal.latest_open(count) if options.unknown else journal.latest_of_all(count))
    return [(operation, await journal.undone_by(operation.number)) for operation in operations]


async def _one(journal: StoredJournal, number: int) -> Operation:
    operation = await journal.operation(number)
    if operation is None:
        raise _Refused(f"There is no operation {number}. `bitrix24-mcp journal` lists the latest.")
    return operation


async def _settle(journal: StoredJournal, operation: Operation, found: str) -> None:
    from bitrix24_mcp.crm.writing.fate import SURELY_OVER  # noqa: PLC0415 - only here

    begun = [entry.sent_at for entry in operation.entries if entry.state in OPEN and entry.sent_at]
    if begun and journal.now() - max(begun) < SURELY_OVER:
        raise _Refused(f"Operation {operation.number} may still be under way: look again in three minutes.")
    if not await journal.settle(operation.number, _SETTLED[found], "Settled by hand."):
        raise _Refused(f"Operation {operation.number} has no outcome that is unknown.")


def _say(found: Sequence[_Listed], options: Namespace, zone: ZoneInfo | None, terminal: Terminal) -> None:
    if not found:
        terminal.say("No operation has an outcome that is unknown." if options.unknown else "Nothing was written yet.")
    for operation, undone_by in found:
        number = terminal.styled(str(operation.number), "bold")
        terminal.say(f"{number}  {operation_lines.summary(operation, undone_by, zone)}")
        if options.number is not None:
            for line in operation_lines.entries(operation, zone):
                terminal.say(line)


def _whole(operation: Operation, undone_by: int | None) -> dict[str, Any]:
    return {
        "number": operation.number,
        "made_at": _written(operation.made_at),
        "portal": operation.portal,
        "user_id": operation.user_id,
        "client": operation.client,
        "tool": operation.tool,
        "undoes": operation.undoes,
        "undone_by": undone_by,
        "entries": [_entry(entry) for entry in operation.entries],
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {**asdict(entry), "sent_at": _written(entry.sent_at), "answered_at": _written(entry.answered_at)}


def _written(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def _harmless(text: str) -> str:
    """The same JSON with everything that cannot be seen, or that terminals obey, as its number."""
    return _NOT_ASCII.sub(lambda found: found[0] if _seen(found[0]) else json.dumps(found[0])[1:-1], text)


def _seen(character: str) -> bool:
    return character.isprintable() and not _SELECTORS.match(character)
