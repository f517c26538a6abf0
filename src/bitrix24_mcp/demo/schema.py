"""What an entity of the demo portal is: one declaration drives its table, `/fields`, filters, casing and checks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Kind = Literal["integer", "real", "text", "boolean", "datetime", "date", "list", "multifield", "object"]
Shape = Literal["titled", "declared", "flat", "upper"]

_KINDS: dict[str, Kind] = {
    "boolean": "boolean",
    "crm_category": "integer",
    "crm_company": "integer",
    "crm_contact": "integer",
    "crm_entity": "integer",
    "crm_multifield": "multifield",
    "date": "date",
    "datetime": "datetime",
    "double": "real",
    "employee": "integer",
    "file": "object",
    "iblock_element": "integer",
    "iblock_section": "integer",
    "integer": "integer",
    "number": "real",
    "object": "object",
    "user": "integer",
}
_COLUMNS: dict[Kind, str] = {"integer": "INTEGER", "real": "REAL", "boolean": "INTEGER"}


@dataclass(frozen=True)
class Field:
    """One field: its API name is also its column."""

    name: str
    type: str
    title: str = ""
    required: bool = False
    readonly: bool = False
    multiple: bool = False
    directory: str = ""  # crm_status: which directory its codes come from
    options: tuple[tuple[str, str], ...] = ()  # enumeration: (id, label)
    fill: str = ""  # what the portal writes there: created, creator, updated, updater, moved, mover, owner
    default: object = None
    stored: Kind | None = None  # smart-process enumerations hold numbers where deals hold strings

    @cached_property
    def element(self) -> Kind:
        """How one value compares."""
        return self.stored or _KINDS.get(self.type, "text")

    @cached_property
    def kind(self) -> Kind:
        """How the column is kept."""
        return "list" if self.multiple else self.element

    @property
    def column(self) -> str:
        """The column's SQL type."""
        return _COLUMNS.get(self.kind, "TEXT")

    @property
    def custom(self) -> bool:
        """Whether it is a user field."""
        return self.name.startswith(("UF_", "ufCrm"))


@dataclass(frozen=True, slots=True)
class Include:
    """A related entity that `include` can add (docs/includes)."""

    name: str
    entity: str
    local: str  # field here
    remote: str = "id"  # field there
    many: bool = False  # an array under the plural instead of one object
    through: str = ""  # field here with a JSON list of ids
    fixed: tuple[str, int] | None = None  # an extra condition there


@dataclass(frozen=True)
class Entity:
    """One entity of the portal with everything the generic routes need to know about it."""

    path: str
    table: str
    ops: str
    scope: tuple[str, ...]
    method: str  # the Bitrix24 call behind it, without its verb
    fields: tuple[Field, ...]
    key: str = "id"
    text_key: bool = False
    zone: Literal["utc", "portal"] = "utc"
    shape: Shape = "titled"
    aggregatable: tuple[str, ...] = ()
    includes: tuple[Include, ...] = ()
    required_filter: tuple[str, ...] = ()
    required_params: tuple[str, ...] = ()
    missing: str = "ENTITY_NOT_FOUND"
    missing_delete: str = "ENTITY_NOT_FOUND"
    auto_window: bool = True
    paged: bool = True
    indexes: tuple[str, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    entity_type_id: int = 0
    stage_field: str = ""

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Fields by API name."""
        return {field.name: field for field in self.fields}

    @cached_property
    def groupable(self) -> tuple[str, ...]:
        """Standard fields the aggregate accepts: the documented list, or numbers, links, flags and codes."""
        if self.aggregatable:
            return self.aggregatable
        plain = [field for field in self.fields if not field.custom and not field.multiple and field.name != self.key]
        return tuple(field.name for field in plain if _derived_groupable(field))

    def find(self, name: str) -> Field | None:
        """The field a request means: its API name, or its raw Bitrix24 name (docs/entity-api)."""
        known = self.by_name.get(name) or self.by_name.get(dict(self.aliases).get(name, ""))
        return known or (self.by_name.get(camel(name)) if name.isupper() else None)


def _derived_groupable(field: Field) -> bool:
    return field.element in ("integer", "real", "boolean") or field.type == "crm_status" or field.name.endswith("Id")


def camel(raw: str) -> str:
    """`ASSIGNED_BY_ID` as `assignedById`."""
    first, *rest = raw.lower().split("_")
    return first + "".join(part.capitalize() for part in rest)


def upper_snake(name: str) -> str:
    """`assignedById` as `ASSIGNED_BY_ID`."""
    return "".join("_" + letter if letter.isupper() else letter for letter in name).upper()
