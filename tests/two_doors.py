"""What is asked of both doors to one portal, and in which places their answers may differ."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from bad_input import BAD_CALLS
from bitrix24_mcp.crm.catalogue.entities import CATALOGUE
from cases import questions

Call = tuple[str, Mapping[str, Any]]

REQUIRED: Mapping[str, Mapping[str, Any]] = {
    "timelines": {"entityType": "deal", "entityId": 1},
    "calendar-events": {"type": "user", "ownerId": 1},
    "files": {"folderId": 1},
}
"""Conditions without which an entity cannot be listed."""
SALES = ["deals", "leads", "quotes", "invoices", "174", "contacts", "companies"]
ENTITIES = [*(entity.name for entity in CATALOGUE), "174", "156", "1038"]


def calls() -> Iterator[Call]:
    """Every tool, every entity, every question of the evaluation, and every mistake."""
    for entity in ENTITIES:
        yield from _of_any(entity)
    for entity in SALES:
        yield from _of_sales(entity)
    yield from _of_the_portal()
    for question in questions():
        yield from ((call.tool, call.arguments) for call in question.calls if not call.use)
    yield from ((call.tool, call.arguments) for call in BAD_CALLS)


def _of_any(entity: str) -> Iterator[Call]:
    narrowed = {"filter": REQUIRED[entity]} if entity in REQUIRED else {}
    ids = ["RUB", "XXX"] if entity == "currencies" else [1, 2, 3, 999_999]
    yield "describe_entity", {"entity": entity}
    yield "describe_entity", {"entity": entity, "detail": True, "max_tokens": 20_000}
    yield "search_items", {"entity": entity, "limit": 120, "max_tokens": 50_000, **narrowed}
    yield "search_items", {"entity": entity, "limit": 3, "sort": "-id", **narrowed}
    yield "get_item", {"entity": entity, "ids": ids}
    yield "aggregate", {"entity": entity, **narrowed}


def _of_sales(entity: str) -> Iterator[Call]:
    include = ["company", "contact", "products", "comments", "activities", "history"]
    yield "get_item", {"entity": entity, "id": 5, "include": include}
    yield "funnel_report", {"entity": entity, "created": "2026"}
    yield "funnel_report", {"entity": entity, "created": "2026-Q2", "history": True}
    yield "get_status_items", {"entity": entity}
    yield "get_status_items", {"entity": entity, "detail": True}
    in_june = {"createdAt" if entity in {"deals", "quotes"} else "createdTime": "last_month"}
    yield "aggregate", {"entity": entity, "group_by": ["assignedById"], "compare": "previous_period", "filter": in_june}
    yield "aggregate", {"entity": entity, "group_by": "assignedById", "explain": True}
    yield "search_items", {"entity": entity, "filter": {"id": {"$nin": [1, 2]}}, "sort": "-created", "limit": 60}


def _of_the_portal() -> Iterator[Call]:
    yield "get_portal_info", {}
    yield "get_status_items", {}
    yield from (("get_status_items", {"directory": name}) for name in ("SOURCE", "INVOICE_STATUS", "NO_SUCH"))
    yield "list_smart_processes", {}
    yield "list_smart_processes", {"select": ["id", "title", "createdTime", "isStagesEnabled"]}
    yield "list_smart_processes", {"sort": "-title", "filter": {"isStagesEnabled": True}}
    yield "list_workflows", {}
    yield "list_workflows", {"limit": 200, "sort": "id"}
    yield "list_workflows", {"filter": {"startedBy": {"$gt": 0}}, "sort": "-started"}
    yield "list_workflows", {"filter": {"started": {"$gte": "2026-06-01"}}}
    yield "list_workflows", {"stuck": True}
    yield "list_workflows", {"document": {"entity": "deals", "id": 526}}
    yield "search_items", {"entity": "contacts", "filter": {"phone": {"$contains": "+7"}}}
    yield "search_items", {"entity": "companies", "filter": {"sourceId": "CALL"}}
    yield "search_items", {"entity": "deals", "select": ["previousStageId"], "limit": 1}
    yield "list_smart_processes", {"filter": {"isInitialized": True}}


@dataclass(frozen=True)
class Difference:
    """Places where the answers may differ, by tool, entity and path; `row` is what the docs' table calls it.

    `asking`: of all calls only those whose arguments hold this text.
    """

    row: str
    tool: str
    path: str
    entity: str = ".*"
    asking: str = ""

    def asked_by(self, call: Call) -> bool:
        """Whether the answers to this call may differ at all."""
        tool, arguments = call
        of_these = re.fullmatch(self.tool, tool) and re.fullmatch(self.entity, str(arguments.get("entity", "")))
        return bool(of_these) and self.asking in json.dumps(arguments)

    def covers(self, call: Call, path: str) -> bool:
        """Whether the two answers to this call may differ there."""
        return self.asked_by(call) and re.fullmatch(self.path, path) is not None


def differing(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """The places where two answers differ, the order of a list's members and of an object's keys included."""
    if isinstance(one, dict) and isinstance(other, dict):
        left, right = cast("dict[str, Any]", one), cast("dict[str, Any]", other)
        shared = [name for name in left if name in right]
        if shared != [name for name in right if name in left]:
            yield f"{path} (order)"
        for name in {**left, **right}:
            yield from differing(left.get(name), right.get(name), f"{path}.{name}" if path else name)
    elif isinstance(one, list) and isinstance(other, list):
        yield from _differing_members(cast("list[Any]", one), cast("list[Any]", other), path)
    elif one != other:
        yield path


def _differing_members(one: list[Any], other: list[Any], path: str) -> Iterator[str]:
    if len(one) != len(other):
        yield path
        return
    for place, (left, right) in enumerate(zip(one, other, strict=True)):
        yield from differing(left, right, f"{path}[{place}]")


_NAMELESS = "files|folders|storages|catalog-products|orders|documents|doc-templates"
DIFFERENCES = [
    Difference("Whose key", "get_portal_info", r"portal|key_type|access_mode|scopes|user\.admin|requests\..*"),
    Difference("Links", "list_smart_processes", r"items\[\d+\]\.url"),
    Difference("When figures were read", "aggregate|funnel_report", "as_of"),
    Difference("What a question costs", "aggregate", r"plan\.(route|calls_at_most)"),
    Difference("Labels", "describe_entity", r"fields\.[^.]+\.\w+", _NAMELESS),
    Difference("Read-only marks", "describe_entity", "read_only"),
    Difference(
        "Order of phones and addresses", "describe_entity", r"fields\.string \(order\)", "leads|contacts|companies"
    ),
    Difference("Order of phones and addresses", "get_item", r"items\[\d+\].* \(order\)"),
    Difference("Fields of one door", "describe_entity", r"fields\.stage\.previousStageId", "deals"),
    Difference("Fields of one door", "describe_entity", r"fields\.directory SOURCE|directories\.SOURCE", "companies"),
    Difference("Fields of one door", "describe_entity", r"fields\.boolean\.isAdmin", "users"),
    Difference("Fields of one door", "get_item", r"items\[\d+\]\.sourceId(_name)?", "companies"),
    Difference("Fields of one door", "get_item", r"items\[\d+\]\.isAdmin", "users"),
    Difference("Fields of one door", "search_items", ".*", "companies", asking='{"sourceId": "CALL"}'),
    Difference("Fields of one door", "search_items", ".*", "deals", asking='["previousStageId"]'),
    Difference("Parts of phones and addresses", "search_items", ".*", "contacts", asking='{"phone": {"$contains"'),
    Difference("Switches of smart processes", "list_smart_processes", ".*", asking='{"isInitialized": true}'),
    Difference("Cursors", "search_items|list_workflows", "next_cursor"),
]
