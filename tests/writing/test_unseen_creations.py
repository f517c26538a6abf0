"""A creation whose answer was lost is never called “not done” by a key that would not see the record."""

from pathlib import Path

import pytest

from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.demo.faults import Fault
from oracle import change
from writing_assistants import writing_assistant_for

pytestmark = pytest.mark.anyio


async def test_a_record_given_to_somebody_whose_records_the_key_does_not_see_stays_unknown(
    own_portal: DemoPortal, tmp_path: Path
) -> None:
    async with writing_assistant_for("rest", own_portal.url, tmp_path, key="57/demo-seller") as seller:
        own_portal.inject(Fault("drop_after", path="/rest/*/crm.item.add"))
        answer = await seller.write(
            "write_items", entity="deals", action="create", items=[{"title": "Given away", "assignedById": 11}]
        )
        seller.calendar.passes(minutes=4)
        listed = await seller.ask("undo")

    assert (answer["done"], answer["unknown"]) == (0, 1)
    assert [each["records"] for each in listed["items"]] == [{"unknown": 1}]


async def test_a_record_of_the_keys_own_user_that_never_came_is_not_done_after_three_minutes(
    own_portal: DemoPortal, tmp_path: Path
) -> None:
    async with writing_assistant_for("rest", own_portal.url, tmp_path, key="57/demo-seller") as seller:
        own_portal.inject(Fault("drop", path="/rest/*/crm.item.add"))
        await seller.write("write_items", entity="deals", action="create", items=[{"title": "Never came"}])
        seller.calendar.passes(minutes=4)
        listed = await seller.ask("undo")

    assert [each["records"] for each in listed["items"]] == [{"not done": 1}]


@pytest.mark.parametrize(("owner", "state"), [(11, "not done"), (1, "unknown")])
async def test_where_nobody_says_who_is_an_administrator_a_record_of_that_person_shows_what_is_seen(
    owner: int, state: str, own_portal: DemoPortal, tmp_path: Path
) -> None:
    change(own_portal.database, "update deals set assignedById = ? where assignedById = 11", owner)
    async with writing_assistant_for("gateway", own_portal.url, tmp_path) as assistant:
        own_portal.inject(Fault("drop", path="/v1/deals", method="POST"))
        await assistant.write(
            "write_items", entity="deals", action="create", items=[{"title": "Never came", "assignedById": 11}]
        )
        assistant.calendar.passes(minutes=4)
        listed = await assistant.ask("undo")

    assert [each["records"] for each in listed["items"]] == [{state: 1}]
