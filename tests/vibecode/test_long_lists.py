"""Lists that must be complete are read to their end, whatever was counted."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import httpx
import pytest
import respx

from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.catalogue.entity import smart_process
from bitrix24_mcp.crm.errors import UnexpectedAnswer
from bitrix24_mcp.crm.portal_values import Condition, FieldInfo, Funnel, NamedId
from bitrix24_mcp.vibecode.portal import GatewayPortal

GATEWAY = "https://gateway.example"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=GATEWAY)]

DEALS = BY_NAME["deals"]
CONTRACTS = smart_process(174, "Contracts", stages=True, funnels=True)
MORE = {"total": 0, "hasMore": True}
LAST = {"total": 0, "hasMore": False}
CREATED = [Condition("id", "gt", 5), Condition("id", "lt", 9)]


def data(value: Any, **rest: Any) -> dict[str, Any]:
    return {"success": True, "data": value, **rest}


def pages(*rows: dict[str, Any]) -> list[httpx.Response]:
    """A page for each row; all but the last say that there are more."""
    return [httpx.Response(200, json=data([row], meta=MORE if row is not rows[-1] else LAST)) for row in rows]


LISTS: dict[str, tuple[Callable[[GatewayPortal], Awaitable[Any]], str, list[dict[str, Any]], Any]] = {
    "funnels": (
        lambda portal: portal.funnels(CONTRACTS),
        "/v1/categories/174",
        [{"id": 8, "name": "General", "isDefault": "Y"}, {"id": 9, "name": "Old"}, {"id": 10, "name": "New"}],
        (Funnel(8, "General", default=True), Funnel(9, "Old"), Funnel(10, "New")),
    ),
    "smart processes": (
        lambda portal: portal.smart_processes(),
        "/v1/smart-processes",
        [{"entityTypeId": 174}, {"entityTypeId": 175}],
        ({"entityTypeId": 174}, {"entityTypeId": 175}),
    ),
    "smart processes that match": (
        lambda portal: portal.smart_processes(CREATED),
        "/v1/smart-processes/search",
        [{"entityTypeId": 174}, {"entityTypeId": 175}],
        ({"entityTypeId": 174}, {"entityTypeId": 175}),
    ),
}


@pytest.mark.parametrize(("ask", "path", "rows", "read"), LISTS.values(), ids=LISTS)
async def test_a_list_that_nobody_counted_is_read_to_its_end(
    ask: Callable[[GatewayPortal], Awaitable[Any]],
    path: str,
    rows: list[dict[str, Any]],
    read: Any,
    portal: GatewayPortal,
    respx_mock: respx.MockRouter,
) -> None:
    route = respx_mock.route(path=path).mock(side_effect=pages(*rows))

    assert await ask(portal) == read
    assert route.call_count == len(rows)


async def test_labels_are_read_from_every_page_of_user_fields(
    portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    respx_mock.get("/v1/deals/fields").respond(
        json=data({"UF_CRM_1": {"type": "string"}, "UF_CRM_2": {"type": "date"}})
    )
    labels = [{"id": number, "fieldName": f"UF_CRM_{number}", "editFormLabel": f"Label {number}"} for number in (1, 2)]
    route = respx_mock.get("/v1/userfields/deals").mock(side_effect=pages(*labels))

    assert await portal.fields(DEALS) == (
        FieldInfo("UF_CRM_1", "string", "Label 1"),
        FieldInfo("UF_CRM_2", "date", "Label 2"),
    )
    calls = cast("list[respx.models.Call]", list(route.calls))
    assert [dict(call.request.url.params) for call in calls] == [
        {"limit": "5000"},
        {"limit": "500", "offset": "1"},
    ]


async def test_a_total_that_is_told_on_a_later_page_is_reached_too(
    portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    respx_mock.get("/v1/categories/174").mock(
        side_effect=[
            httpx.Response(200, json=data([{"id": 1, "name": "A"}], meta=MORE)),
            httpx.Response(200, json=data([{"id": 2, "name": "B"}], meta={"total": 3, "hasMore": True})),
            httpx.Response(200, json=data([{"id": 3, "name": "C"}], meta={"total": 3, "hasMore": False})),
        ]
    )

    assert [funnel.name for funnel in await portal.funnels(CONTRACTS)] == ["A", "B", "C"]


@pytest.mark.parametrize("last", [[{"id": 1, "name": "A"}], []], ids=["the same again", "none"])
async def test_rows_that_were_counted_and_do_not_come_are_an_error(
    last: list[Any], portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    first = httpx.Response(200, json=data([{"id": 1, "name": "A"}], meta=MORE))
    then = httpx.Response(200, json=data(last, meta={"total": 3, "hasMore": True}))
    respx_mock.get("/v1/categories/174").mock(side_effect=[first, then])

    with pytest.raises(UnexpectedAnswer):
        await portal.funnels(CONTRACTS)


async def test_users_of_whom_some_are_on_another_page_are_an_error_and_not_invisible(
    portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post("/v1/users/search").respond(json=data([{"id": 7, "name": "Ann"}], meta=MORE))

    assert await portal.users([7]) == (NamedId(7, "Ann"),), "all who were asked for are there, whatever else is said"
    with pytest.raises(UnexpectedAnswer, match="more users"):
        await portal.users([7, 8])
