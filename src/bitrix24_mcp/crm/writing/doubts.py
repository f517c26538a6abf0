"""What a portal takes without a word although it is hardly meant: people who are dismissed, records that are not there.

Whoever confirms is told; it is no error, since the key may not see everything.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.writing.citing import cited
from bitrix24_mcp.crm.writing.plan import Plan

_USERS = BY_NAME["users"]
_SHOWN = 20


async def dismissed_people(plan: Plan, fields: Fields, metadata: Metadata) -> list[str]:
    """A sentence on each of the people whom the plan writes who are dismissed; none where the portal does not say."""
    written = _written(plan, lambda name: name in fields and fields.kind(name) == "user")
    if not written:
        return []
    try:
        read = await metadata.portal.records(_USERS, list(written))
    except PortalError:  # the key may not read users: what it writes is no worse for that
        return []
    gone = [user for user in written if user in read.found and read.found[user].get("active") is False]
    names = await metadata.users(gone)
    return _at_most(
        [f"{', '.join(written[user])}: {cited(names.get(user, 'user'))} ({user}) is dismissed." for user in gone]
    )


def unseen_records(plan: Plan, after: Sequence[Mapping[str, Any]], fields: Fields) -> list[str]:
    """A sentence on each of the linked records that the plan writes which have no name in `after`."""
    links = {name for row in after for name in row if name in fields and fields.kind(name) == "link"}
    named = {
        (name, str(each))
        for row in after
        for name in links & row.keys()
        for each, label in zip(_each(row[name]), _each(row.get(f"{name}_name", "")), strict=False)
        if label not in ("", str(each))
    }
    written = _written(plan, lambda name: name in links)
    return _at_most(
        [
            f"{name}: this key can see no record {each}."
            for each, names in written.items()
            for name in names
            if (name, str(each)) not in named
        ]
    )


def _written(plan: Plan, wanted: Callable[[str], bool]) -> Mapping[int, dict[str, None]]:
    """The ids that are written, and into which fields."""
    found: dict[int, dict[str, None]] = {}
    for change in plan.changes:
        for name, value in change.values.items():
            for each in _each(value) if wanted(name) else ():
                if type(each) is int and each > 0:
                    found.setdefault(each, {})[name] = None
    return found


def _each(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _at_most(told: list[str]) -> list[str]:
    more = [f"And {len(told) - _SHOWN} more like that."] if len(told) > _SHOWN else []
    return [*told[:_SHOWN], *more]
