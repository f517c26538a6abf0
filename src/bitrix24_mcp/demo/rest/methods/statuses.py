"""Directories: `crm.status.list`, `.entity.items`, `.entity.types`, `.fields` (docs: crm/status)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.database import Slice, Where, equals, quote
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.parameters import entries
from bitrix24_mcp.demo.rest.tables import conditions, reading
from bitrix24_mcp.demo.rest.tables.shape import Column, Table, columns
from bitrix24_mcp.demo.schemas.directories import STATUSES

if TYPE_CHECKING:
    from sqlite3 import Row

    from bitrix24_mcp.demo.rest.calls import Call, Json

_TABLE = Table(
    STATUSES,
    columns(
        {
            "ID": "id",
            "ENTITY_ID": "entityId",
            "STATUS_ID": "statusId",
            "NAME": "name",
            "NAME_INIT": "nameInit",
            "SORT": "sort",
            "SYSTEM": "system",
        },
        Column("CATEGORY_ID", "categoryId"),
        Column("COLOR", "color"),
        Column("SEMANTICS", "semantics"),
    ),
)
_DEAL_STAGE = re.compile(r"DEAL_STAGE(?:_\d+)?")
_ITEM_STAGE = re.compile(r"(?:DYNAMIC_(\d+)|SMART_INVOICE)_STAGE_(\d+)")
_EXTRA = {None: "process", "S": "success", "F": "failure"}
_NAMES = {
    "STATUS": "Стадии лида",
    "DEAL_STAGE": "Стадии сделки",
    "QUOTE_STATUS": "Стадии предложения",
    "SOURCE": "Источники",
    "CONTACT_TYPE": "Тип контакта",
    "COMPANY_TYPE": "Тип компании",
    "INDUSTRY": "Сфера деятельности",
    "EMPLOYEES": "Количество сотрудников",
    "HONORIFIC": "Обращения",
    "DEAL_TYPE": "Тип сделки",
}
_OWNERS = {"STATUS": 1, "DEAL_STAGE": 2, "QUOTE_STATUS": 7}
_FIELDS = {
    # type, required, read-only, immutable
    "ID": ("integer", False, True, False),
    "ENTITY_ID": ("string", True, False, True),
    "STATUS_ID": ("string", True, False, True),
    "SORT": ("integer", False, False, False),
    "NAME": ("string", True, False, False),
    "NAME_INIT": ("string", False, True, False),
    "SYSTEM": ("char", False, True, False),
    "CATEGORY_ID": ("integer", False, False, True),
    "COLOR": ("string", False, False, False),
    "SEMANTICS": ("char", False, False, True),
    "EXTRA": ("crm_status_extra", False, False, False),
}


def _list(call: Call) -> Result:
    """Every row that matches, in one answer however many they are."""
    clause = conditions.where(_TABLE, call.params.get("filter"))
    order = reading.ordered(_TABLE, list(entries(call.params.get("order"))))
    rows = call.portal.database.rows(STATUSES.table, tuple(STATUSES.by_name), clause, Slice(order))
    return Result([_status(row) for row in rows], len(rows))


def _status(row: Row) -> Json:
    """A row with text for numbers; the base funnel and plain directories have no category, deal stages have EXTRA."""
    shown = reading.shown_row(_TABLE, row, tuple(_TABLE.by_name))
    if not row["categoryId"]:
        shown["CATEGORY_ID"] = None
    if _DEAL_STAGE.fullmatch(row["entityId"]):
        apology = row["statusId"].endswith("APOLOGY")
        shown["EXTRA"] = {
            "SEMANTICS": "apology" if apology else _EXTRA.get(row["semantics"], "process"),
            "COLOR": row["color"],
        }
    return shown


def _items(call: Call) -> Result:
    """Names and codes of one directory by SORT, which is a number here."""
    rows = _directory(call, str(call.params.get("entityId", "")))
    if not rows:
        raise RestError("", "The parameter entityId is not defined or invalid.")
    return Result([{"NAME": row["name"], "SORT": row["sort"], "STATUS_ID": row["statusId"]} for row in rows])


def _types(call: Call) -> Result:
    """Each directory of the portal once, those of stages with what they belong to."""
    database = call.portal.database
    rows = database.rows(STATUSES.table, ("entityId",), Where(), Slice(quote("id")))
    return Result([_type(call, directory) for directory in dict.fromkeys(str(row[0]) for row in rows)])


def _type(call: Call, directory: str) -> Json:
    item_stage = _ITEM_STAGE.fullmatch(directory)
    if item_stage:
        return _item_stages(call, directory, int(item_stage[1] or 31), int(item_stage[2]))
    base, _, funnel = directory.rpartition("_") if _DEAL_STAGE.fullmatch(directory) else (directory, "", "")
    if not funnel.isdecimal():
        entry: Json = {"ID": directory, "NAME": _NAMES.get(directory, directory)}
        if directory in _OWNERS:
            entry |= {"ENTITY_TYPE_ID": _OWNERS[directory], "SEMANTIC_INFO": _semantic_info(call, directory)}
        return entry | ({"CATEGORY_ID": 0, "FIELD_ATTRIBUTE_SCOPE": ""} if directory == "DEAL_STAGE" else {})
    return {
        "ID": directory,
        "PARENT_ID": base,
        "NAME": f"{_NAMES[base]} ({_category(call, 2, int(funnel))['name']})",
        "PREFIX": f"C{funnel}",
        "CATEGORY_ID": funnel,
        "ENTITY_TYPE_ID": 2,
        "FIELD_ATTRIBUTE_SCOPE": f"category_{funnel}",
        "SEMANTIC_INFO": _semantic_info(call, directory),
    }


def _item_stages(call: Call, directory: str, number: int, funnel: int) -> Json:
    category = _category(call, number, funnel)
    titles = call.portal.database.rows("smart_processes", ("title",), equals("entityTypeId", number), Slice("id"))
    title = titles[0]["title"] if titles else "Счёт"
    return {
        "ID": directory,
        "NAME": f"{title} ({category['name']})",
        "PREFIX": f"DT{number}_{funnel}",
        "ENTITY_TYPE_ID": number,
        "CATEGORY_ID": funnel,
        "CATEGORY_NAME": category["name"],
        "CATEGORY_SORT": category["sort"],
        "IS_DEFAULT_CATEGORY": category["isDefault"],
        "IS_ENABLED": True,
        "FIELD_ATTRIBUTE_SCOPE": f"category_{funnel}",
        "SEMANTIC_INFO": [],
    }


def _category(call: Call, number: int, funnel: int) -> Json:
    clause = equals("entityTypeId", number) & equals("id", funnel)
    rows = call.portal.database.rows("categories", ("name", "sort", "isDefault"), clause, Slice("id"))
    row = rows[0] if rows else {"name": "", "sort": 500, "isDefault": False}
    return {"name": row["name"], "sort": row["sort"], "isDefault": bool(row["isDefault"])}


def _semantic_info(call: Call, directory: str) -> Json:
    rows = _directory(call, directory)
    by_meaning = {
        meaning: next((row["statusId"] for row in rows if row["semantics"] == meaning), "")
        for meaning in (None, "S", "F")
    }
    return {
        "START_FIELD": by_meaning[None],
        "FINAL_SUCCESS_FIELD": by_meaning["S"],
        "FINAL_UNSUCCESS_FIELD": by_meaning["F"],
        "FINAL_SORT": 0,
    }


def _directory(call: Call, directory: str) -> list[Row]:
    names = ("name", "sort", "statusId", "semantics")
    part = Slice(f"{quote('sort')}, {quote('id')}")
    return call.portal.database.rows(STATUSES.table, names, equals("entityId", directory), part)


def _fields(_call: Call) -> Result:
    return Result(
        {
            name: {
                "type": kind,
                "isRequired": required,
                "isReadOnly": read_only,
                "isImmutable": immutable,
                "isMultiple": False,
                "isDynamic": False,
                "title": name,
            }
            for name, (kind, required, read_only, immutable) in _FIELDS.items()
        }
    )


METHODS = {
    "crm.status.entity.items": Method(("crm",), _items),
    "crm.status.entity.types": Method(("crm",), _types),
    "crm.status.fields": Method(("crm",), _fields),
    "crm.status.list": Method(("crm",), _list),
}
