"""Lists that belong to one record are read to their end, and are whole or an error."""

from typing import Any, cast

import httpx
import pytest
import respx

from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.catalogue.entity import smart_process
from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.vibecode.portal import GatewayPortal

GATEWAY = "https://gateway.example"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=GATEWAY)]

DEALS = BY_NAME["deals"]
CONTRACTS = smart_process(174, "Contracts", stages=True, funnels=True)


def page(*ids: int, **rest: Any) -> httpx.Response:
    return httpx.Response(200, json={"success": True, "data": [{"id": each} for each in ids], **rest})


def queries(route: respx.Route) -> list[dict[str, str]]:
    return [dict(call.request.url.params) for call in cast("list[respx.models.Call]", list(route.calls))]


async def test_product_rows_stand_below_their_record(portal: GatewayPortal, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get("/v1/items/174/7/products").mock(side_effect=[page(1, 2)])

    assert await portal.product_rows(CONTRACTS, 7) == ({"id": 1}, {"id": 2})
    assert queries(route) == [{"limit": "5000"}]


async def test_equal_product_rows_without_ids_are_all_kept(portal: GatewayPortal, respx_mock: respx.MockRouter) -> None:
    bolt, nut = {"productName": "Bolt", "price": 5}, {"productName": "Nut", "price": 1}
    route = respx_mock.get("/v1/deals/7/products").mock(
        side_effect=[
            httpx.Response(200, json={"success": True, "data": [bolt, bolt], "meta": {"total": 4}}),
            httpx.Response(200, json={"success": True, "data": [bolt, nut], "meta": {"total": 4}}),
        ]
    )

    assert await portal.product_rows(DEALS, 7) == (bolt, bolt, bolt, nut)
    assert queries(route) == [{"limit": "5000"}, {"limit": "500", "offset": "2"}]


async def test_rows_without_ids_that_come_again_and_again_are_an_error(
    portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    bolt = {"productName": "Bolt"}
    respx_mock.get("/v1/deals/7/products").respond(json={"success": True, "data": [bolt], "meta": {"hasMore": True}})

    with pytest.raises(PortalError) as raised:
        await portal.product_rows(DEALS, 7)

    assert raised.value.code == "UNEXPECTED_ANSWER"


async def test_a_row_that_changes_while_a_history_is_read_is_there_once(
    portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    again = {"id": 2, "stageId": "WON"}
    respx_mock.get("/v1/stage-history").mock(
        side_effect=[
            page(1, 2, meta={"hasMore": True}),
            httpx.Response(200, json={"success": True, "data": [again, {"id": 3}], "meta": {"hasMore": False}}),
        ]
    )

    assert await portal.stage_history(DEALS, 5) == ({"id": 1}, {"id": 2}, {"id": 3})


async def test_a_history_is_read_to_its_end(portal: GatewayPortal, respx_mock: respx.MockRouter) -> None:
    more = {"meta": {"total": 0, "hasMore": True}}
    route = respx_mock.get("/v1/stage-history").mock(
        side_effect=[page(1, 2, **more), page(3, **more), page(meta={"total": 0, "hasMore": False})]
    )

    assert await portal.stage_history(DEALS, 5) == ({"id": 1}, {"id": 2}, {"id": 3})
    first = {"entityType": "deal", "ownerId": "5", "limit": "200"}
    assert queries(route) == [first, {**first, "offset": "2"}, {**first, "offset": "3"}]


@pytest.mark.parametrize("rest", [{"meta": {"truncated": True}}, {"meta": {"hasMore": True}}, {"total": 9}])
async def test_a_history_that_stays_incomplete_is_an_error(
    rest: dict[str, Any], portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    def the_same(_: httpx.Request) -> httpx.Response:
        return page(1, 2, **rest)

    respx_mock.get("/v1/stage-history").mock(side_effect=the_same)

    with pytest.raises(PortalError) as raised:
        await portal.stage_history(DEALS, 5)

    assert raised.value.code == "UNEXPECTED_ANSWER"


async def test_product_rows_of_a_missing_record_are_an_error(
    portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    refusal = {"success": False, "error": {"code": "ENTITY_NOT_FOUND", "message": "Entity not found"}}
    respx_mock.get("/v1/deals/7/products").respond(404, json=refusal)

    with pytest.raises(PortalError) as raised:
        await portal.product_rows(DEALS, 7)

    assert raised.value.code == "ENTITY_NOT_FOUND"
