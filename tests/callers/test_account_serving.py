"""Callers of one connected portal call it at one pace, and each with what is their own."""

from pathlib import Path

import pytest

from bitrix24_mcp.accounts.store import Accounts
from bitrix24_mcp.callers.caller import Caller
from bitrix24_mcp.commands.backing import Backing
from bitrix24_mcp.commands.connection import buckets_for, served_by_account
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.storage.sqlite import Folder
from connecting import card_for, environment, hand_over, host_of_portal

pytestmark = pytest.mark.anyio


async def test_what_each_asks_of_the_portal_is_counted_together(own_portal: DemoPortal, tmp_path: Path) -> None:
    host = host_of_portal(own_portal)
    await hand_over(card_for(host), Accounts.open(tmp_path), host)
    settings = Settings.of(environment(tmp_path, host, BITRIX24_PORTAL=host))
    backing = Backing(Folder(tmp_path))
    buckets = buckets_for(settings, backing)
    own_portal.requests.clear()

    async with (
        served_by_account(Caller("a", "anna", settings), buckets, backing) as anna,
        served_by_account(Caller("b", "boris", settings), buckets, backing) as boris,
    ):
        for service in (anna, boris):
            await service.context.portal.identity()

    asked = [request for request in own_portal.requests if request.path.startswith("/rest/")]
    assert buckets.of(host).spent == len(asked) > 1
    assert (anna.caller, boris.caller) == ("anna", "boris")
    assert anna.context.metadata is not boris.context.metadata


@pytest.mark.parametrize(("plan", "drain"), [("", 2.0), ("enterprise", 5.0)])
async def test_the_pace_is_that_of_the_plan(plan: str, drain: float, tmp_path: Path) -> None:
    buckets = buckets_for(Settings.of({"BITRIX24_PLAN": plan}), Backing(Folder(tmp_path)))

    assert buckets.of("company.bitrix24.com").capacity.drain == drain
