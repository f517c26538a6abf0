"""What the universal methods call the fields of each type, and which types there are (crm.item.fields)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.rest.calls import RestError
from bitrix24_mcp.demo.rest.parameters import whole
from bitrix24_mcp.demo.schema import upper_snake

if TYPE_CHECKING:
    from bitrix24_mcp.demo.gateway import Gateway
    from bitrix24_mcp.demo.rest.calls import Json
    from bitrix24_mcp.demo.schema import Entity, Field

PATHS = {1: "leads", 2: "deals", 3: "contacts", 4: "companies", 7: "quotes", 31: "invoices"}
MULTIFIELDS = {"phone": "PHONE", "email": "EMAIL", "web": "WEB"}

_MONEY = {"amount": "opportunity", "currency": "currencyId"}
_AUDIT = {"createdAt": "createdTime", "updatedAt": "updatedTime"}
_NAMES: dict[str, dict[str, str]] = {
    "leads": {"statusId": "stageId", **_MONEY},
    "deals": {"closedAt": "closedate", "isReturning": "isReturnCustomer", **_MONEY, **_AUDIT},
    "companies": {"companyType": "typeId"},
    "quotes": {"beginDate": "begindate", "closeDate": "closedate", **_MONEY, **_AUDIT},
}
# The universal methods do not have these: a deal's stage before the last one, a company's source.
_ABSENT = {("deals", "previousStageId"), ("companies", "sourceId")}
_CLASSIC = {
    "createdTime": "DATE_CREATE",
    "updatedTime": "DATE_MODIFY",
    "createdBy": "CREATED_BY_ID",
    "updatedBy": "MODIFY_BY_ID",
    "movedBy": "MOVED_BY_ID",
}
_CLASSIC_OF = {("leads", "stageId"): "STATUS_ID", ("companies", "typeId"): "COMPANY_TYPE"}
_CUSTOM = re.compile(r"ufCrm(\d*)_(.+)")
_PARENT = re.compile(r"parentId(\d+)")


@dataclass(frozen=True, slots=True)
class ItemField:
    """A field: its name here, its original name in capitals, and the column behind it."""

    name: str
    original: str
    field: Field


@dataclass(frozen=True)
class ItemType:
    """One type of items. Multifields are not among its fields: they come together as `fm`."""

    entity: Entity
    number: int
    fields: tuple[ItemField, ...]
    multifields: tuple[str, ...]

    @cached_property
    def by_name(self) -> dict[str, ItemField]:
        """Fields by name."""
        return {item.name: item for item in self.fields}

    @cached_property
    def by_original_name(self) -> dict[str, ItemField]:
        """Fields by name, those of users by their original one."""
        return {item.original if item.field.custom else item.name: item for item in self.fields}

    def named(self, *, original: bool) -> dict[str, ItemField]:
        """Fields by the names that `useOriginalUfNames` chooses."""
        return self.by_original_name if original else self.by_name


def item_type(portal: Gateway, params: Json) -> ItemType:
    """The type that `entityTypeId` names, or the refusal of one that is missing, unknown or not served."""
    if "entityTypeId" not in params:
        raise RestError("100", "Could not find value for parameter {entityTypeId}")
    found = find_type(portal, whole(params["entityTypeId"]))
    if found is None:
        raise RestError("NOT_FOUND", "Smart process not found")
    return found


def find_type(portal: Gateway, number: int) -> ItemType | None:
    """The type of this number, if there is one; old invoices are refused."""
    if number == 5:
        raise RestError("ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
    entity = portal.registry.get(PATHS.get(number, f"items/{number}"))
    return _shaped(entity) if entity else None


def custom_name(field: Field) -> str:
    """A user field's name in the universal methods; smart processes keep it in that form already."""
    return re.sub(r"^UF_CRM_", "ufCrm_", field.name)


def original_name(field: Field) -> str:
    """A user field's name in capitals, `UF_CRM_3_1700000101` say."""
    camel = _CUSTOM.fullmatch(custom_name(field))
    if camel is None:
        return field.name
    return "_".join(filter(None, ("UF_CRM", camel[1], camel[2])))


def parent_of(name: str) -> int:
    """The type that a field such as `parentId2` links to; 0 = it is no such field."""
    found = _PARENT.fullmatch(name)
    return int(found[1]) if found else 0


@lru_cache(maxsize=64)
def _shaped(entity: Entity) -> ItemType:
    kept = [field for field in entity.fields if (entity.path, field.name) not in _ABSENT]
    return ItemType(
        entity,
        entity.entity_type_id,
        tuple(_item_field(entity, field) for field in kept if field.kind != "multifield"),
        tuple(field.name for field in kept if field.kind == "multifield"),
    )


def _item_field(entity: Entity, field: Field) -> ItemField:
    if field.custom:
        return ItemField(custom_name(field), original_name(field), field)
    name = _NAMES.get(entity.path, {}).get(field.name, field.name)
    return ItemField(name, _original(entity.path, name), field)


def _original(path: str, name: str) -> str:
    if parent_of(name):
        return f"PARENT_ID_{parent_of(name)}"
    if path == "invoices" or path.startswith("items/"):
        return upper_snake(name)
    return _CLASSIC_OF.get((path, name)) or _CLASSIC.get(name) or upper_snake(name)
