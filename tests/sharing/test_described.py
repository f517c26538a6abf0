"""What a portal says of itself is read by one of a caller's replicas, and told to all of them."""

from collections import Counter
from datetime import timedelta
from functools import partial

import anyio
import pytest
from pydantic import TypeAdapter

from bitrix24_mcp import usage
from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.catalogue.sales import DEALS
from bitrix24_mcp.crm.errors import PermissionRefused
from bitrix24_mcp.crm.kept import LIFETIME
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Descriptions
from bitrix24_mcp.crm.portal_values import Currency, FieldInfo
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.demo.faults import Fault
from bitrix24_mcp.sharing import forms
from bitrix24_mcp.sharing.forms import Form
from bitrix24_mcp.tools.declare import Outcome, run
from sharing.replicas import DOORS, alter, answers, asked, gateway_door, reached, replica, two_replicas

pytestmark = pytest.mark.anyio


async def everything(metadata: Metadata) -> None:
    """Asks for all that a portal says of itself."""
    await metadata.identity()
    await metadata.zone()
    await metadata.smart_processes()
    await metadata.fields(DEALS)
    await metadata.directory("SOURCE")
    await metadata.directories()
    await metadata.funnels(DEALS)
    await metadata.currencies()
    await metadata.workflow_templates()
    await metadata.users([1, 2, 57, 999_999])
    await metadata.people()


async def told(by: Descriptions) -> list[str]:
    """The whole of each answer, also what does not tell two of them apart."""
    return [
        repr(await by.identity()),
        repr(await by.time_zone()),
        repr(await by.offset()),
        repr(await by.smart_processes()),
        repr(await by.smart_process_fields()),
        *[repr(await by.fields(BY_NAME[name])) for name in ("deals", "contacts", "tasks", "products")],
        repr(await by.statuses("DEAL_STAGE")),
        repr(await by.statuses(None)),
        repr(await by.funnels(DEALS)),
        repr(await by.currencies()),
        repr(await by.workflow_templates()),
        repr(await by.users([1, 57])),
        repr(await by.people()),
    ]


async def test_twenty_askers_at_two_replicas_cause_one_request_for_each_description(
    own_portal: DemoPortal, redis: str, whose: str
) -> None:
    async with two_replicas(own_portal, redis, whose) as (first, second):
        own_portal.requests.clear()
        async with anyio.create_task_group() as askers:
            for number in range(20):
                askers.start_soon(everything, (first, second)[number % 2].metadata)

    requests = Counter((each.path, str(each.query), str(each.body)) for each in own_portal.requests)
    assert len({path for path, *_ in requests}) >= 9
    assert set(requests.values()) == {1}


@pytest.mark.parametrize("door", DOORS)
async def test_a_second_replica_is_told_exactly_what_the_portal_says(
    door: str, portal: DemoPortal, redis: str, whose: str
) -> None:
    async with (
        replica(DOORS[door](portal), redis, whose) as first,
        replica(DOORS[door](portal), redis, whose) as second,
    ):
        said = await told(first.portal)
        read = await told(first.described)
        portal.requests.clear()
        heard = await told(second.described)
        requests = asked(portal)

    assert (read, heard, requests) == (said, said, [])


@pytest.mark.parametrize(
    ("door", "of_records"),
    [
        ("gateway", ["/v1/deals/search"]),
        # REST names and forms differ from ours: what a row means takes the description as REST gives it.
        ("rest", ["/rest/1/demo-admin/batch", "/rest/1/demo-admin/crm.item.list"]),
    ],
)
async def test_the_first_calls_at_a_second_replica_ask_for_records_only(
    door: str, of_records: list[str], own_portal: DemoPortal, redis: str, whose: str
) -> None:
    calls = {
        "describe_entity": {"entity": "deals"},
        "search_items": {"entity": "deals", "filter": {"stageId": "won"}, "sort": "-createdAt"},
    }
    async with (
        replica(DOORS[door](own_portal), redis, whose) as first,
        replica(DOORS[door](own_portal), redis, whose) as second,
    ):
        given: list[list[Outcome]] = []
        for service in (first.service, second.service):
            own_portal.requests.clear()
            given.append([await run(service.tools[tool], calls[tool], service.context) for tool in calls])

    assert given[0] == given[1]
    assert [each.error for each in given[0]] == [None, None]
    assert asked(own_portal) == of_records


