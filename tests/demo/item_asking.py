"""Calls of the universal CRM methods for the tests of the demo portal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .rest_asking import ADMIN, ask

if TYPE_CHECKING:
    from bitrix24_mcp.demo import DemoPortal

TABLES = {
    1: "leads",
    2: "deals",
    3: "contacts",
    4: "companies",
    7: "quotes",
    31: "invoices",
    156: "items_156",
    174: "items_174",
    1038: "items_1038",
}


def items(portal: DemoPortal, kind: int, webhook: str = ADMIN, **params: Any) -> list[Any]:
    """The items of all pages, by id unless another order is given."""
    params = {"order": {"id": "ASC"}, "entityTypeId": kind, **params}
    answer = ask(portal, "crm.item.list", webhook, **params)
    found = list(answer["result"]["items"])
    while "next" in answer:
        answer = ask(portal, "crm.item.list", webhook, **params, start=answer["next"])
        found += answer["result"]["items"]
    assert len(found) == answer["total"]
    return found


def ids(portal: DemoPortal, kind: int, webhook: str = ADMIN, **params: Any) -> list[int]:
    return [item["id"] for item in items(portal, kind, webhook, select=["id"], **params)]


def get(portal: DemoPortal, kind: int, number: int, **params: Any) -> dict[str, Any]:
    return ask(portal, "crm.item.get", entityTypeId=kind, id=number, **params)["result"]["item"]


def fields(portal: DemoPortal, kind: int, **params: Any) -> dict[str, dict[str, Any]]:
    return ask(portal, "crm.item.fields", entityTypeId=kind, **params)["result"]["fields"]
