"""The page on the integration API keeps its promises: its calls work, and hold what it says they hold."""

import json
import re
import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from assistants import DOORS, ROOT, Assistant, Sql, sql_over
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.tools import TOOLS
from installed import COMMAND
from oracle import MOST_TOKENS, change, every_item
from questionnaires import intake_assistant
from writing_assistants import WRITING_DOORS, Door

pytestmark = pytest.mark.anyio

Call = tuple[str, dict[str, Any]]
PAGE = (ROOT / "docs" / "integration-api.md").read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0].partition(":")[0]: part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]}
CALLS: dict[str, list[Call]] = {
    title: [(tool, json.loads(given)) for tool, given in re.findall(r"bitrix24-mcp call (\w+) '(\{.*\})'", text)]
    for title, text in SECTIONS.items()
}
EVERY_CALL = [call for title, calls in CALLS.items() for call in calls if title != "Rules"]
API_FIELDS = {
    "Users": "bitrixUserID name lastName secondName title email uf_department workPosition deleted count",
    "Pipelines": "bitrixID name entityTypeId count",
    "Steps": "bitrixID nameInit color entityID statusID name pipelineID count",
    "Fields": "entityID fieldName editFromLabel fieldType count",
    "Account, health, authorisation": "id createdAt bitrixID subdomain stale deleted",
    "Rules": "QuizID PerformerID PipelineID TypeID StageID SourceID FieldsRule StatusID TagsToAdd LeadFlag CreatedAt",
    "What has no equivalent, and why": "id ID accountID createdAt deleted Deleted bitrixID",
}
"""What the API's answers hold, by the section that says where it is."""
FIELD_TYPES = (
    "string integer double boolean datetime enumeration iblock_section iblock_element employee crm_status crm address "
    "money url file crm_pena_tag"
)
ENTITY_TYPES = (1, 2, 3, 4, 5, 7, 8, 31)
WITH_USER_FIELDS = {1: "leads", 2: "deals", 3: "contacts", 4: "companies", 7: "quotes"}
PERHAPS = {
    "cut", "detail", "note", "not_read", "user_brief", "lead", "deal", "company", "contact", "contact_names",
    *(tool.name for tool in TOOLS),
}  # fmt: skip
"""What tables name that not every answer holds."""


@pytest.fixture(params=DOORS)
async def assistant(request: pytest.FixtureRequest, portal: DemoPortal) -> AsyncGenerator[Assistant]:
    """One that came in through the gateway, and one through REST."""
    async with DOORS[request.param](portal.url) as ready:
        yield ready


@pytest.fixture(params=DOORS)
async def own_assistant(request: pytest.FixtureRequest, own_portal: DemoPortal) -> AsyncGenerator[Assistant]:
    """The same at a portal of the test's own."""
    async with DOORS[request.param](own_portal.url) as ready:
        yield ready


def spans(text: str) -> set[str]:
    """What stands in backquotes, outside of blocks."""
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))


def rows(title: str, first: str) -> list[list[str]]:
    """The rows of the section's table whose first column has this head."""
    table = re.search(rf"^\| {re.escape(first)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", SECTIONS[title], re.MULTILINE)
    assert table, (title, first)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[1].splitlines()]


def promised(title: str) -> set[str]:
    """The places in answers that the section's table of fields names."""
    places = {span for row in rows(title, "field") for span in spans(row[-1])}
    return {place for place in places if re.fullmatch(r"[a-z_]+(\[\])?(\.\w+)*", place)} - PERHAPS


def holds(answer: Any, place: str) -> bool:
    """Whether the answer has this place: `items[].name` is the name of at least one item."""
    if not place:
        return True
    head, _, rest = place.partition(".")
    name = head.removesuffix("[]")
    if not isinstance(answer, dict) or name not in answer:
        return False
    inner: Any = cast("dict[str, Any]", answer)[name]
    return any(holds(each, rest) for each in inner) if head.endswith("[]") else holds(inner, rest)


def labels(answer: dict[str, Any]) -> dict[str, str]:
    return {name: label for named in answer["fields"].values() for name, label in named.items()}


def user_fields_of(portal: DemoPortal, entity: str) -> list[dict[str, Any]]:
    """The portal's own list of custom fields, read without any code of ours."""
    url = f"{portal.url}/v1/userfields/{entity}"
    return httpx.get(url, headers={"X-Api-Key": "vibe_api_demo"}).json()["data"]


