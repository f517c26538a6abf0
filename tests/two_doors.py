"""What is asked of both doors to one portal, and in which places their answers may differ."""

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
    yield "aggregate", {"entity": entity, "group_by": ["assignedById"], "compare": "previous", "filter": _last_month(entity)}
    yield "search_items", {"entity": entity, "filter": {"id": {"$nin": [1, 2]}}, "sort": "-created", "limit": 60}


def _last_month(entity: str) -> Mapping[str, Any]:
    return {"createdAt" if entity in {"deals", "quotes"} else "createdTime": "last_month"}


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


@dataclass(frozen=True)
class Difference:
    """Places where the answers may differ, by tool, entity and path; `row` is what the docs' table calls it."""

    row: str
    tool: str
    path: str
    entity: str = ".*"

    def covers(self, call: Call, path: str) -> bool:
        """Whether the two answers to this call may differ there."""
        tool, arguments = call
        asked = str(arguments.get("entity", ""))
        given = ((self.tool, tool), (self.entity, asked), (self.path, path))
        return all(re.fullmatch(pattern, text) for pattern, text in given)


def differing(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """The places where two answers differ, the order of a list's members and of an object's keys included."""
    if isinstance(one, dict) and isinstance(other, dict):
        left, right = cast("dict[str, Any]", one), cast("dict[str, Any]", other)
        shared = [name for name in left if name in right]
        if shared != [name for name in right if name in left]:
            yield f"{path} (order)"
        for name in {**left, **right}:
            yield from differing(left.get(name), right.get(name), f"{path}.{name}" if path else name)
    elif isinstance(one, list) and isinstance(other, list) and len(cast("list[Any]", one)) == len(cast("list[Any]", other)):
        for place, (left, right) in enumerate(zip(cast("list[Any]", one), cast("list[Any]", other), strict=True)):
            yield from differing(left, right, f"{path}[{place}]")
    elif one != other:
        yield path
