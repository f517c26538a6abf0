"""How filters take moments is tried before it is relied on: a condition that is not understood may be passed over."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import respx

from bitrix24_mcp.crm.catalogue.sales import DEALS
from bitrix24_mcp.crm.errors import UnexpectedAnswer
from bitrix24_mcp.crm.portal_values import Condition
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.rest.access.webhook import Webhook
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal

pytestmark = pytest.mark.anyio

SINCE = (Condition("createdAt", "gte", "2026-07-01T00:00:00+03:00"),)
FIELDS = {"createdTime": {"type": "datetime", "title": "Created", "upperName": "DATE_CREATE"}}
TIME = {"date_start": "2026-07-15T12:00:00+03:00"}
Understands = Callable[[str], bool]


class Portal:
    """A portal with one deal of 2026, whose filters pass over a moment that they do not understand, or find nothing."""

    def __init__(self, understands: Understands, *, otherwise: bool = True, records: int = 1) -> None:
        self.understands = understands
        self.otherwise = otherwise
        self.records = records
        self.asked: list[Mapping[str, Any]] = []
        self.requests = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        body = json.loads(request.content)
        if "cmd" not in body:
            self.asked.append(body.get("filter", {}))
            found = self._found({f"filter[{key}]": value for key, value in body.get("filter", {}).items()})
            return httpx.Response(200, json={"result": {"items": found}, "total": len(found), "time": TIME})
        results = {key: self._command(text) for key, text in body["cmd"].items()}
        return httpx.Response(200, json={"result": {"result": results, "result_error": []}, "time": TIME})

    def _command(self, text: str) -> Any:
        method, _, query = text.partition("?")
        if method == "crm.item.fields":
            return {"fields": FIELDS}
        return {"items": self._found({name: values[0] for name, values in parse_qs(query).items()})}

    def _found(self, params: Mapping[str, Any]) -> list[dict[str, int]]:
        rows = [{"id": 1}] * self.records
        for name, value in params.items():
            if name.startswith("filter["):
                kept = self._keeps(name, str(value)) if self.understands(str(value)) else self.otherwise
                rows = rows if kept else []
        return rows

    def _keeps(self, name: str, value: str) -> bool:
        return (value[:4] > "2026") if "<" in name else (value[:4] <= "2026")


def iso(text: str) -> bool:
    return "T" in text


def plain(text: str) -> bool:
    return "T" not in text


@pytest.mark.parametrize("otherwise", ["passed over", "nothing found"])
@pytest.mark.parametrize(
    ("understands", "written"),
    [(iso, "2026-07-01T00:00:00+03:00"), (plain, "2026-07-01 00:00:00")],
    ids=["ISO 8601", "plain text"],
)
async def test_moments_are_written_as_the_portal_takes_them(
    understands: Understands, written: str, otherwise: str, client: RestClient, respx_mock: respx.MockRouter
) -> None:
    played = Portal(understands, otherwise=otherwise == "passed over")
    respx_mock.post().mock(side_effect=played)

    assert await RestPortal(client).count(DEALS, SINCE) == 1
    assert played.asked == [{">=createdTime": written}]


async def test_a_portal_that_takes_neither_is_an_error_and_not_a_wrong_number(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post().mock(side_effect=Portal(lambda _: False))
    portal = RestPortal(client)

    with pytest.raises(UnexpectedAnswer, match="does not choose records by moments"):
        await portal.count(DEALS, SINCE)
    assert await portal.count(DEALS, ()) == 1


async def test_of_no_records_nothing_is_learnt(client: RestClient, respx_mock: respx.MockRouter) -> None:
    played = Portal(plain, records=0)
    respx_mock.post().mock(side_effect=played)
    portal = RestPortal(client)

    assert await portal.count(DEALS, SINCE) == 0
    played.records = 1
    await portal.fields(DEALS)
    assert await portal.count(DEALS, SINCE) == 1
    assert played.asked[-1] == {">=createdTime": "2026-07-01 00:00:00"}


async def test_the_demo_portal_is_tried_once_in_the_request_that_reads_the_fields(own_portal: DemoPortal) -> None:
    async with RestClient(Webhook(f"{own_portal.url}/rest/1/demo-admin/")) as client:
        portal = RestPortal(client)
        await portal.fields(DEALS)
        await portal.fields(DEALS)

    batch, alone = own_portal.requests
    assert [command.partition("?")[0] for command in batch.body["cmd"].values()] == [  # pyright: ignore[reportIndexIssue, reportOptionalSubscript, reportUnknownVariableType, reportUnknownMemberType] - JSON
        "crm.item.fields",
        *["crm.item.list"] * 3,
    ]
    assert alone.path.endswith("/crm.item.fields")
