"""What a caller is served with is opened once, kept while they call, and closed after them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import anyio
import pytest

from bitrix24_mcp.callers.caller import Caller
from bitrix24_mcp.callers.tenants import Tenants
from bitrix24_mcp.crm.errors import KeyRefused, PortalError
from bitrix24_mcp.service import Service
from bitrix24_mcp.settings import Settings
from virtual_time import VirtualTime

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualTime}


class Doors:
    """Opens services that name their caller, each after a second; notes what is opened and closed."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self.refused = False

    @asynccontextmanager
    async def open(self, caller: Caller) -> AsyncGenerator[Service]:
        await anyio.sleep(1)
        if self.refused:
            raise KeyRefused("No such key.", advice="Send another.", code="INVALID_API_KEY")
        self.noted.append(f"{caller.id} opened")
        yield Service({}, cast("Any", None), caller.id)
        self.noted.append(f"{caller.id} closed")


def caller(id_: str) -> Caller:
    return Caller(id_, "", Settings.of({}))


async def call(tenants: Tenants, id_: str, seconds: float = 0.0) -> str:
    async with tenants.service(caller(id_)) as service:
        await anyio.sleep(seconds)
        return service.caller


async def test_many_calls_at_once_open_one_service_for_each_caller() -> None:
    doors, heard = Doors(), list[str]()

    async def note(id_: str) -> None:
        heard.append(await call(tenants, id_))

    tenants = Tenants(doors.open)
    async with tenants.lasting():
        async with anyio.create_task_group() as calls:
            for id_ in ("a", "b", "a", "b", "a"):
                calls.start_soon(note, id_)
        assert (sorted(heard), sorted(doors.noted)) == (["a", "a", "a", "b", "b"], ["a opened", "b opened"])

    assert sorted(doors.noted[2:]) == ["a closed", "b closed"]


async def test_what_could_not_be_opened_is_told_to_all_who_wait_and_tried_anew() -> None:
    doors, told = Doors(), list[str]()
    tenants = Tenants(doors.open)

    async def note() -> None:
        with pytest.raises(PortalError) as failed:
            await call(tenants, "a")
        told.append(failed.value.code)

    doors.refused = True
    async with tenants.lasting():
        async with anyio.create_task_group() as calls:
            calls.start_soon(note)
            calls.start_soon(note)
        doors.refused = False
        assert await call(tenants, "a") == "a"

    assert told == ["INVALID_API_KEY", "INVALID_API_KEY"]


async def test_who_was_away_is_closed_when_the_next_comes_and_who_is_calling_is_not() -> None:
    doors = Doors()
    tenants = Tenants(doors.open, away=10)
    async with tenants.lasting(), anyio.create_task_group() as calls:
        await call(tenants, "away")
        calls.start_soon(call, tenants, "long", 100)
        await anyio.sleep(11)
        await call(tenants, "new")

        assert doors.noted == ["away opened", "long opened", "away closed", "new opened"]


async def test_where_there_is_no_room_the_longest_idle_makes_it_and_nobody_who_is_calling() -> None:
    doors = Doors()
    tenants = Tenants(doors.open, most=2)
    async with tenants.lasting(), anyio.create_task_group() as calls:
        await call(tenants, "first")
        await call(tenants, "second")
        calls.start_soon(call, tenants, "third", 50)
        await anyio.sleep(5)
        calls.start_soon(call, tenants, "second", 50)
        await anyio.sleep(5)
        with pytest.raises(PortalError) as refused:
            await call(tenants, "fourth")

        assert refused.value.code == "SERVER_BUSY"
        assert doors.noted == ["first opened", "second opened", "first closed", "third opened"]


async def test_a_caller_who_gives_up_while_it_is_opened_leaves_it_for_the_next() -> None:
    doors = Doors()
    tenants = Tenants(doors.open)
    async with tenants.lasting():
        with anyio.move_on_after(0.5):
            await call(tenants, "a")
        assert await call(tenants, "a") == "a"

        assert doors.noted == ["a opened"]


async def test_after_the_end_nobody_is_served() -> None:
    tenants = Tenants(Doors().open)
    async with tenants.lasting():
        pass

    with pytest.raises(PortalError):
        await call(tenants, "a")
