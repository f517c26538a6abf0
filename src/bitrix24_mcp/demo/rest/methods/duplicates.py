"""Who else has this phone or mail: `crm.duplicate.findbycomm` (docs: crm/duplicates)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.database import Slice, Where, quote
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.parameters import elements
from bitrix24_mcp.demo.rest.rights import visible

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.calls import Call, Json
    from bitrix24_mcp.demo.schema import Entity

_MOST_VALUES = 20
_ENOUGH = 20  # so many records of one kind, and the next kinds are not looked at
_KINDS = {"LEAD": "leads", "CONTACT": "contacts", "COMPANY": "companies"}
_COLUMNS = {"PHONE": ("phone", "dialled"), "EMAIL": ("email", "folded")}
_SAME = "EXISTS (SELECT 1 FROM json_each({}) AS part WHERE {}(json_extract(part.value, '$.VALUE')) IN ({}))"


def _find(call: Call) -> Result:
    """The numbers of leads, contacts and companies by kind; an empty array when there are none."""
    asked = [str(value) for value in elements(call.params.get("values")) if str(value).strip()][:_MOST_VALUES]
    communication, kind = str(call.params.get("type", "")), str(call.params.get("entity_type", ""))
    if not communication:
        raise RestError("", "Communication type is not defined")
    if communication not in _COLUMNS:
        raise RestError("", f"Communication type '{communication}' is not supported in current context")
    if not asked:
        raise RestError("", "Communication values is not defined")
    found: Json = {}
    for name, path in _KINDS.items():
        if kind in ("", name):
            records = _records(call, call.portal.registry[path], communication, asked)
            found |= {name: records} if records else {}
            if len(records) >= _ENOUGH:
                break
    return Result(found)


def _records(call: Call, entity: Entity, communication: str, values: list[str]) -> list[object]:
    column, comparable = _COLUMNS[communication]
    marks = ", ".join([f"{comparable}(?)"] * len(values))
    same = Where((_SAME.format(quote(column), comparable, marks),), tuple(values))
    rows = call.portal.database.rows(entity.table, ("id",), same & visible(call.caller, entity), Slice(quote("id")))
    return [row["id"] for row in rows]


METHODS = {"crm.duplicate.findbycomm": Method(("crm",), _find)}
