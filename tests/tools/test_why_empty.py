"""An empty answer says why, as something that was checked; no more than three counts are spent on it."""

from typing import Any, cast

import pytest

from assistants import Assistant, Sql, assistant_for, sql_over
from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.demo.faults import FaultKind
from oracle import change

pytestmark = pytest.mark.anyio

COUNT = "/v1/deals/aggregate"
LATER = {"$gt": "2031-01-01"}


async def note(assistant: Assistant, conditions: dict[str, Any], entity: str = "deals") -> str | None:
    """What an empty answer says."""
    answer = await assistant.ask("search_items", entity=entity, filter=conditions)
    assert (answer["items"], answer["returned"], answer["total"]) == ([], 0, 0)
    return answer.get("note")


def counted(portal: DemoPortal) -> list[list[str]]:
    """The fields that each of the counts asked for had conditions on."""
    bodies = [cast("dict[str, Any]", request.body) for request in portal.requests if request.path == COUNT]
    return [list(body.get("filter", {})) for body in bodies]


@pytest.mark.parametrize(
    ("conditions", "culprit", "left", "counts"),
    [
        ({"stageId": "C5:WON", "closed": False}, "closed", "stageId = 'C5:WON'", 1),
        ({"categoryId": 5, "stageId": "C5:WON", "stageSemanticId": "P"}, "stageSemanticId", "stageId = 'C5:WON'", 1),
        ({"stageId": "C5:WON", "createdAt": LATER}, "createdAt", "stageId = 'C5:WON'", 2),
        ({"assignedById": 57, "createdAt": {"$gte": "2031-01-01", "$lt": "2031-02-01"}}, "createdAt",
         "assignedById = 57", 1),
        ({"categoryId": 7, "stageId": {"$ne": "NEW"}, "%title": "№3"}, "categoryId",
         "stageId <> 'NEW' and title like '%№3%'", 1),
        ({"currency": "EUR", "amount": {"$lt": 0}}, "amount", "currency = 'EUR'", 2),
        ({"id": 1, "closed": True, "opened": True}, "closed", "id = 1 and opened = 1", 1),
        ({"probability": 101}, "probability", "1", 1),
    ],
    ids=str,
)  # fmt: skip
async def test_the_condition_that_is_too_many_is_named_with_what_matches_without_it(
    own_portal: DemoPortal, own_assistant: Assistant, conditions: dict[str, Any], culprit: str, left: str, counts: int
) -> None:
    change(own_portal.database, "update deals set closed = 0, opened = 1 where id = 1")
    change(own_portal.database, "update deals set title = 'x' where categoryId = 7")
    ((matching,),) = sql_over(own_portal.database)(f"select count(*) from deals where {left}")

    said = await note(own_assistant, conditions)

    assert matching
    assert said == f"Without the condition on {culprit}, {matching:,} match."
    assert len(counted(own_portal)) == counts


