"""Callers who bring gateway keys of their own are served apart, each with what their key may see and do."""

from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from assistants import DEALS, Sql
from bitrix24_mcp.demo import DemoPortal
from callers.shared_server import MODES, as_key, calling, serving

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("mode", MODES)]

ADMIN, READER, SELLER = "vibe_api_demo", "vibe_api_demo_readonly", "vibe_api_demo_user"
"""Keys of one portal: an administrator's, one of his that only reads, and that of another person."""
CHANGE = {"entity": "deals", "action": "update", "items": [{"id": 5, "amount": 3}]}


@pytest.fixture
def url(own_portal: DemoPortal, tmp_path: Path) -> Generator[str]:
    with serving(own_portal, tmp_path, "key") as address:
        yield address


async def test_each_is_offered_what_their_key_may_do(url: str, mode: str) -> None:
    async with calling(url, as_key(ADMIN), mode) as admin, calling(url, as_key(READER), mode) as reader:
        assert {"write_items", "undo"} <= await admin.tools()
        assert {"write_items", "undo"} & await reader.tools() == set()
        assert await admin.ask("aggregate", entity="deals") == await reader.ask("aggregate", entity="deals")


async def test_each_sees_with_their_own_eyes(url: str, mode: str, own_portal: DemoPortal) -> None:
    """Whatever one has read is read anew with the key of the other, and not given to them."""
    async with calling(url, as_key(ADMIN), mode) as admin, calling(url, as_key(SELLER), mode) as seller:
        first = await admin.ask("get_portal_info")
        second = await seller.ask("get_portal_info")
        await admin.ask("describe_entity", entity="deals")
        await admin.ask("describe_entity", entity="deals")
        await seller.ask("describe_entity", entity="deals")

    assert (first["user"]["id"], second["user"]["id"]) == (1, 57)
    read = Counter(request.key for request in own_portal.requests if request.path == "/v1/deals/fields")
    assert read == {ADMIN: 1, SELLER: 1}


async def test_equal_reads_at_one_moment_are_not_shared_between_keys(
    url: str, mode: str, own_portal: DemoPortal
) -> None:
    async with calling(url, as_key(ADMIN), mode) as admin, calling(url, as_key(SELLER), mode) as seller:
        await admin.ask("get_portal_info")
        await seller.ask("get_portal_info")
        own_portal.requests.clear()
        async with anyio.create_task_group() as both:
            for caller in (admin, admin, seller, seller):
                both.start_soon(lambda each=caller: each.ask("get_item", entity="deals", ids=[5]))

    asked = {request.key for request in own_portal.requests if request.path.startswith(("/v1/deals", "/v1/batch"))}
    assert asked == {ADMIN, SELLER}


async def test_a_confirmation_is_good_only_for_whom_it_was_given(url: str, mode: str, own_sql: Sql) -> None:
    async with calling(url, as_key(ADMIN), mode) as admin, calling(url, as_key(SELLER), mode) as seller:
        code = (await admin.ask("write_items", **CHANGE))["confirm"]
        assert await seller.fail("write_items", confirm=code) == "CONFIRMATION_UNKNOWN"
        assert own_sql("select amount from deals where id = 5") != [(3.0,)]
        assert (await admin.ask("write_items", confirm=code))["done"] == 1

    assert own_sql("select amount from deals where id = 5") == [(3.0,)]


async def test_the_journal_of_one_is_not_there_for_another(url: str, mode: str, own_sql: Sql) -> None:
    async with calling(url, as_key(ADMIN), mode) as admin, calling(url, as_key(SELLER), mode) as seller:
        code = (await admin.ask("write_items", **CHANGE))["confirm"]
        written = await admin.ask("write_items", confirm=code)
        assert await seller.fail("undo", operation=written["operation"]) == await seller.fail("undo", operation=999)
        undoing = await admin.ask("undo", operation=written["operation"])

    assert undoing["preview"]["records"] == 1
    assert own_sql("select amount from deals where id = 5") == [(3.0,)]


@pytest.mark.parametrize("call", [("search_items", {"entity": "deals", "limit": 2}), ("list_workflows", {"limit": 2})])
async def test_a_cursor_leads_on_only_whom_it_was_given(call: tuple[str, dict[str, Any]], url: str, mode: str) -> None:
    tool, arguments = call
    async with calling(url, as_key(ADMIN), mode) as admin, calling(url, as_key(READER), mode) as reader:
        first = await admin.ask(tool, **arguments)
        assert await reader.fail(tool, **arguments, cursor=first["next_cursor"]) == "INVALID_CURSOR"
        second = await admin.ask(tool, **arguments, cursor=first["next_cursor"])

    assert first["returned"] == second["returned"] == 2
    assert [each["id"] for each in first["items"]] != [each["id"] for each in second["items"]]


async def test_a_key_that_the_gateway_refuses_is_told_so_and_tried_anew(url: str, mode: str) -> None:
    async with calling(url, as_key("vibe_api_demo_expired"), mode) as stranger:
        assert "write_items" not in await stranger.tools()
        assert await stranger.fail("aggregate", entity="deals") == "KEY_EXPIRED"
        assert await stranger.fail("aggregate", entity="deals") == "KEY_EXPIRED"


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "Send your own gateway key"),
        ({"Authorization": "Bearer vibe_api_demo"}, "Send your own gateway key"),
        ({"X-Api-Key": "vibe_api demo"}, "one word of plain characters"),
        ({"X-Api-Key": "v" * 501}, "one word of plain characters"),
        ({"X-Api-Key": "vibe_app_x"}, "needs a user's session"),
    ],
)
async def test_who_brings_no_key_is_refused_before_anything_is_read(
    headers: dict[str, str], said: str, url: str, mode: str, own_portal: DemoPortal
) -> None:
    del mode
    async with httpx.AsyncClient() as http:
        answer = await http.post(url, json={}, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'ApiKey realm="bitrix24-mcp", header="X-Api-Key"'
    assert said in answer.json()["error"]["message"]
    assert "vibe_a" not in answer.json()["error"]["message"].replace("vibe_app_…", "")
    assert own_portal.requests == []


async def test_the_keys_of_one_portal_keep_its_limit_together(mode: str, tmp_path: Path) -> None:
    """Newcomers included, whose portal nobody knows before they have asked it."""
    with DemoPortal.start(deals=DEALS) as portal, serving(portal, tmp_path, "key") as url:
        async with anyio.create_task_group() as all_at_once:
            for key in (ADMIN, READER, SELLER):
                all_at_once.start_soon(_ask_often, url, key, mode)
        moments = sorted(request.at for request in portal.requests)
        statuses = Counter(request.status for request in portal.requests)

    assert len(moments) > 30
    assert max(sum(start <= each < start + 1 for each in moments) for start in moments) <= 10
    assert statuses[429] == 0


async def _ask_often(url: str, key: str, mode: str) -> None:
    async with calling(url, as_key(key), mode) as client, anyio.create_task_group() as calls:
        for number in range(12):
            calls.start_soon(lambda id_=number: client.ask("search_items", entity="deals", filter={"id": id_ + 1}))
