"""User fields: `crm.*.userfield.list` and `userfieldconfig.list` (docs: crm/universal/user-defined-fields)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.database import Slice, equals, quote
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.items.shape import original_name
from bitrix24_mcp.demo.rest.pages import PAGE
from bitrix24_mcp.demo.rest.parameters import elements, entries, whole

if TYPE_CHECKING:
    from bitrix24_mcp.demo.gateway import Gateway
    from bitrix24_mcp.demo.rest.calls import Call, Json
    from bitrix24_mcp.demo.schema import Field

# Where the numbers of a kind's fields begin.
_CLASSIC = {
    "deal": ("deals", 380),
    "lead": ("leads", 420),
    "contact": ("contacts", 460),
    "company": ("companies", 500),
    "quote": ("quotes", 540),
    "requisite": ("requisites", 580),
}
_INVOICE_NUMBERS = 620
_LABELS = ("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL")
_MESSAGES = ("ERROR_MESSAGE", "HELP_MESSAGE")
_CAMEL = {
    "ID": "id",
    "ENTITY_ID": "entityId",
    "FIELD_NAME": "fieldName",
    "USER_TYPE_ID": "userTypeId",
    "XML_ID": "xmlId",
    "SORT": "sort",
    "MULTIPLE": "multiple",
    "MANDATORY": "mandatory",
    "SHOW_FILTER": "showFilter",
    "SHOW_IN_LIST": "showInList",
    "EDIT_IN_LIST": "editInList",
    "IS_SEARCHABLE": "isSearchable",
    "SETTINGS": "settings",
}
_CAMEL_LABELS = ("editFormLabel", "listColumnLabel", "listFilterLabel", "errorMessage", "helpMessage")


def _classic(call: Call, *, kind: str) -> Result:
    """Every field of a kind, all text; labels only when `filter` has LANG."""
    path, first = _CLASSIC[kind]
    given = dict(entries(call.params.get("filter")))
    found = _rows(call.portal, path, f"CRM_{kind.upper()}", first)
    rows = [_labelled(row, field) if given.get("LANG") else row for row, field in found if _wanted(row, given)]
    rows = _sorted(rows, call.params.get("order"))
    return Result(rows, len(rows))


def _labelled(row: Json, field: Field) -> Json:
    return {**row, **dict.fromkeys(_LABELS, field.title), **dict.fromkeys(_MESSAGES, None)}


def _config(call: Call) -> Result:
    """The fields of one owner, invoices and smart processes included; without options, labels on demand."""
    if call.params.get("moduleId") != "crm" or "crm" not in call.caller.scopes:
        raise RestError("ACCESS_DENIED", "Access denied", 403)
    given = {_upper(key): value for key, value in entries(call.params.get("filter"))}
    select = dict(entries(call.params.get("select")))
    language = str(select.pop("language", ""))
    found = _every_row(call.portal, str(given.get("ENTITY_ID", "")))
    shown = [_camel(row, field, language) for row, field in found if _wanted(row, given)]
    rows = _sorted(shown, call.params.get("order"))
    asked = [str(name) for name in elements(select)]
    if asked and "*" not in asked:
        rows = [{name: row[name] for name in row if name in asked} for row in rows]
    start = whole(call.params.get("start"))
    if start < 0:
        return Result({"fields": rows[:PAGE]}, 0)
    more = start + PAGE if start + PAGE < len(rows) else None
    return Result({"fields": rows[start : start + PAGE]}, len(rows), more)


def _every_row(portal: Gateway, owner: str) -> list[tuple[Json, Field]]:
    """The fields of an owner such as `CRM_DEAL`, `CRM_SMART_INVOICE`, or `CRM_3`, the smart process whose id is 3."""
    classic = owner.removeprefix("CRM_").lower()
    if classic in _CLASSIC:
        path, first = _CLASSIC[classic]
        return _rows(portal, path, owner, first)
    if owner == "CRM_SMART_INVOICE":
        return _rows(portal, "invoices", owner, _INVOICE_NUMBERS)
    number = whole(classic)
    types = portal.database.rows("smart_processes", ("entityTypeId",), equals("id", number), Slice(quote("id"), 1))
    return _rows(portal, f"items/{types[0][0]}", owner, 700 + 40 * number) if types else []


def _rows(portal: Gateway, path: str, owner: str, first: int) -> list[tuple[Json, Field]]:
    entity = portal.registry.get(path)
    custom = [field for field in entity.fields if field.custom] if entity else []
    return [(_row(first + place, owner, field, place), field) for place, field in enumerate(custom)]


def _row(number: int, owner: str, field: Field, place: int) -> Json:
    row: Json = {
        "ID": str(number),
        "ENTITY_ID": owner,
        "FIELD_NAME": original_name(field),
        "USER_TYPE_ID": field.type,
        "XML_ID": None,
        "SORT": str((place + 1) * 100),
        "MULTIPLE": "Y" if field.multiple else "N",
        "MANDATORY": "Y" if field.required else "N",
        "SHOW_FILTER": "E",
        "SHOW_IN_LIST": "Y",
        "EDIT_IN_LIST": "Y",
        "IS_SEARCHABLE": "N",
        "SETTINGS": {"ENTITY_TYPE": field.directory} if field.directory else {},
    }
    if field.options:
        row["LIST"] = [
            {"ID": option, "SORT": str(position * 10), "VALUE": label, "DEF": "N", "XML_ID": f"option-{option}"}
            for position, (option, label) in enumerate(field.options, start=1)
        ]
    return row


def _camel(row: Json, field: Field, language: str) -> Json:
    shown = {name: row[classic] for classic, name in _CAMEL.items()}
    if not language:
        return shown
    texts = (field.title, field.title, field.title, None, None)
    phrases: Json = {name: {language: text} for name, text in zip(_CAMEL_LABELS, texts, strict=True)}
    return {**shown, "languageId": {language: language}, **phrases}


def _wanted(row: Json, given: Json) -> bool:
    """Whether a field has the values that a filter asks for; names that rows do not have are passed over."""
    return all(
        str(row[name]) in [str(element) for element in elements(value)]
        for name, value in ((key.removeprefix("="), value) for key, value in given.items())
        if name in row
    )


def _sorted(rows: list[Json], order: object) -> list[Json]:
    """The rows in the order asked for, by SORT and ID where none is."""
    for name, direction in reversed(list(entries(order))):
        if rows and name in rows[0]:
            rows = sorted(rows, key=partial(_rank, name), reverse=str(direction).upper() == "DESC")
    return rows


def _rank(name: str, row: Json) -> tuple[int, str]:
    text = str(row[name])
    return (int(text), "") if text.isdecimal() else (0, text)


def _upper(camel: str) -> str:
    return next((classic for classic, name in _CAMEL.items() if name == camel.removeprefix("=")), camel)


METHODS = {
    **{f"crm.{kind}.userfield.list": Method(("crm",), partial(_classic, kind=kind)) for kind in _CLASSIC},
    "userfieldconfig.list": Method(("userfieldconfig",), _config),
}
