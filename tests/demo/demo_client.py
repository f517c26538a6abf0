"""A bare client for tests of the demo portal: HTTP in, decoded JSON out."""

from __future__ import annotations

import sqlite3
import ssl
from contextlib import closing
from typing import TYPE_CHECKING, Any, Self

import httpx

if TYPE_CHECKING:
    from types import TracebackType

    from bitrix24_mcp.demo import DemoPortal

KEY = "vibe_api_demo"
_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Reading the certificate authorities would take longer than most tests."""


class Client:
    """Requests with one key against one portal."""

    def __init__(self, portal: DemoPortal) -> None:
        self.portal = portal
        self._http = httpx.Client(base_url=portal.url, trust_env=False, timeout=5, verify=_NO_AUTHORITIES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def send(
        self, method: str, path: str, body: object = None, *, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return self._http.request(method, path, json=body, headers={"X-Api-Key": KEY} if headers is None else headers)

    def get(self, path: str) -> dict[str, Any]:
        return self.send("GET", path).json()

    def post(self, path: str, body: object) -> dict[str, Any]:
        return self.send("POST", path, body).json()

    def search(self, path: str, **body: object) -> dict[str, Any]:
        return self.post(f"/v1/{path}/search", body)

    def ids(self, path: str, **body: object) -> list[Any]:
        body = {"select": ["id"], "limit": 5000, "autoWindow": False} | body
        return [row["id"] for row in self.search(path, **body)["data"]]

    def code(self, method: str, path: str, body: object = None, *, key: str = KEY) -> tuple[int, str]:
        response = self.send(method, path, body, headers={"X-Api-Key": key})
        return response.status_code, response.json()["error"]["code"]


def sql(portal: DemoPortal, text: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(portal.database)) as connection:
        connection.create_function("casefold", 1, _casefold)
        return connection.execute(text, values).fetchall()


def _casefold(text: str | None) -> str | None:
    return text and text.casefold()


def column(portal: DemoPortal, text: str, *values: object) -> list[Any]:
    return [row[0] for row in sql(portal, text, *values)]


class Clock:
    """Seconds that pass by hand; they begin with a minute."""

    def __init__(self) -> None:
        self.now = 6000.0

    def __call__(self) -> float:
        return self.now
