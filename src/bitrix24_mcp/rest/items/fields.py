"""The fields of CRM items as the portal describes them (crm.item.fields)."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, cast

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.portal_values import FieldInfo, Option
from bitrix24_mcp.rest.calling.envelope import Json
from bitrix24_mcp.rest.items.names import MULTIFIELDS, asked, called, is_user_field, keeps_original_names
from bitrix24_mcp.rest.reading.columns import Columns
from bitrix24_mcp.rest.reading.dialects import Column
from bitrix24_mcp.rest.reading.values import Form
from bitrix24_mcp.sending.failures import unexpected

_FM = "fm"
_TYPES = {"crm_currency": "string", "char": "string"}
"""Types under another word of the same meaning, where a link is not meant."""
_FORMS: Mapping[str, Form] = {
    "integer": "number", "int": "number", "double": "number", "number": "number", "user": "number",
    "employee": "number", "iblock_element": "number", "iblock_section": "number", "crm_category": "number",
    "crm_company": "number", "crm_contact": "number", "crm_entity": "number", "crm_lead": "number",
    "crm_deal": "number", "crm_quote": "number", "enumeration": "number", "boolean": "flag", "date": "day",
    "datetime": "moment", "crm_status": "text",
}  # fmt: skip


def described(result: Json) -> dict[str, Json]:
    """The fields by REST's names. Raises UnexpectedAnswer when there are none."""
    fields = {name: cast("Json", each) for name, each in result.items() if isinstance(each, dict)}
    if not fields:
        raise unexpected("The portal sent an empty field list.")
    return fields


def fields_of(entity: Entity, fields: Mapping[str, Json], titles: Mapping[str, str]) -> tuple[FieldInfo, ...]:
    """The fields for tools. `titles` are what people call the multifields, by their classic names."""
    parts = MULTIFIELDS.get(entity.name, ())
    own = [_field(entity, name, each) for name, each in fields.items() if name not in {_FM, *parts}]
    return (*own, *(FieldInfo(name, "crm_multifield", titles.get(name.upper(), "")) for name in parts))


def columns_of(entity: Entity, fields: Mapping[str, Json]) -> Columns:
    """The same fields for REST. What is not described is asked for by its name alone, as the catalogue knows it."""
    parts = MULTIFIELDS.get(entity.name, ())
    own = [_column(entity, name, each) for name, each in fields.items() if name not in {_FM, *parts}]
    known = {column.name for column in own}
    undescribed = [
        Column(name, asked(entity, name), asked(entity, name), _form(entity, name, type_))
        for name, type_ in {"id": "integer", **entity.known_fields}.items()
        if name not in known
    ]
    multifields = [Column(name, "", _FM, "multifield", multiple=True, part=name.upper()) for name in parts]
    return Columns([*own, *undescribed, *multifields], partial(asked, entity))


def _column(entity: Entity, name: str, described: Json) -> Column:
    ours = called(entity, name, str(described.get("upperName") or ""))
    type_ = str(described.get("type") or "")
    return Column(
        ours,
        name,
        name,
        _form(entity, ours, type_),
        multiple=_yes(described.get("isMultiple")),
        numbered=type_ == "enumeration",
    )


def _form(entity: Entity, name: str, type_: str) -> Form:
    """How the field keeps its values. User fields are asked for by 1 and 0 where others take Y and N."""
    if name in entity.days:
        return "day"
    form = _FORMS.get(type_, "plain")
    if form == "flag" and is_user_field(name):
        return "bit"
    if type_ == "enumeration" and keeps_original_names(entity):
        return "text"
    return form


def _field(entity: Entity, name: str, described: Json) -> FieldInfo:
    type_ = str(described.get("type") or "")
    return FieldInfo(
        name=called(entity, name, str(described.get("upperName") or "")),
        type=_TYPES.get(type_, type_),
        title=str(described.get("title") or ""),
        read_only=_yes(described.get("isReadOnly")),
        multiple=_yes(described.get("isMultiple")),
        options=options_of(described.get("items")),
        directory=str(described.get("statusType") or _setting(described, "ENTITY_TYPE")),
        required=_yes(described.get("isRequired")),
        immutable=_yes(described.get("isImmutable")),
    )


def options_of(items: Any) -> tuple[Option, ...]:
    """List values as `[{ID, VALUE}]`; PHP may print them as a map."""
    held: Iterable[Any] = cast("Json", items).values() if isinstance(items, dict) else items or ()
    rows = [cast("Json", each) for each in cast("Sequence[Any]", held) if isinstance(each, dict)]
    return tuple(Option(str(row.get("ID", row.get("id"))), str(row.get("VALUE", row.get("value", "")))) for row in rows)


def _setting(described: Json, name: str) -> str:
    settings = described.get("settings")
    return str(cast("Json", settings).get(name) or "") if isinstance(settings, dict) else ""


def _yes(told: Any) -> bool:
    return told is True or told == "Y"