@pytest.mark.parametrize("title", API_FIELDS)
def test_every_field_of_the_api_is_on_the_page(title: str) -> None:
    assert set(API_FIELDS[title].split()) - spans(SECTIONS[title]) == set()


@pytest.mark.parametrize("call", EVERY_CALL, ids=str)
async def test_every_call_on_the_page_is_answered(call: Call, assistant: Assistant) -> None:
    tool, arguments = call

    assert await assistant.ask(tool, **arguments)


@pytest.mark.parametrize("door", WRITING_DOORS)
async def test_every_call_about_rules_is_answered_in_their_order(
    door: Door, own_portal: DemoPortal, tmp_path: Path
) -> None:
    async with intake_assistant(door, own_portal.url, tmp_path) as assistant:
        answers = [await assistant.ask(tool, **arguments) for tool, arguments in CALLS["Rules"]]

    assert [tool for tool, _ in CALLS["Rules"]] == [
        "save_intake_rule", "get_intake_rule", "save_intake_rule", "submit_intake",
    ]  # fmt: skip
    assert promised("Rules")
    assert {place for place in promised("Rules") if not any(holds(answer, place) for answer in answers)} == set()


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`bitrix24-mcp (\w+)[ `]", PAGE))))
def test_every_command_on_the_page_is_there(command: str) -> None:
    shown = subprocess.run([COMMAND, command, "--help"], capture_output=True, text=True, check=True).stdout

    assert f"bitrix24-mcp {command}" in shown


@pytest.mark.parametrize("title", ["Users", "Pipelines", "Steps", "Fields"])
async def test_every_place_that_a_table_names_is_in_an_answer_of_its_section(title: str, assistant: Assistant) -> None:
    answers = [await assistant.ask(tool, **arguments) for tool, arguments in CALLS[title]]

    assert promised(title)
    assert {place for place in promised(title) if not any(holds(answer, place) for answer in answers)} == set()


async def test_all_users_come_page_by_page_with_their_count(assistant: Assistant, sql: Sql) -> None:
    tool, arguments = CALLS["Users"][0]
    users = sql("select id, name, lastName, email, workPosition, departmentId, active from users order by id")

    first = await assistant.ask(tool, **arguments)
    items = await every_item(assistant, tool, **arguments)

    assert (first["total"], first["returned"]) == (len(users), 25)
    assert [
        (*(each.get(name) for name in ("id", "name", "lastName", "email", "workPosition")), each["departmentId"])
        for each in items
    ] == [(*user[:5], json.loads(user[5])) for user in users]
    assert [each["active"] for each in items] == [bool(user[6]) for user in users]


