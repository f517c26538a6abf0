"""All people that a key may see are read, however many there are."""

import json
from typing import Any, cast

import httpx
import pytest
import respx

from bitrix24_mcp.crm.errors import UnexpectedAnswer
from bitrix24_mcp.vibecode.portal import GatewayPortal

GATEWAY = "https://gateway.example"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=GATEWAY)]


def data(value: Any, **rest: Any) -> dict[str, Any]:
    return {"success": True, "data": value, **rest}


USERS = [{"id": number, "name": f"User {number}"} for number in range(1, 4)]


async def test_people_are_read_on_behind_the_last_as_long_as_there_are_more(
    portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post("/v1/users/search").mock(
        side_effect=[
            httpx.Response(200, json=data(USERS[:2], meta={"total": 3, "hasMore": True})),
            httpx.Response(200, json=data(USERS[2:], meta={"total": 1})),
        ]
    )

    assert [person.id for person in await portal.people()] == [1, 2, 3]
    assert [json.loads(call.request.content).get("filter") for call in cast("list[Any]", list(route.calls))] == [
        None,
        {"id": {"$gt": 2}},
    ]


async def test_people_who_come_again_and_again_are_an_error(
    portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post("/v1/users/search").respond(json=data(USERS, meta={"total": 9, "hasMore": True}))

    with pytest.raises(UnexpectedAnswer, match="sends the same again"):
        await portal.people()