async def test_a_failed_reading_is_told_to_nobody(own_portal: DemoPortal, redis: str, whose: str) -> None:
    async with two_replicas(own_portal, redis, whose, lease=60, patience=60) as (first, second):
        own_portal.inject(Fault("access_denied", "/v1/currencies"))
        with pytest.raises(PermissionRefused):
            await first.metadata.currencies()
        with anyio.fail_after(10):
            assert len(await second.metadata.currencies()) > 1


async def test_who_is_cancelled_while_reading_lets_the_next_one_read(
    own_portal: DemoPortal, redis: str, whose: str
) -> None:
    own_portal.inject(Fault("slow", "/v1/currencies", seconds=30))
    async with two_replicas(own_portal, redis, whose, lease=60, patience=60) as (first, second):
        with anyio.move_on_after(0.3):
            await first.metadata.currencies()
        with anyio.fail_after(10):
            assert len(await second.metadata.currencies()) > 1


async def test_what_another_one_asks_for_too_long_is_read_and_not_kept(
    own_portal: DemoPortal, redis: str, whose: str
) -> None:
    own_portal.inject(Fault("slow", "/v1/currencies", seconds=30))
    async with (
        replica(gateway_door(own_portal), redis, whose, lease=60) as slow,
        replica(gateway_door(own_portal), redis, whose, patience=0.2) as other,
        anyio.create_task_group() as reading,
    ):
        reading.start_soon(slow.metadata.currencies)
        own_portal.requests.clear()
        await reached(own_portal)
        assert len(await other.metadata.currencies()) > 1
        assert await answers(redis, whose) == []
        reading.cancel_scope.cancel()


async def test_users_are_read_once_whoever_asks_and_however_many_with_them(
    own_portal: DemoPortal, redis: str, whose: str
) -> None:
    async with two_replicas(own_portal, redis, whose) as (first, second):
        own_portal.requests.clear()
        names = await first.metadata.users([1, 2, 999_999])
        more = await second.metadata.users([2, 57, 999_999])

    bodies = [request.body for request in own_portal.requests]
    assert [each["filter"]["id"]["$in"] for each in bodies if isinstance(each, dict)] == [[1, 2, 999_999], [57]]
    assert (names.keys(), more.keys(), names[2]) == ({1, 2}, {2, 57}, more[2])


async def test_callers_are_told_nothing_of_one_another(own_portal: DemoPortal, redis: str, whose: str) -> None:
    keys = {"vibe_api_demo": whose, "vibe_api_demo_readonly": f"{whose}-other", "vibe_api_demo_user": f"{whose}-third"}
    own_portal.requests.clear()
    modes: dict[str, tuple[str, int | None]] = {}
    for key, name in keys.items():
        async with replica(gateway_door(own_portal, key), redis, name, heard=False) as each:
            await everything(each.metadata)
            identity = await each.later.metadata.identity()
            modes[key] = (identity.access_mode, identity.user_id)

    assert modes == {
        "vibe_api_demo": ("READWRITE", 1),
        "vibe_api_demo_readonly": ("READONLY", 1),
        "vibe_api_demo_user": ("READWRITE", 57),
    }
    read = Counter(request.key for request in own_portal.requests)
    assert len(set(read.values())) == 1
    assert read.keys() == keys.keys()


async def test_what_nobody_can_read_counts_as_absent_and_makes_room(
    own_portal: DemoPortal, redis: str, whose: str
) -> None:
    async with two_replicas(own_portal, redis, whose) as (first, second):
        await everything(first.metadata)
        whole = {each.text for each in await answers(redis, whose)}
        await alter(redis, whose, lambda text: text[:-3])
        own_portal.requests.clear()
        await everything(second.metadata)
        assert len(asked(own_portal)) >= 9
        assert {each.text for each in await answers(redis, whose)} == whole
        await everything(first.later.metadata)
        assert asked(own_portal) == []