async def test_large_numbers_are_readable(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    copied = ", ".join(row[1] for row in sql_over(own_portal.database)("pragma table_info(deals)") if row[1] != "id")
    for _ in range(2):
        change(own_portal.database, f"insert into deals ({copied}) select {copied} from deals")

    assert await note(own_assistant, {"probability": 101}) == "Without the condition on probability, 2,400 match."


@pytest.mark.parametrize(
    ("entity", "conditions", "where", "found"),
    [
        ("deals", {"assignedById": 1}, "createdBy = 1", "in createdBy"),
        ("deals", {"title": "Поставка"}, "title like '%Поставка%'", "as a part of title ($contains)"),
        ("contacts", {"name": "Морозова"}, "lastName = 'Морозова'", "in lastName"),
        ("contacts", {"lastName": {"$contains": "Анн"}}, "name like '%Анн%'", "in name"),
        ("tasks", {"createdBy": 57, "priority": 9}, "", ""),
    ],
    ids=str,
)
async def test_a_value_that_another_field_holds_is_pointed_out(
    assistant: Assistant, sql: Sql, entity: str, conditions: dict[str, Any], where: str, found: str
) -> None:
    culprit = list(conditions)[-1]
    left = "createdBy = 57" if entity == "tasks" else "1"
    ((everything,),) = sql(f"select count(*) from {entity} where {left}")
    elsewhere = (
        f"; {sql(f'select count(*) from {entity} where {where}')[0][0]:,} have that value {found}" if where else ""
    )

    said = await note(assistant, conditions, entity)

    assert said == f"Without the condition on {culprit}, {everything:,} match{elsewhere}."


async def test_conditions_that_exclude_each_other_are_said_to(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    said = await note(own_assistant, {"amount": {"$lt": 0}, "probability": 101, "sourceId": "CALL"})

    assert (
        said == "None of 600 deals meets all conditions, not even without the one on amount or the one on probability."
    )
    assert counted(own_portal) == [["probability", "sourceId"], ["amount", "sourceId"], []]


async def test_two_conditions_that_each_exclude_everything_are_told_in_three_counts(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    said = await note(own_assistant, {"amount": {"$lt": 0}, "createdAt": LATER})

    assert said == "None of 600 deals meets all conditions, not even without the one on createdAt or the one on amount."
    assert counted(own_portal) == [["amount"], ["createdAt"], []]


NO_RIGHT = "This key sees no deals at all: there are none, or it has no right to them."


@pytest.mark.parametrize(
    ("conditions", "counts"), [({}, 0), ({"title": "x"}, 1), ({"closed": True, "stageId": "C5:WON"}, 3)], ids=str
)
async def test_a_key_that_sees_nothing_at_all_is_told_so(
    own_portal: DemoPortal, own_assistant: Assistant, conditions: dict[str, Any], counts: int
) -> None:
    change(own_portal.database, "delete from deals")

    assert await note(own_assistant, conditions) == NO_RIGHT
    assert len(counted(own_portal)) == counts


@pytest.mark.parametrize(
    ("entity", "conditions", "said"),
    [
        ("deals", {"id": [999_999, 999_998]}, "There is no deal with that id that this key can see."),
        ("deals", {"assignedById": [57, 4_242]}, None),
        ("deals", {"assignedById": 4_242}, "There is no user 4242 that this key can see."),
        ("deals", {"companyId": 4_242}, "There is no company 4242 that this key can see."),
        ("deals", {"contactIds": [4_242, 4_243]}, "There is no contact 4242, 4243 that this key can see."),
        ("Закупки", {"parentId174": 4_242}, "There is no item 4242 that this key can see."),
        ("files", {"folderId": 4_242}, "There is no folder 4242 that this key can see."),
        (
            "timelines",
            {"entityType": "deal", "entityId": 4_242},
            f"This key sees no timeline comments with that entityType and entityId: {NO_RIGHT.partition(': ')[2]}",
        ),
    ],
)
async def test_what_does_not_exist_is_told_without_a_count(
    portal: DemoPortal, entity: str, conditions: dict[str, Any], said: str | None
) -> None:
    before = len(portal.requests)
    async with assistant_for(portal.url) as assistant:
        answer = await assistant.ask("search_items", entity=entity, filter=conditions, limit=1)

    assert answer.get("note") == said
    assert [request.path for request in portal.requests[before:] if request.path.endswith("/aggregate")] == []


async def test_a_link_that_no_record_has_is_told_apart_from_one_to_nothing(assistant: Assistant, sql: Sql) -> None:
    """The company exists, but has no deal."""
    company = sql("select id from companies where id not in (select companyId from deals)")[0][0]

    assert await note(assistant, {"companyId": company}) == "Without the condition on companyId, 600 match."


@pytest.mark.parametrize("kind", ["access_denied", "bitrix_error", "html_502", "broken_json"])
async def test_a_count_that_fails_leaves_the_answer_as_it_is(
    own_portal: DemoPortal, own_assistant: Assistant, kind: FaultKind
) -> None:
    own_portal.inject(Fault(kind=kind, path=COUNT, times=None))

    assert await note(own_assistant, {"probability": 101}) is None


async def test_a_page_behind_the_last_record_is_no_empty_answer(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    asked: dict[str, Any] = {"entity": "deals", "filter": {"id": {"$lte": 4}}, "limit": 2, "select": "id"}
    first = await own_assistant.ask("search_items", **asked)
    change(own_portal.database, "delete from deals where id > 2")
    last = await own_assistant.ask("search_items", **asked, cursor=first["next_cursor"])

    assert last == {"items": [], "returned": 0}
    assert counted(own_portal) == []


async def test_a_plan_and_a_full_answer_count_nothing(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    await own_assistant.ask("search_items", entity="deals", filter={"probability": 101}, explain=True)
    await own_assistant.ask("search_items", entity="deals", limit=1)

    assert counted(own_portal) == []
