"""What the key's user may not see or do is not written, and said so; what is fixed stays as it is."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest

from assistants import Sql
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.demo.rest.items import fields as described
from bitrix24_mcp.demo.rest.items.shape import ItemField
from previewing import done, previewed
from seen_writes import writes
from writing_assistants import Door, WritingAssistant, writing_assistant_for

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
COLLEAGUE = 30


@pytest.fixture
async def seller(own_portal: DemoPortal, tmp_path: Path) -> AsyncGenerator[WritingAssistant]:
    """Sees the deals that they are responsible for, outside of one funnel."""
    async with writing_assistant_for("rest", own_portal.url, tmp_path, key="57/demo-seller") as ready:
        yield ready


def own_deals(sql: Sql) -> list[int]:
    return [number for (number,) in sql("select id from deals where assignedById = 57 and categoryId <> 7 limit 3")]


def unseen(number: int) -> str:
    return f"This key may not see deal {number}. Leave it out, or ask an administrator for the right."


async def test_what_is_not_seen_is_not_written(seller: WritingAssistant, own_portal: DemoPortal) -> None:
    one = await seller.fail("write_items", entity="deals", action="update", items=[{"id": 5, "amount": 3}])
    several = await seller.fail("write_items", entity="deals", action="delete", ids=[5, 7, 987_654])

    assert one == {"code": "ACCESS_DENIED", "message": unseen(5)}
    assert several == {
        "code": "INVALID_RECORDS",
        "message": f"Nothing was written: 3 problems. Deal 5: {unseen(5)} Deal 7: {unseen(7)} Deal 987654: There is no "
        "deal 987654. Check the id. Mend them and call again.",
    }
    assert writes(own_portal) == []


async def test_ones_own_records_are_written(seller: WritingAssistant, own_sql: Sql) -> None:
    number = own_deals(own_sql)[0]
    answer = await seller.write("write_items", entity="deals", action="update", items=[{"id": number, "amount": 3}])

    assert answer == done(1, number)
    assert own_sql("select amount, updatedBy from deals where id = ?", number) == [(3.0, 57)]


async def test_a_funnel_that_is_not_seen_is_no_value(seller: WritingAssistant) -> None:
    error = await seller.fail(
        "write_items", entity="deals", action="create", items=[{"title": "A", "funnel": "Export"}]
    )

    assert error == {
        "code": "UNKNOWN_VALUE",
        "message": "categoryId has no value “Export”. Its values are 0 (Общая), 5 (Партнёры).",
        "candidates": ["0", "5"],
    }


async def test_what_is_given_away_is_written_and_no_more_seen(seller: WritingAssistant, own_sql: Sql) -> None:
    first, second = own_deals(own_sql)[:2]
    items = [{"id": first, "assignedById": COLLEAGUE}, {"id": second, "amount": 3}]
    answer = await seller.write("write_items", entity="deals", action="update", items=items)

    assert answer == done(1, first, second)
    assert own_sql("select assignedById from deals where id = ?", first) == [(COLLEAGUE,)]
    assert await seller.fail("undo", operation=1) == {
        "code": "RECORD_MOVED_ON",
        "message": f"What operation 1 wrote has changed since: {first} may not be seen with this key. Reversing it "
        "would overwrite that. Give ids to reverse only records that nobody touched, or write the fields that should "
        "change with write_items.",
    }
    assert await seller.write("undo", operation=1, ids=[second]) == done(2, second)


async def test_a_right_that_is_missing_is_the_portals_refusal(seller: WritingAssistant, own_sql: Sql) -> None:
    answer = await seller.ask("write_items", entity="products", action="create", items=[{"name": "A"}])

    assert await seller.fail("write_items", confirm=answer["confirm"]) == {
        "code": "ACCESS_DENIED",
        "message": "Bitrix24 does not let this user see or do that. Ask a portal administrator for the right, or for a "
        "webhook of a user who has it. The journal has it as operation 1.",
    }
    assert own_sql("select count(*) from products where name = 'A'") == [(0,)]


async def test_a_scope_that_is_missing_is_named(seller: WritingAssistant) -> None:
    error = await seller.fail("write_items", entity="tasks", action="create", items=[{"title": "A"}])

    assert error["code"] == "INSUFFICIENT_SCOPE"
    assert error["message"].startswith("The webhook lacks the scope task.")


@pytest.mark.parametrize(("door", "key"), [("gateway", "vibe_api_demo_user"), ("rest", "57/demo-seller")])
async def test_me_is_the_user_of_the_key(
    door: Door, key: str, own_portal: DemoPortal, own_sql: Sql, tmp_path: Path
) -> None:
    async with writing_assistant_for(door, own_portal.url, tmp_path, key=key) as writing:
        answer = await writing.ask(
            "write_items", entity="deals", action="create", items=[{"title": "A", "responsible": "me"}]
        )
        [change] = previewed(answer)["changes"]
        made = await writing.ask("write_items", confirm=answer["confirm"])
        [operation] = await writing.journal.latest_of_all(5)

    assert change["after"] == {"title": "A", "assignedById": 57, "assignedById_name": "Тимур Осипов"}
    assert own_sql("select assignedById, createdBy from deals where id = ?", *made["ids"]) == [(57, 57)]
    assert operation.user_id == 57


async def test_a_field_that_is_fixed_once_the_record_is_made_is_written_then_alone(
    own_portal: DemoPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Portals have such fields (isImmutable); the demo portal has none by itself."""
    entry: Callable[[ItemField], Json] = vars(described)["_entry"]

    def fixed(item: ItemField) -> Json:
        return {**entry(item), "isImmutable": item.name in {"companyId", "categoryId"}}

    monkeypatch.setattr(described, "_entry", fixed)
    new = {"title": "A", "companyId": 7, "funnel": "Партнёры"}
    async with writing_assistant_for("rest", own_portal.url, tmp_path) as writing:
        made = await writing.write("write_items", entity="deals", action="create", items=[new])
        [number] = made["ids"]
        error = await writing.fail(
            "write_items", entity="deals", action="update", items=[{"id": number, "companyId": 40}]
        )
        moved = await writing.write(
            "write_items", entity="deals", action="update", items=[{"id": number, "funnel": "Export"}]
        )

    assert error == {
        "code": "READ_ONLY_FIELD",
        "message": "companyId cannot be written once the record is made. Leave it out.",
    }
    assert moved == done(2, number)  # a funnel can be left, whatever its description says (crm.item.update)
