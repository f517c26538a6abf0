"""What requests ask a portal to write, read off their paths and bodies: which records, and which texts they hold."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast
from urllib.parse import parse_qsl

from bitrix24_mcp.demo.recording import RecordedRequest

_VERBS: Mapping[str, str] = MappingProxyType(
    {
        "add": "create",
        "create": "create",
        "update": "update",
        "delete": "delete",
        "start": "start",
        "terminate": "terminate",
        "kill": "terminate",
    }
)
_METHODS: Mapping[str, str] = MappingProxyType({"POST": "create", "PATCH": "update", "DELETE": "delete"})
_FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "crm.deal": "deals",
        "crm.lead": "leads",
        "crm.contact": "contacts",
        "crm.company": "companies",
        "crm.quote": "quotes",
        "crm.product": "products",
        "crm.timeline.comment": "timelines",
        "tasks.task": "tasks",
        "bizproc.workflow": "workflows",
    }
)
_NUMBERED: Mapping[str, str] = MappingProxyType(
    {"1": "leads", "2": "deals", "3": "contacts", "4": "companies", "7": "quotes", "31": "invoices"}
)
_READING = frozenset({"search", "aggregate", "fields"})


@dataclass(frozen=True, slots=True)
class Demand:
    """One change that a request asks for. `key` is "" for what is new; `texts` is every text that it would write."""

    action: str
    entity: str
    key: str = ""
    texts: frozenset[str] = field(default_factory=frozenset[str])


def demanded(request: RecordedRequest) -> list[Demand]:
    """The changes that a request asks for; none where it only reads."""
    body = cast("Mapping[str, Any]", request.body or {})
    if request.path.startswith("/rest/"):
        method = request.path.rpartition("/")[2].removesuffix(".json")
        return [each for name, params in _commands(method, body) for each in _of_method(name, params)]
    parts = request.path.removeprefix("/v1/").split("/")
    if parts == ["batch"]:
        return [each for call in body.get("calls", ()) for each in _of_call(call)]
    return _of_route(request.method, parts, body)


def _commands(method: str, body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A method with its parameters, or those of a batch."""
    if method != "batch":
        yield method, body
        return
    for command in cast("Mapping[str, str]", body.get("cmd", {})).values():
        name, _, query = command.partition("?")
        yield name, dict(parse_qsl(query, keep_blank_values=True))


def _of_method(method: str, params: Mapping[str, Any]) -> list[Demand]:
    family, _, verb = method.rpartition(".")
    action = _VERBS.get(verb)
    if action is None or (family not in _FAMILIES and family != "crm.item"):
        return []
    number = str(params.get("entityTypeId", ""))
    entity = _NUMBERED.get(number, number) if family == "crm.item" else _FAMILIES[family]
    key = next((str(params[name]) for name in ("id", "ID", "taskId") if name in params), "")
    return [Demand(action, entity, key, _texts(params))]


def _of_call(call: Mapping[str, Any]) -> list[Demand]:
    action = _VERBS.get(str(call["action"]))
    params = cast("Mapping[str, Any]", call.get("params", {}))
    entity = str(params.get("entityTypeId", "")) if call["entity"] == "items" else str(call["entity"])
    return [Demand(action, entity, str(call.get("entityId", "")), _texts(params))] if action else []


def _of_route(method: str, parts: list[str], body: Mapping[str, Any]) -> list[Demand]:
    action = _METHODS.get(method)
    if action is None or parts[-1] in _READING:
        return []
    if parts == ["workflows", "start"]:
        return [Demand("start", "workflows", "", _texts(body))]
    entity, *rest = parts[1:] if parts[0] == "items" else parts
    action = "terminate" if entity == "workflows" else action
    return [Demand(action, entity, rest[0] if rest else "", _texts(body))]


def _texts(value: Any) -> frozenset[str]:
    return frozenset(_leaves(value))


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(cast("Mapping[str, Any]", value).values())
    if isinstance(value, list | tuple):
        for each in cast("Iterable[Any]", value):
            yield from _leaves(each)
    else:
        yield str(value)
