"""Calls of REST methods for the tests of the demo portal: JSON in, the envelope without its time out."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from bitrix24_mcp.demo import DemoPortal

ADMIN = "1/demo-admin"
CRM_ADMIN = "2/demo-crm-admin"
SELLER = "57/demo-seller"


def ask(portal: DemoPortal, method: str, webhook: str = ADMIN, **params: Any) -> dict[str, Any]:
    response = httpx.post(f"{portal.url}/rest/{webhook}/{method}", json=params, trust_env=False)
    envelope: dict[str, Any] = response.json()
    assert response.status_code == 200, envelope
    del envelope["time"]
    return envelope


def rows(portal: DemoPortal, method: str, webhook: str = ADMIN, **params: Any) -> list[Any]:
    return ask(portal, method, webhook, **params)["result"]


def ids(portal: DemoPortal, method: str, webhook: str = ADMIN, **params: Any) -> list[int]:
    """The ids of the first page."""
    return [int(row["ID"]) for row in rows(portal, method, webhook, **params)]


def walked(portal: DemoPortal, method: str, webhook: str = ADMIN, **params: Any) -> list[Any]:
    """The rows of all pages."""
    found: list[Any] = []
    page = ask(portal, method, webhook, **params)
    found += page["result"]
    while "next" in page:
        page = ask(portal, method, webhook, **params, start=page["next"])
        found += page["result"]
    return found


def refused(portal: DemoPortal, method: str, webhook: str = ADMIN, **params: Any) -> tuple[int, object, str]:
    response = httpx.post(f"{portal.url}/rest/{webhook}/{method}", json=params, trust_env=False)
    envelope = response.json()
    return response.status_code, envelope["error"], envelope["error_description"]


def write(portal: DemoPortal, statement: str) -> None:
    """Change the portal's data behind its back."""
    with closing(sqlite3.connect(portal.database)) as connection, connection:
        connection.execute(statement)
