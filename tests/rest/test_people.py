"""Users by id and all of them, dismissed ones included."""

import json
from typing import Any, cast
from urllib.parse import parse_qsl

import httpx
import pytest
import respx

from assistants import Sql
from bitrix24_mcp.crm.errors import UnexpectedAnswer
from bitrix24_mcp.crm.portal_values import NamedId, Person
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal
from rest_doors import SELLER, methods_asked, rest_door, two_doors

PORTAL = "https://portal.example"
HOOK = "/rest/1/s3cr3t-c0de"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=PORTAL)]

Json = dict[str, Any]
COLUMNS = ["ID", "NAME", "LAST_NAME", "EMAIL", "ACTIVE"]


async def test_both_doors_show_the_same_people(portal: DemoPortal, sql: Sql) -> None:
    async with two_doors(portal) as doors:
        people = await doors.rest.people()
        assert people == await doors.gateway.people()

    assert [(each.id, each.active) for each in people] == sql("SELECT id, active FROM users ORDER BY id")
    assert len(people) > 50


async def test_sixty_people_take_two_requests(own_portal: DemoPortal) -> None:
    """The first page says how many there are, the rest goes on behind its last one."""
    async with rest_door(own_portal) as rest:
        await rest.people()

    assert methods_asked(own_portal) == ["user.get", "user.get"]


async def test_both_doors_call_users_the_same(portal: DemoPortal) -> None:
    """Dismissed ones too; those whom nobody sees are absent."""
    async with two_doors(portal) as doors:
        named = await doors.rest.users([1, 2, 57, 70, 999])
        assert named == await doors.gateway.users([1, 2, 57, 70, 999])

    assert {each.id for each in named} == {1, 2, 57, 70}


async def test_users_are_asked_for_fifty_a_page(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """Sixty ids, each once, are two commands of one batch."""
    pages = {"c0": [{"ID": "1", "NAME": "Ann", "LAST_NAME": "Lee"}], "c1": [{"ID": "60", "EMAIL": "bo@firm.example"}]}
    route = respx_mock.post(f"{HOOK}/batch").respond(json={"result": {"result": pages, "result_error": []}})

    assert await RestPortal(client).users([*range(1, 61), 1, 2]) == (
        NamedId(1, "Ann Lee"),
        NamedId(60, "bo@firm.example"),
    )
    commands = cast("dict[str, str]", json.loads(route.calls.last.request.content)["cmd"])
    asked = [dict(parse_qsl(command.partition("?")[2])) for command in commands.values()]
    assert [[each[key] for key in each if key.startswith("FILTER")] for each in asked] == [
        [str(number) for number in range(1, 51)],
        [str(number) for number in range(51, 61)],
    ]


async def test_nobody_is_asked_for_without_ids(client: RestClient) -> None:
    assert await RestPortal(client).users([]) == ()


async def test_a_webhook_of_the_least_scope_shows_names_without_addresses(portal: DemoPortal) -> None:
    async with rest_door(portal, SELLER) as rest:
        people = await rest.people()

    assert len(people) > 50
    assert {each.email for each in people} == {""}
    assert all(each.called for each in people)


async def test_dismissed_people_are_told_from_those_of_whom_nothing_is_said(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    """`ACTIVE` is a JSON boolean; an empty map stands for nothing."""
    rows: list[Json] = [
        {"ID": "3", "NAME": "Ann", "LAST_NAME": {}, "ACTIVE": True},
        {"ID": "4", "NAME": "Bo", "ACTIVE": False},
        {"ID": "5", "NAME": "Cy"},
    ]
    route = respx_mock.post(f"{HOOK}/user.get").respond(json={"result": rows, "total": 3})

    assert await RestPortal(client).people() == (
        Person(3, "Ann", "", "", active=True),
        Person(4, "Bo", "", "", active=False),
        Person(5, "Cy", "", "", active=True),
    )
    assert json.loads(route.calls.last.request.content) == {"sort": "ID", "order": "ASC", "select": COLUMNS}


def page(first: int, count: int = 50) -> list[Json]:
    return [{"ID": str(number), "NAME": f"N{number}", "ACTIVE": True} for number in range(first, first + count)]


async def test_pages_behind_the_first_refer_to_each_others_last_row(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    """Of a hundred and thirty, two pages are chained in one batch; what follows the short one begins anew."""
    respx_mock.post(f"{HOOK}/user.get").respond(json={"result": page(1), "total": 130, "next": 50})
    second = {"c0": page(51), "c1": page(101, 30)}
    route = respx_mock.post(f"{HOOK}/batch").respond(json={"result": {"result": second, "result_error": []}})

    people = await RestPortal(client).people()
    assert [each.id for each in people] == list(range(1, 131))
    body = json.loads(route.calls.last.request.content)
    bounds = [dict(parse_qsl(command.partition("?")[2]))["FILTER[>ID]"] for command in body["cmd"].values()]
    assert (body["halt"], bounds) == (1, ["50", "$result[c0][49][ID]"])


async def test_a_page_that_is_not_full_ends_nothing_while_more_are_counted(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    """Reading goes on behind the last id until nobody comes."""
    pages = [{"result": page(1), "total": 60, "next": 50}, {"result": page(51, 4)}, {"result": page(70, 6)}]
    respx_mock.post(f"{HOOK}/user.get").mock(side_effect=[httpx.Response(200, json=body) for body in pages])

    assert [each.id for each in await RestPortal(client).people()] == [*range(1, 55), *range(70, 76)]


async def test_people_whom_nobody_counted_are_read_to_the_end(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """Where no total is said, a page that is not full is the last."""
    pages = [{"result": page(1), "next": 50}, {"result": page(51), "next": 50}, {"result": page(101, 3)}]
    respx_mock.post(f"{HOOK}/user.get").mock(side_effect=[httpx.Response(200, json=body) for body in pages])

    assert [each.id for each in await RestPortal(client).people()] == list(range(1, 104))


async def test_people_who_come_again_and_again_are_an_error(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """A portal that passes over the bound would never end."""
    respx_mock.post(f"{HOOK}/user.get").mock(
        side_effect=[
            httpx.Response(200, json={"result": page(1), "total": 90, "next": 50}),
            httpx.Response(200, json={"result": page(1), "total": 90}),
        ]
    )

    with pytest.raises(UnexpectedAnswer):
        await RestPortal(client).people()


async def test_a_user_without_an_id_is_an_error(client: RestClient, respx_mock: respx.MockRouter) -> None:
    respx_mock.post(f"{HOOK}/user.get").respond(json={"result": [{"NAME": "Ann"}], "total": 1})

    with pytest.raises(UnexpectedAnswer):
        await RestPortal(client).people()
