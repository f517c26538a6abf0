"""Names beside codes: `stageId` gets `stageId_name`, a user id the person's name, a link what its record is called."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from bitrix24_mcp.crm.choices import choices
from bitrix24_mcp.crm.errors import PermissionRefused
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.links import link_names
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.text import plain

_NAMED = frozenset({"stage", "status", "funnel", "list"})


async def with_names(
    rows: Sequence[Mapping[str, Any]], fields: Fields, columns: Sequence[str], metadata: Metadata
) -> list[dict[str, Any]]:
    """The rows with `<field>_name` after every coded value of the columns whose name is known."""
    held = {column: [row[column] for row in rows if row.get(column) is not None] for column in columns}
    held = {column: present for column, present in held.items() if column in fields and present}
    names = {column: await _names(fields, column, present, metadata) for column, present in held.items()}
    links = {column: present for column, present in held.items() if fields.kind(column) == "link"}
    names.update(await link_names(links, fields.entity, metadata))
    return [_named(row, names) for row in rows]


async def names_used(used: Mapping[str, Any] | None, fields: Fields, metadata: Metadata) -> dict[str, Any] | None:
    """What the codes and ids of a filter are called, by field; None where none of them has a name.

    Linked records were asked for by their names, so they are not looked up once more.
    """
    held: dict[str, Any] = {}
    for field, value in (used or {}).items():
        several = value.get("$in") if isinstance(value, dict) else value  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - JSON
        if several is not None and fields.kind(field) != "link":
            held[field] = several
    [named] = await with_names([held], fields, list(held), metadata)
    return {field: named[f"{field}_name"] for field in held if f"{field}_name" in named} or None


async def user_names(ids: Sequence[int], metadata: Metadata) -> dict[int, str]:
    """What to call each user; one that the key may not see reads `user #123 (not visible)`."""
    visible = await metadata.users(ids)
    return {user: plain(visible.get(user, "")) or f"user #{user} (not visible)" for user in ids}


async def _names(fields: Fields, column: str, present: Sequence[Any], metadata: Metadata) -> dict[str, str]:
    kind = fields.kind(column)
    if kind == "user":
        ids = {int(value) for value in _flat(present) if str(value).isdecimal() and int(value) > 0}
        return {str(user): name for user, name in (await user_names(sorted(ids), metadata)).items()}
    if kind not in _NAMED:
        return {}
    try:
        offered = await choices(fields, column, metadata)
    except PermissionRefused:
        return {}
    return {str(choice.code): plain(choice.name) for choice in offered}


def _named(row: Mapping[str, Any], names: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for column, value in row.items():
        named[column] = value
        known = names.get(column)
        if not known:
            continue
        if isinstance(value, list):
            named[f"{column}_name"] = [known.get(str(each), str(each)) for each in cast("list[Any]", value)]
        elif label := known.get(str(value)):
            named[f"{column}_name"] = label
    return named


def _flat(values: Sequence[Any]) -> list[Any]:
    return [inner for value in values for inner in (cast("list[Any]", value) if isinstance(value, list) else [value])]
