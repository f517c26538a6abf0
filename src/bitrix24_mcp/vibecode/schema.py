"""Field lists in both shapes of `/fields`, as fields of the CRM (docs/entities, fields)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from bitrix24_mcp.crm.portal_values import FieldInfo, Option
from bitrix24_mcp.sending.failures import unexpected


def field_list(data: Any) -> tuple[FieldInfo, ...]:
    """The fields of `{fields: {name: {...}}}` or `{name: {...}}`; raises UnexpectedAnswer for anything else."""
    if not isinstance(data, dict):
        raise unexpected("The portal sent no field list.")
    held = cast("Mapping[str, Any]", data)
    inner = held.get("fields")
    fields = cast("Mapping[str, Any]", inner) if isinstance(inner, dict) else held
    described = [(name, cast("Mapping[str, Any]", each)) for name, each in fields.items() if isinstance(each, dict)]
    if not described:
        raise unexpected("The portal sent an empty field list.")
    return tuple(_field(name, each) for name, each in described)


def nameless(field: FieldInfo) -> bool:
    """Whether this is a user field that came without the name people gave it."""
    return field.name.casefold().startswith("uf") and _spelling(field.title) in {"", _spelling(field.name)}


def labelled(fields: Iterable[FieldInfo], rows: Iterable[Mapping[str, Any]]) -> tuple[FieldInfo, ...]:
    """The fields, the nameless ones with the labels of `/v1/userfields` (docs/userfields)."""
    labels = {_spelling(str(row["fieldName"])): _label(row.get("editFormLabel")) for row in rows}
    return tuple(
        replace(field, title=labels.get(_spelling(field.name), "") or field.title) if nameless(field) else field
        for field in fields
    )


def _label(told: Any) -> str:
    """A label is a text, or one text a language; the portal's own language is not told, so the first is taken."""
    texts = cast("Mapping[str, Any]", told).values() if isinstance(told, dict) else (told,)
    return next((text for text in texts if isinstance(text, str) and text), "")


def _spelling(name: str) -> str:
    return name.replace("_", "").casefold()


def _field(name: str, described: Mapping[str, Any]) -> FieldInfo:
    return FieldInfo(
        name=name,
        type=str(described.get("type") or ""),
        title=str(described.get("title") or described.get("label") or ""),
        read_only=_says(described, "isReadOnly", "readonly"),
        multiple=_says(described, "isMultiple"),
        options=_options(described.get("items")),
        directory=str(described.get("statusType") or ""),
        required=_says(described, "isRequired", "required"),
        immutable=_says(described, "isImmutable"),
    )


def _says(described: Mapping[str, Any], *names: str) -> bool:
    """Whether one of these flags is set, as a truth or as a letter."""
    return any(described.get(name) is True or described.get(name) == "Y" for name in names)


def _options(items: Any) -> tuple[Option, ...]:
    """List values as `[{ID, VALUE}]`; the keys' case is not documented, so both are read."""
    if not isinstance(items, list):
        return ()
    rows = [cast("Mapping[str, Any]", each) for each in cast("Sequence[Any]", items) if isinstance(each, dict)]
    return tuple(Option(str(row.get("ID", row.get("id"))), str(row.get("VALUE", row.get("value", "")))) for row in rows)
