"""One change in both of its forms: a request of its own, and an entry of a batch (docs/entity-api, docs/batch)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast
from urllib.parse import quote

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.portal_changes import Action, Change
from bitrix24_mcp.vibecode.requests import path_of

_RECORDS = frozenset(
    {"leads", "deals", "contacts", "companies", "quotes", "invoices", "tasks", "products", "timelines"}
)
_WITH_WORKFLOWS = frozenset({"leads", "deals", "contacts", "companies"})
"""Entities on whose records a workflow can be started (docs/automation/workflows)."""
_MULTIFIELDS = frozenset({"phone", "email", "web"})


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """A change as the gateway takes it; `entry` without its id for a batch, None where a batch cannot make it."""

    method: Literal["POST", "PATCH", "DELETE"]
    path: str
    query: Sequence[tuple[str, str]] = ()
    body: Mapping[str, Any] | None = None
    entry: Mapping[str, Any] | None = None


def takes(action: Action, entity: Entity) -> bool:
    """Whether there is a route for it. Tasks of workflows have none (docs/automation)."""
    match action:
        case "create" | "update" | "delete":
            return entity.smart_process or entity.name in _RECORDS
        case "start":
            return entity.name in _WITH_WORKFLOWS
        case "terminate":
            return True
        case "complete":
            return False


def request_of(change: Change) -> ChangeRequest:
    """The request for a change that the gateway takes."""
    match change.action:
        case "create":
            values = _written(change)
            return ChangeRequest("POST", path_of(change.entity), body=values, entry=_entry(change, values))
        case "update":
            values = _written(change)
            return ChangeRequest("PATCH", _path(change), body=values, entry=_entry(change, values))
        case "delete":
            return ChangeRequest("DELETE", _path(change), entry=_entry(change, {}))
        case "start":
            return ChangeRequest("POST", "workflows/start", body=_started(change))
        case "terminate" | "complete":
            return ChangeRequest("DELETE", f"workflows/{_in_path(change.id)}", query=_terminated(change.values))


def _path(change: Change) -> str:
    return f"{path_of(change.entity)}/{_in_path(change.id)}"


def _in_path(record_id: Any) -> str:
    return quote(str(record_id), safe="")


def _entry(change: Change, values: Mapping[str, Any]) -> dict[str, Any]:
    """Items need their type among the parameters; the id stands beside them (docs/batch)."""
    entity = change.entity
    of_type = {"entityTypeId": entity.entity_type_id} if entity.smart_process else {}
    params = {**of_type, **values}
    return {
        "entity": "items" if entity.smart_process else entity.name,
        "action": change.action,
        **({"entityId": change.id} if change.id is not None else {}),
        **({"params": params} if params else {}),
    }


def _written(change: Change) -> dict[str, Any]:
    return {name: _value(name, value, change) for name, value in change.values.items()}


def _value(name: str, value: Any, change: Change) -> Any:
    """The value as routes take it: as it is stored, but for phones and the types of comments' owners.

    What held several values is emptied by a list of none.
    """
    if name in _MULTIFIELDS:
        several = cast("Sequence[Any]", value) if isinstance(value, list | tuple) else ()
        return [_multifield(cast("Mapping[str, Any]", each)) for each in several]
    if value is None:
        return [] if isinstance(change.before.get(name), list) else None
    if name == change.entity.owner_type_field and str(value).lower().startswith("dynamic_"):
        return str(value).upper()
    return value


def _multifield(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A phone as it is written: `{"value", "typeId"}` (docs/entities/contacts)."""
    return {"value": stored.get("VALUE"), "typeId": stored.get("VALUE_TYPE") or "WORK"}


def _started(change: Change) -> dict[str, Any]:
    parameters = change.values.get("parameters")
    return {
        "templateId": change.values.get("templateId"),
        "entityType": change.entity.singular,
        "entityId": change.id,
        **({"parameters": parameters} if parameters else {}),
    }


def _terminated(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    forced = [("force", "true")] if values.get("forced") else []
    status = [("status", str(values["status"]))] if values.get("status") else []
    return [*forced, *status]
