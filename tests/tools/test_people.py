"""People are found by their names wherever a filter holds a user, and asked back for when a name is not enough."""

from typing import Any

import pytest

from assistants import Assistant, Sql, assistant_for
from bitrix24_mcp.demo import DemoPortal, Fault
from oracle import change

pytestmark = pytest.mark.anyio

COUNTED = {"deals": "assignedById", "leads": "createdBy", "contracts": "assignedById", "tasks": "responsibleId"}
TABLES = {"contracts": "items_174"}


async def total(assistant: Assistant, **arguments: Any) -> int:
    return (await assistant.ask("search_items", limit=1, **arguments))["total"]


@pytest.mark.parametrize(
    "written",
    [
        "Тимур Осипов",
        "осипов тимур",
        " ТИМУР   ОСИПОВ ",
        "Осипов",
        "тимур",
        "user57@north-project.example",
        "USER57@North-Project.example",
        "57",
        57,
    ],
)
@pytest.mark.parametrize(("entity", "field"), COUNTED.items())
async def test_a_person_is_found_by_any_name_of_theirs(
    entity: str, field: str, written: object, assistant: Assistant, sql: Sql
) -> None:
    [(count,)] = sql(f"select count(*) from {TABLES.get(entity, entity)} where {field} = 57")

    assert await total(assistant, entity=entity, filter={field: written}) == count


@pytest.mark.parametrize(
    ("condition", "where"),
    [
        ({"assignedById": "Семенова"}, "assignedById = (select id from users where lastName = 'Семёнова')"),
        ({"assignedById": ["Осипов", "emma smith", 2]}, "assignedById in (57, 30, 2)"),
        ({"assignedById": {"$ne": "Осипов"}}, "assignedById <> 57"),
        ({"!assignedById": ["Осипов", "Smith John"]}, "assignedById not in (57, 31)"),
        ({"assignedById": {"$nin": ["Анна Иванова"]}}, "assignedById <> 5"),
        ({"createdBy": "me"}, "createdBy = 1"),
        ({"createdBy": "Я"}, "createdBy = 1"),
        ({"assignedById": {"$gt": 30}}, "assignedById > 30"),
    ],
    ids=str,
)
async def test_names_stand_wherever_ids_do(
    condition: dict[str, Any], where: str, assistant: Assistant, sql: Sql
) -> None:
    [(count,)] = sql(f"select count(*) from deals where {where}")

    assert count
    assert await total(assistant, entity="deals", filter=condition) == count


async def test_me_is_the_keys_own_user(portal: DemoPortal, sql: Sql) -> None:
    [(count,)] = sql("select count(*) from deals where createdBy = 57")

    async with assistant_for(portal.url, "vibe_api_demo_user") as assistant:
        assert await total(assistant, entity="deals", filter={"createdBy": "me"}) == count


@pytest.mark.parametrize(
    ("name", "message", "ids"),
    [
        ("Иванова", "“Иванова” can be several people. Use the id: 2 (Ольга Иванова), 5 (Анна Иванова).", ["2", "5"]),
        ("smith", "“smith” can be several people. Use the id: 30 (Emma Smith), 31 (John Smith).", ["30", "31"]),
    ],
)
async def test_a_name_of_several_people_is_asked_back(
    name: str, message: str, ids: list[str], assistant: Assistant, sql: Sql
) -> None:
    namesakes = sql("select id from users where lastName = ? collate nocase order by id", name)

    error = await assistant.fail("aggregate", entity="deals", filter={"assignedById": name})

    assert [str(user) for (user,) in namesakes] == ids
    assert error == {"code": "AMBIGUOUS_VALUE", "message": message, "candidates": ids}


async def test_a_dismissed_namesake_is_named_as_such(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    change(own_portal.database, "update users set active = 0 where id = 31")

    error = await own_assistant.fail("search_items", entity="deals", filter={"assignedById": "Smith"})

    assert error["message"].endswith("Use the id: 30 (Emma Smith), 31 (John Smith, dismissed).")


async def test_a_dismissed_person_is_found_by_name(assistant: Assistant, sql: Sql) -> None:
    user, name, last_name, count = sql(
        "select u.id, u.name, u.lastName, count(*) from users u join deals d on d.assignedById = u.id"
        " where u.active = 0 group by 1, 2, 3 order by 4 desc"
    )[0]

    answer = await assistant.ask("search_items", entity="deals", filter={"assignedById": f"{last_name} {name}"})

    assert (answer["total"], answer["filter_used"]) == (count, {"assignedById": user})


async def test_many_namesakes_are_not_all_listed(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    change(own_portal.database, "update users set lastName = 'Jones' where id <= 15")

    error = await own_assistant.fail("search_items", entity="deals", filter={"assignedById": "Jones"})

    assert len(error["candidates"]) == 8
    assert error["message"].endswith("Jones) and 4 more; write the full name.")


async def test_nobody_of_a_name_is_answered_with_the_nearest_names(assistant: Assistant) -> None:
    error = await assistant.fail("search_items", entity="deals", filter={"assignedById": "Тимур Осипав"})

    assert error == {
        "code": "UNKNOWN_VALUE",
        "message": "assignedById: this key sees nobody called “Тимур Осипав”. The nearest are 57 (Тимур Осипов).",
        "candidates": ["57"],
        "next_call": {"tool": "search_items", "arguments": {"entity": "users", "sort": "lastName"}},
    }


async def test_the_call_that_an_error_offers_lists_the_people(assistant: Assistant, sql: Sql) -> None:
    error = await assistant.fail("search_items", entity="deals", filter={"assignedById": "Qqqq"})
    call = error["next_call"]

    assert (await assistant.ask(call["tool"], **call["arguments"]))["total"] == sql("select count(*) from users")[0][0]


async def test_people_are_read_once_for_many_questions(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    for name in ("Осипов", "Emma Smith", "Осипов"):
        await own_assistant.ask("search_items", entity="deals", filter={"assignedById": name}, limit=1)

    assert [request.path for request in own_portal.requests].count("/v1/users/search") == 1


async def test_without_the_right_to_read_users_ids_go_on_and_names_are_refused(
    own_portal: DemoPortal, own_assistant: Assistant, sql: Sql
) -> None:
    own_portal.inject(Fault(kind="access_denied", path="/v1/users/search", times=None))
    [(count,)] = sql("select count(*) from deals where assignedById = 57")

    error = await own_assistant.fail("search_items", entity="deals", filter={"assignedById": "Осипов"})

    assert error["code"] == "BITRIX_ACCESS_DENIED"
    assert await total(own_assistant, entity="deals", filter={"assignedById": 57}) == count
    assert await total(own_assistant, entity="deals", filter={"createdBy": "me"}) > 0
