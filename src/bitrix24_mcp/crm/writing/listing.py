"""The latest operations of this server, as a model or a person looks for the one to reverse."""

from collections import Counter
from typing import Any

from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.writing.desk import Desk
from bitrix24_mcp.crm.writing.fate import settle
from bitrix24_mcp.crm.writing.journal import Operation

_COUNT = 20
_NAMED = 5


async def latest_operations(desk: Desk, metadata: Metadata) -> list[dict[str, Any]]:
    """The latest operations on this portal, newest first, after looking up what became of those that are open."""
    portal = (await metadata.identity()).portal
    await settle(desk.journal, portal, metadata)
    zone = await metadata.zone()
    return [
        {
            "operation": each.number,
            "at": each.made_at.astimezone(zone).isoformat(timespec="seconds"),
            "tool": each.tool,
            "action": each.entries[0].action,
            "entity": each.entries[0].entity,
            **_ids(each),
            "records": dict(Counter(entry.state for entry in each.entries)),
            **({"undoes": each.undoes} if each.undoes else {}),
        }
        for each in await desk.journal.latest(portal, _COUNT)
    ]


def _ids(operation: Operation) -> dict[str, Any]:
    ids = [each.record_id for each in operation.entries if each.record_id is not None]
    return {"ids": [*ids[:_NAMED], *(["…"] if len(ids) > _NAMED else [])]} if ids else {}
