"""Changes of records as calls: crm.item for items, methods of their own for tasks, products and comments."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from types import MappingProxyType
from typing import Any

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.portal_changes import Change
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.items.listing import is_item
from bitrix24_mcp.rest.items.names import is_user_field, keeps_original_names
from bitrix24_mcp.rest.reading.columns import Columns
from bitrix24_mcp.rest.writing.multifields import added, changed
from bitrix24_mcp.rest.writing.values import is_emptied, value_for


@dataclass(frozen=True, slots=True)
class Methods:
    """How one kind of record is added, updated and deleted.

    `name`: what the three methods have in common; `id`: what they call the id; `record`: the key of their result under
    which the record stands, empty where only its id comes.
    """

    name: str
    id: str = "id"
    record: str = ""


_ITEMS = Methods("crm.item", record="item")
_KINDS: Mapping[str, Methods] = MappingProxyType(
    {
        "tasks": Methods("tasks.task", id="taskId", record="task"),
        "products": Methods("crm.product"),
        "timelines": Methods("crm.timeline.comment"),
    }
)


def methods_of(entity: Entity) -> Methods | None:
    """How records of an entity are changed; None where they are not."""
    return _ITEMS if is_item(entity) else _KINDS.get(entity.name)


def record_call(change: Change, methods: Methods, columns: Columns, offset: tzinfo | None) -> RestCall:
    """The call that creates, updates or deletes a record. `offset`: the one in which the portal writes moments."""
    of_type = {"entityTypeId": change.entity.entity_type_id} if methods is _ITEMS else {}
    if change.action == "create":
        return RestCall(f"{methods.name}.add", {**of_type, "fields": _fields(change, columns, offset)})
    which = {**of_type, methods.id: change.id}
    if change.action == "delete":
        return RestCall(f"{methods.name}.delete", which)
    emptied = _emptied_user_fields(change, columns) if methods is _ITEMS else []
    if emptied and (older := _emptying(change, emptied)):
        if len(emptied) == len(change.values):
            return older
        # Those are left for a change of their own, which the caller makes when it reads that they still hold values.
        change = replace(change, values={name: each for name, each in change.values.items() if name not in emptied})
    return RestCall(f"{methods.name}.update", {**which, "fields": _fields(change, columns, offset)})


def _fields(change: Change, columns: Columns, offset: tzinfo | None) -> dict[str, Any]:
    """The values under REST's names."""
    parts = {name: value for name, value in change.values.items() if columns[name].form == "multifield"}
    fields = {
        columns[name].asked: value_for(columns[name], _small(name, value, change.entity), offset)
        for name, value in change.values.items()
        if name not in parts
    }
    if not parts:
        return fields
    told = added(parts) if change.action == "create" else changed(parts, change.before)
    return {**fields, "fm": told} if told else fields


def _small(name: str, value: Any, entity: Entity) -> Any:
    """Comments name their owner's type in small letters (crm.timeline.comment.add)."""
    return value.lower() if name and name == entity.owner_type_field and isinstance(value, str) else value


def _emptied_user_fields(change: Change, columns: Columns) -> list[str]:
    """User fields of several values that are to hold none: crm.item.update says that it empties them, and does not."""
    return [
        name
        for name, value in change.values.items()
        if is_user_field(name) and columns[name].multiple and is_emptied(value)
    ]


def _emptying(change: Change, emptied: list[str]) -> RestCall | None:
    """The older method that empties them; it knows what an item is called otherwise, so it changes nothing else.

    None where there is none: then the portal is taken at its word, and reading back shows what it did.
    """
    if not keeps_original_names(change.entity):
        return None
    fields: dict[str, Any] = {name: [] for name in emptied}
    return RestCall(f"crm.{change.entity.singular}.update", {"id": change.id, "fields": fields})