async def test_programs_whose_values_have_other_parts_tell_one_another_nothing(
    own_portal: DemoPortal, redis: str, whose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with replica(gateway_door(own_portal), redis, whose) as first:
        await everything(first.metadata)
    own = forms.edition()
    monkeypatch.setattr(forms, "FUNNELS", Form(TypeAdapter(tuple[Currency, ...])))
    monkeypatch.setattr(forms, "_ALL", (forms.FUNNELS,))
    assert forms.edition() != own
    async with replica(gateway_door(own_portal), redis, whose) as newer:
        own_portal.requests.clear()
        await newer.metadata.currencies()

    assert asked(own_portal) == ["/v1/currencies"]


async def test_nothing_is_told_that_is_older_than_five_minutes(portal: DemoPortal, redis: str, whose: str) -> None:
    async with replica(gateway_door(portal), redis, whose) as first:
        await everything(first.metadata)
        found = [each.seconds for each in await answers(redis, whose)]
        assert len(found) > 5
        assert 0 < max(found) + first.described.lifetime <= LIFETIME


async def test_what_redis_told_is_not_remembered_for_longer_than_it_was_good_for(
    portal: DemoPortal, redis: str, whose: str
) -> None:
    async with (
        replica(gateway_door(portal), redis, whose) as first,
        replica(gateway_door(portal), redis, whose) as second,
    ):
        await everything(first.metadata)
        await alter(redis, whose, str, seconds=100)
        await everything(second.metadata)
        remembered = vars(second.described)["_remembered"]

        assert anyio.current_time() < remembered.fresh("currencies").until <= anyio.current_time() + 100


async def test_the_clock_is_the_portals_also_where_only_redis_was_asked(
    own_portal: DemoPortal, redis: str, whose: str
) -> None:
    async with (
        replica(gateway_door(own_portal), redis, whose) as first,
        replica(gateway_door(own_portal), redis, whose, heard=False) as second,
    ):
        await everything(first.metadata)
        own_portal.requests.clear()
        now = await second.metadata.now()

    assert abs(now - own_portal.now) < timedelta(minutes=5)
    assert asked(own_portal) == ["/v1/me"]


async def test_the_offset_is_the_portals_also_where_only_redis_was_asked(
    portal: DemoPortal, redis: str, whose: str
) -> None:
    """REST tells it with every answer, and the one who reads it may have had none."""
    async with replica(DOORS["rest"](portal), redis, whose, heard=False) as only:
        assert await only.described.offset() == (await only.portal.offset())
        assert await only.portal.offset() is not None


async def test_how_rest_reads_records_follows_what_another_replica_was_told_of_their_fields(
    own_portal: DemoPortal, redis: str, whose: str
) -> None:
    added = FieldInfo("ufCrm_added", "datetime")
    async with (
        replica(DOORS["rest"](own_portal), redis, whose) as first,
        replica(DOORS["rest"](own_portal), redis, whose) as second,
    ):
        await first.metadata.fields(DEALS)
        await second.metadata.fields(DEALS)
        await second.portal.records(DEALS, [1])
        own_portal.requests.clear()
        await second.portal.records(DEALS, [2])
        before = len(asked(own_portal))

        await alter(redis, whose, lambda text: f'{text[:-1]},{{"name":"{added.name}","type":"{added.type}"}}]')
        assert added.name in await second.later.metadata.fields(DEALS)
        own_portal.requests.clear()
        await second.portal.records(DEALS, [3])
        after = len(asked(own_portal))

    assert (before, after) == (1, 2)


async def test_what_redis_tells_counts_as_kept(portal: DemoPortal, redis: str, whose: str) -> None:
    counts: list[tuple[int, int]] = []
    async with (
        replica(gateway_door(portal), redis, whose) as first,
        replica(gateway_door(portal), redis, whose) as second,
    ):
        for each in (first, first, second):
            with usage.counted() as taken:
                await each.metadata.currencies()
                await each.metadata.fields(DEALS)
            counts.append((taken.kept, taken.read))

    assert counts == [(0, 2), (2, 0), (2, 0)]


async def test_an_empty_directory_is_told_to_nobody(own_portal: DemoPortal, redis: str, whose: str) -> None:
    async with replica(gateway_door(own_portal), redis, whose) as only:
        own_portal.requests.clear()
        async with anyio.create_task_group() as askers:
            for _ in range(2):
                askers.start_soon(partial(only.described.statuses, "NO_SUCH"))
        assert len(asked(own_portal)) == 2
    assert await answers(redis, whose) == []
