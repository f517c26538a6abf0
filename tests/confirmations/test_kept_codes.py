"""Codes that replicas keep together: taken once, by whom they were given, and not for long."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from bitrix24_mcp.accounts.failures import WORDS
from bitrix24_mcp.confirmations.store import StoredConfirmations
from bitrix24_mcp.crm.errors import PortalUnavailable
from bitrix24_mcp.crm.writing.pending import MOST, Waiting
from postgres_places import replica
from services import database_address, postgres_server

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 7, 15, 9, 0, tzinfo=UTC)
WAITING = Waiting("write_items", '{"entity":"deals"}', "a seal", NOW, NOW + timedelta(minutes=10))


async def test_a_code_is_taken_by_one_of_all_who_ask_at_once(address: str) -> None:
    async with replica(address) as one, replica(address) as other:
        stores = [StoredConfirmations.kept_in(place, "anna") for place in (one, other)]
        await stores[0].keep("ABCD-2345", WAITING, NOW)
        taken: list[Waiting | None] = []

        async def take(store: StoredConfirmations) -> None:
            taken.append(await store.take("ABCD-2345", NOW))

        async with anyio.create_task_group() as group:
            for _ in range(4):
                for store in stores:
                    group.start_soon(take, store)

        assert [each for each in taken if each is not None] == [WAITING]
        assert len(taken) == 8


async def test_a_code_is_nobodys_but_the_callers_to_whom_it_was_given(address: str) -> None:
    async with replica(address) as server:
        anna, boris = (StoredConfirmations.kept_in(server, caller) for caller in ("anna", "boris"))
        await anna.keep("ABCD-2345", WAITING, NOW)

        assert await boris.take("ABCD-2345", NOW) is None
        assert await anna.take("ABCD-2345", NOW) == WAITING


async def test_what_is_too_old_and_the_oldest_of_too_many_are_forgotten(address: str) -> None:
    async with replica(address) as server:
        store = StoredConfirmations.kept_in(server, "anna")
        for number in range(MOST + 2):
            await store.keep(f"code {number}", replace(WAITING, until=NOW + timedelta(seconds=600 + number)), NOW)

        assert [await store.take(f"code {number}", NOW) is not None for number in (0, 1, 2, MOST + 1)] == [
            False,
            False,
            True,
            True,
        ]
        assert await store.take("code 10", NOW + timedelta(seconds=610)) is None
        await store.keep("last", WAITING, NOW + timedelta(hours=1))
        async with server.database("confirmations", [""], WORDS).reading() as connection:
            assert await connection.fetch("select code from waiting") == [{"code": "last"}]


async def test_without_the_database_it_is_said_that_nothing_was_written() -> None:
    with postgres_server() as service:
        async with replica(database_address(service)) as server:
            store = StoredConfirmations.kept_in(server, "anna")
            await store.keep("ABCD-2345", WAITING, NOW)
            service.stop()
            with pytest.raises(PortalUnavailable) as told:
                await store.take("ABCD-2345", NOW)

    assert (told.value.code, told.value.message) == (
        "CONFIRMATIONS_UNUSABLE",
        "What waits to be confirmed, in the database, cannot be used, and nothing was written: it does not answer.",
    )