async def test_a_user_who_was_dismissed_is_seen_at_the_next_call(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    tool, arguments = CALLS["Users"][1]
    before = await every_item(own_assistant, tool, **arguments)
    change(own_portal.database, "update users set active = 0 where id = 2")

    after = await every_item(own_assistant, tool, **arguments)

    assert [each["id"] for each in after] == sorted([2, *(each["id"] for each in before)])


@pytest.mark.parametrize("number", [*ENTITY_TYPES, 174, 156, 1038])
async def test_an_entity_type_has_the_funnels_of_the_portal(number: int, assistant: Assistant, sql: Sql) -> None:
    if number == 5:
        assert (await assistant.fail("describe_entity", entity=number))["code"] == "UNSUPPORTED_ENTITY"
        return
    answer = await assistant.ask("describe_entity", entity=number, detail=True)

    assert [(each["id"], each["name"]) for each in answer.get("funnels", [])] == sql(
        "select id, name from categories where entityTypeId = ? order by sort, id", number
    )
    assert "not_read" not in answer


def test_the_page_has_every_entity_type_of_the_api() -> None:
    numbers = [number for row in rows("Pipelines", "`entityTypeId`") for number in re.findall(r"\d+", row[0])]

    assert [int(number) for number in numbers] == [*ENTITY_TYPES, 128]


async def test_the_short_way_names_the_same_funnels(assistant: Assistant, sql: Sql) -> None:
    answer = await assistant.ask("get_status_items", entity=2)

    assert [answer["funnel"], *answer["other_funnels"]] == [
        {"id": id_, "name": name} for id_, name in sql("select id, name from categories where entityTypeId = 2")
    ]


@pytest.mark.parametrize("number", [3, 4])
async def test_funnels_of_contacts_and_companies_cost_a_request_only_with_detail(
    number: int, own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    change(
        own_portal.database,
        "insert into categories (id, entityTypeId, name, sort, isDefault) values (?, ?, 'Поставщики', 10, 1)",
        90 + number,
        number,
    )

    usual = await own_assistant.ask("describe_entity", entity=number)
    asked = len(own_portal.requests)
    detailed = await own_assistant.ask("describe_entity", entity=number, detail=True)

    assert ("funnels" in usual, detailed["funnels"]) == (False, [{"id": 90 + number, "name": "Поставщики"}])
    [request] = own_portal.requests[asked:]
    assert request.path in {f"/v1/categories/{number}", "/rest/1/demo-admin/crm.category.list"}


async def test_a_renamed_funnel_is_read_with_refresh(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    async def names(**further: bool) -> list[str]:
        answer = await own_assistant.ask("describe_entity", entity=2, **further)
        return [funnel["name"] for funnel in answer["funnels"]]

    await names()
    change(own_portal.database, "update deal_categories set name = 'Опт' where id = 5")
    change(own_portal.database, "update categories set name = 'Опт' where id = 5")

    assert (await names(), await names(refresh=True)) == (["Общая", "Партнёры", "Export"], ["Общая", "Опт", "Export"])


async def test_every_row_of_every_directory_can_be_read_and_is_counted(assistant: Assistant, sql: Sql) -> None:
    directories = (await assistant.ask("get_status_items"))["directories"]
    answers = [
        await assistant.ask("get_status_items", directory=each["directory"], detail=True) for each in directories
    ]

    assert sum(each["values"] for each in directories) == sql("select count(*) from statuses")[0][0]
    assert [
        (answer["directory"], *(item.get(name) for name in ("code", "name", "id", "initial_name", "color")))
        for answer in answers
        for item in answer["items"]
    ] == sql("select entityId, statusId, name, id, nameInit, color from statuses order by entityId, sort")


async def test_the_funnel_of_a_stage_is_the_number_at_the_end_of_its_directory(sql: Sql) -> None:
    staged = sql("select distinct entityId, categoryId from statuses where entityId like '%\\_STAGE%' escape '\\'")

    assert len(staged) == 7
    for directory, funnel in staged:
        end = directory.rpartition("_")[2]
        assert (int(end) if end.isdecimal() else 0) == funnel


async def test_a_long_directory_is_read_whole_with_a_larger_budget(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    for number in range(400):
        change(
            own_portal.database,
            "insert into statuses (id, entityId, statusId, name, sort) values (?, 'SOURCE', ?, ?, ?)",
            90_000 + number, f"MORE_{number}", f"Источник № {number}", 1_000 + number,
        )  # fmt: skip
    codes = sql_over(own_portal.database)("select statusId from statuses where entityId = 'SOURCE' order by sort")

    answer = await own_assistant.ask("get_status_items", directory="SOURCE", max_tokens=MOST_TOKENS)

    assert [(item["code"],) for item in answer["items"]] == codes
    assert "note" not in answer


@pytest.mark.parametrize("number", WITH_USER_FIELDS)
async def test_custom_fields_have_their_names_labels_and_the_portals_types(
    number: int, assistant: Assistant, portal: DemoPortal
) -> None:
    theirs = user_fields_of(portal, WITH_USER_FIELDS[number])

    answer = await assistant.ask("describe_entity", entity=number, detail=True)

    assert {name: type_ for type_, names in answer["user_fields"].items() for name in names} == {
        field["fieldName"]: field["userTypeId"] for field in theirs
    }
    shown = labels(answer)
    assert {field["fieldName"]: shown[field["fieldName"]] for field in theirs} == {
        field["fieldName"]: field["editFormLabel"]["ru"] for field in theirs
    }


async def test_each_type_of_the_api_stands_where_the_page_says(assistant: Assistant) -> None:
    answer = await assistant.ask("describe_entity", entity=2, detail=True)
    place = {name: type_ for type_, named in answer["fields"].items() for name in named}
    listed = {word: row[1] for row in rows("Fields", "`fieldType`") for word in spans(row[0])}

    assert set(listed) == set(FIELD_TYPES.split())
    found = {
        word: {place[name].split(",")[0].split()[0] for name in names} for word, names in answer["user_fields"].items()
    }
    assert {word: found[word] for word in listed if word != "crm_pena_tag"} == {
        word: ({word} if where == "the same" else {re.findall("`(.+?)`", where)[0]})
        for word, where in listed.items()
        if word != "crm_pena_tag"
    }
