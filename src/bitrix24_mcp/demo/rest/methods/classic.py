"""The older `crm.{lead,deal,contact,company,quote}.list` and `.fields`: capitals, text, PHONE and EMAIL (docs: crm)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo import multifields
from bitrix24_mcp.demo.database import Where, quote
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.items import filters
from bitrix24_mcp.demo.rest.items.fields import described_in_capitals
from bitrix24_mcp.demo.rest.items.multifields import part_number
from bitrix24_mcp.demo.rest.items.rows import printed
from bitrix24_mcp.demo.rest.items.shape import MULTIFIELDS, ItemField, ItemType, find_type
from bitrix24_mcp.demo.rest.pages import page
from bitrix24_mcp.demo.rest.parameters import elements, entries
from bitrix24_mcp.demo.rest.rights import visible

if TYPE_CHECKING:
    from sqlite3 import Row

    from bitrix24_mcp.demo.rest.calls import Call, Json

NUMBERS = {"lead": 1, "deal": 2, "contact": 3, "company": 4, "quote": 7}
_NOT_SERVED = ("contactIds", "observers", "entityTypeId")
_NOTHING = Where(("0",))
_ONE_VALUE = "EXISTS (SELECT 1 FROM json_each({}) AS part WHERE json_extract(part.value, '$.VALUE') IN ({}))"


def _list(call: Call, *, number: int) -> Result:
    """A page of records as text. Unknown names in filter and order are passed over, and so is `logic`."""
    kind = find_type(call.portal, number)
    if kind is None:
        raise RestError("", "Access denied.")
    known = {item.original: item for item in kind.fields if item.name not in _NOT_SERVED}
    clause = _where(kind, known, call.params.get("filter")) & visible(call.caller, kind.entity)
    order = {name: direction for name, direction in entries(call.params.get("order")) if name in known}
    found = page(call, kind.entity, clause, filters.order(known, order))
    names = _chosen(kind, known, call.params.get("select"))
    return found.result([_shown(call, kind, known, names, row) for row in found.rows])


def _where(kind: ItemType, known: dict[str, ItemField], raw: object) -> Where:
    clause = Where()
    for key, value in entries(raw):
        operator, name = filters.split(key)
        if name in known:
            clause &= _condition(known, key, value)
        elif name.lower() in kind.multifields and operator in ("eq", "in"):
            clause &= _exactly(name.lower(), value)
    return clause


def _condition(known: dict[str, ItemField], key: str, value: object) -> Where:
    """A condition as the universal methods read it; a value that does not fit matches nothing here."""
    try:
        return filters.condition(known, key, value)
    except RestError:
        return _NOTHING


def _exactly(column: str, value: object) -> Where:
    """Records with one of these phones, mails or sites, written exactly so."""
    wanted = tuple(str(element) for element in elements(value))
    return Where((_ONE_VALUE.format(quote(column), ", ".join("?" * len(wanted))),), wanted)


def _chosen(kind: ItemType, known: dict[str, ItemField], select: object) -> list[str]:
    """`*` is all but user fields and multifields, `UF_*` all user fields; the default is both. ID always comes."""
    asked = [str(name) for name in elements(select)] or ["*", "UF_*"]
    groups = {
        "*": [name for name, item in known.items() if not item.field.custom],
        "UF_*": [name for name, item in known.items() if item.field.custom],
    }
    names = ["ID", *(name for wanted in asked for name in groups.get(wanted, [wanted]))]
    served = {*known, *(MULTIFIELDS[column] for column in kind.multifields)}
    return [name for name in dict.fromkeys(names) if name in served]


def _shown(call: Call, kind: ItemType, known: dict[str, ItemField], names: list[str], row: Row) -> Json:
    plain = printed(call, row, {name: known[name] for name in names if name in known})
    shown: Json = {name: _text(known[name], value) for name, value in plain.items()}
    for column in kind.multifields:
        if MULTIFIELDS[column] in names:
            shown[MULTIFIELDS[column]] = [_part(column, part) for part in multifields.kept(row[column])]
    return shown


def _part(column: str, part: multifields.Part) -> Json:
    return {
        "ID": str(part_number(column, part)),
        "VALUE_TYPE": part.kind,
        "VALUE": part.value,
        "TYPE_ID": MULTIFIELDS[column],
    }


def _text(item: ItemField, value: object) -> object:
    """A value of the universal methods as the older ones write it: text, an empty one for a missing date."""
    if value is None:
        return "" if item.field.element in ("date", "datetime") else None
    if isinstance(value, list):
        return [str(element) for element in cast("list[object]", value)]
    if item.field.custom and item.field.element == "boolean":
        return "1" if value == "Y" else "0"
    if item.field.element == "real" and not item.field.custom:
        return f"{cast('float', value):.2f}"
    return cast("Json", value) if isinstance(value, dict) else str(value)


def _fields(call: Call, *, number: int) -> Result:
    kind = find_type(call.portal, number)
    if kind is None:
        raise RestError("", "Access denied.")
    return Result(described_in_capitals(kind))


METHODS = {
    f"crm.{kind}.{verb}": Method(("crm",), partial(run, number=number))
    for kind, number in NUMBERS.items()
    for verb, run in (("list", _list), ("fields", _fields))
}
