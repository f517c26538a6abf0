"""Smart-process types: those of `crm.type.list`, or what a user who may not administer the CRM can know of them."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from bitrix24_mcp.crm.about.smart_processes import TYPES
from bitrix24_mcp.crm.errors import InvalidArguments, NotFound, PermissionRefused
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.filters.matching import in_order, matches
from bitrix24_mcp.crm.portal_values import Condition, FieldInfo, Record, Sort
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.envelope import Json
from bitrix24_mcp.rest.calling.forms import known_form, text, whole_number
from bitrix24_mcp.rest.calling.lists import Lists, answered
from bitrix24_mcp.rest.reading.values import flag

_LIST = RestCall("crm.type.list", {"order": {"id": "ASC"}})
"""It orders by `id` in small letters only."""
_BY_NUMBER = (Sort("entityTypeId"),)
_FLAG = re.compile(r"is[A-Z]\w*")
_NUMBERS = frozenset({"id", "entityTypeId", "customSectionId", "createdBy", "updatedBy"})
_DYNAMIC = re.compile(r"DYNAMIC_(\d+)")
_NOT_IN_ROWS = frozenset({"relations", "linkedUserFields", "customSections"})
_KNOWN = tuple(
    FieldInfo(name, type_)
    for name, type_ in {
        "id": "integer",
        **TYPES.known_fields,
        "customSectionId": "integer",
        "createdBy": "user",
        "updatedBy": "user",
    }.items()
)
"""What a type is known to have, for filters and orders here."""


async def types(conditions: Sequence[Condition], sort: Sequence[Sort], lists: Lists) -> tuple[Record, ...]:
    """All types that match. REST lists them to CRM administrators, to others one by one as far as they may read."""
    try:
        told = await lists.all(_LIST, "types", key="id")
    except PermissionRefused as refused:
        if refused.code != "ACCESS_DENIED":
            raise
        rows = await _named(lists)
    else:
        with known_form():
            rows = [_type(row) for row in told]
    for field in (*(each.field for each in conditions), *(each.field for each in sort)):
        if any(field not in row for row in rows):
            raise _not_told(field)
    fields = Fields(TYPES, _KNOWN)
    sort = sort or _BY_NUMBER
    return tuple(in_order((row for row in rows if matches(row, conditions, fields)), sort, fields))


async def type_fields(lists: Lists) -> tuple[FieldInfo, ...]:
    """The fields of a type itself (crm.type.fields); to those who may not read them, what every type has."""
    try:
        [answer] = await lists.answers(RestCall("crm.type.fields"))
    except PermissionRefused as refused:
        if refused.code != "ACCESS_DENIED":
            raise
        return _KNOWN
    with known_form():
        described = [(name, cast("Json", each)) for name, each in answer.record("fields").items()]
        told = {name: _field(name, each) for name, each in described if name not in _NOT_IN_ROWS}
    return tuple(told.values())


def _not_told(field: str) -> InvalidArguments:
    return InvalidArguments(
        f"Bitrix24's REST does not say {field} of every smart process, at least not to this user.",
        advice="Leave it out of filter and sort; a webhook of a CRM administrator is told more.",
        code="NOT_OVER_REST",
    )


async def _named(lists: Lists) -> list[Record]:
    """Types by their names for everybody (crm.enum.ownertype), with their switches where reading one is allowed."""
    [answer] = await lists.answers(RestCall("crm.enum.ownertype"))
    with known_form():
        named = {int(found[1]): row for row in answer.rows() if (found := _DYNAMIC.fullmatch(text(row, "SYMBOL_CODE")))}
    calls = [RestCall("crm.type.getByEntityTypeId", {"entityTypeId": number}) for number in sorted(named)]
    *types, directories = await lists.outcomes([*calls, RestCall("crm.status.entity.types")])
    stages = Counter(text(row, "ENTITY_TYPE_ID") for row in answered(directories).rows() if "STAGE" in text(row, "ID"))
    rows: list[Record] = []
    for number, outcome in zip(sorted(named), types, strict=True):
        if isinstance(outcome, PermissionRefused | NotFound):  # some portals call hidden what others call missing
            rows.append({"entityTypeId": number, "title": text(named[number], "NAME"), **_seen(stages[str(number)])})
            continue
        with known_form():
            rows.append(_type(answered(outcome).record("type")))
    return rows


def _seen(directories: int) -> Record:
    """The switches that a type's directories of stages prove; nothing else of it is claimed."""
    return {
        **({"isStagesEnabled": True} if directories else {}),
        **({"isCategoriesEnabled": True} if directories > 1 else {}),
    }


def _type(row: Mapping[str, Any]) -> Record:
    return {name: _value(name, value) for name, value in row.items() if name not in _NOT_IN_ROWS}


def _value(name: str, value: Any) -> Any:
    if _FLAG.fullmatch(name):
        return flag(value)
    if name in _NUMBERS:
        return whole_number(value)
    return value or None if name == "code" else value


def _field(name: str, told: Json) -> FieldInfo:
    known = next((field for field in _KNOWN if field.name == name), FieldInfo(name, text(told, "type")))
    return replace(
        known,
        title=text(told, "title"),
        read_only=told.get("isReadOnly") is True,
        required=told.get("isRequired") is True,
        immutable=told.get("isImmutable") is True,
    )
