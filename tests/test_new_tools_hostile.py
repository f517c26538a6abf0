"""Names as hostile as a portal can hold: what answers show of them leads back, and nothing of them does harm."""

import unicodedata
from collections.abc import Generator, Iterator
from typing import Any, cast

import pytest

from assistants import DEALS, Assistant, assistant_for, sql_over
from bitrix24_mcp.demo import DemoPortal
from oracle import MOST_TOKENS, change

pytestmark = pytest.mark.anyio

STORED = (
    "<b>Жирный</b> {n}", "Но\u200bвая {n}", "\u202eзаказ\u202c {n}", "ООО\u00a0Ромашка {n}", "два  пробела {n}",
    "a\x07b{n}", "Q &amp; A {n}", "строка\nвторая {n}", " с краю {n} ", "[b]жир[/b] {n}", "% скидки {n}", "a,b {n}",
    "O'Брайен «{n}»", "<script>x</script>кот {n}", "today", "me", "$gt", "last_month", "Ёлка ёж {n}", "x" * 300 + "{n}",
)  # fmt: skip
CODED = [("deal_categories", "name"), ("categories", "name"), ("statuses", "name"), ("users", "lastName")]
LINKED = {"companies": "title", "leads": "title", "contacts": "lastName", "tasks": "title", "workgroups": "name"}
FINDABLE = [name for name in STORED if "\u200b" not in name and "\x07" not in name and "&" not in name]
"""Names of records that a search for a word of theirs finds; the portal looks into the text as it is stored."""
ASKED = ["deals", "leads", "contacts", "quotes", "invoices", "tasks", "174", "156"]


def spoil(portal: DemoPortal, table: str, column: str, names: tuple[str, ...] | list[str]) -> None:
    """Gives the rows of a table these names in turn, with the row's number in them."""
    for place, (row,) in enumerate(sql_over(portal.database)(f"select id from {table} order by id")):
        change(
            portal.database,
            f"update {table} set {column} = ? where id = ?",
            names[place % len(names)].replace("{n}", str(row)),
            row,
        )


@pytest.fixture(scope="module")
def hostile() -> Generator[DemoPortal]:
    """A portal in which every stage, funnel, directory value, person and linked record has such a name."""
    with DemoPortal.start(deals=DEALS, limits=False) as portal:
        for table, column in CODED:
            spoil(portal, table, column, STORED)
        for table, column in LINKED.items():
            spoil(portal, table, column, FINDABLE)
        yield portal


def texts(answer: Any) -> Iterator[str]:
    if isinstance(answer, str):
        yield answer
    elif isinstance(answer, dict):
        for name, value in cast("dict[str, Any]", answer).items():
            yield name
            yield from texts(value)
    elif isinstance(answer, list):
        for each in cast("list[Any]", answer):
            yield from texts(each)


def harmful(answer: Any) -> list[str]:
    """The texts of an answer with markup, or with characters that cannot be seen."""
    unseen = {"Cc", "Cf", "Co", "Cs"}
    return [
        text
        for text in texts(answer)
        if any(mark in text for mark in ("<b>", "<script>", "[b]"))
        or any(unicodedata.category(each) in unseen for each in text if each not in "\n\t")
    ]


def named_values(items: list[dict[str, Any]]) -> dict[tuple[str, str], set[str]]:
    """Every field and name that stands in the records, with the codes that it stands beside."""
    found: dict[tuple[str, str], set[str]] = {}
    for item in items:
        for field in [name for name in item if f"{name}_name" in item]:
            several = isinstance(item[field], list)
            codes = cast("list[Any]", item[field]) if several else [item[field]]
            names = cast("list[str]", item[f"{field}_name"]) if several else [item[f"{field}_name"]]
            for code, name in zip(codes, names, strict=True):
                found.setdefault((field, name), set()).add(str(code))
    return found


@pytest.mark.parametrize("entity", ASKED)
async def test_every_name_that_an_answer_shows_is_taken_in_a_filter(entity: str, hostile: DemoPortal) -> None:
    """It means one of the values it stood beside, or asks back because several are called so."""
    async with assistant_for(hostile.url) as assistant:
        described = await assistant.ask("describe_entity", entity=entity, detail=True)
        columns = [name for kind, names in described["fields"].items() for name in names if not kind.startswith("crm")]
        page = await assistant.ask("search_items", entity=entity, select=columns, limit=60, max_tokens=MOST_TOKENS)
        shown = named_values(page["items"])
        wrong: dict[tuple[str, str], Any] = {}
        for (field, name), codes in shown.items():
            result = await assistant.raw("search_items", entity=entity, filter={field: name}, explain=True)
            content = cast("dict[str, Any]", result.structured_content)
            if result.is_error:
                accepted = content["error"]["code"] == "AMBIGUOUS_VALUE"
            else:
                accepted = str(content["plan"]["filter"][field]) in codes
            if not accepted:
                wrong[field, name] = content

    assert len(shown) > 10
    assert wrong == {}


ANSWERS: list[tuple[str, dict[str, Any]]] = [
    *(("get_status_items", {"entity": entity}) for entity in ("deals", "leads", "invoices", "174", "156")),
    ("get_status_items", {}),
    ("get_status_items", {"directory": "SOURCE"}),
    ("describe_entity", {"entity": "deals", "detail": True}),
    ("describe_entity", {"entity": "174", "find": "а"}),
    ("funnel_report", {"created": "2026"}),
    ("funnel_report", {"entity": "174", "created": "2025"}),
    ("aggregate", {"entity": "deals", "group_by": ["stageId", "assignedById"]}),
    ("search_items", {"entity": "deals", "limit": 50}),
    ("get_item", {"entity": "deals", "ids": list(range(1, 15)), "include": ["company", "contacts", "history"]}),
    ("get_portal_info", {}),
    ("list_workflows", {}),
    ("search_items", {"entity": "deals", "filter": {"stageId": "nothing of the kind"}}),
    ("search_items", {"entity": "deals", "filter": {"stageId": "today"}}),
    ("search_items", {"entity": "deals", "filter": {"categoryId": 0, "stageId": "C5:WON"}}),
    ("search_items", {"entity": "deals", "filter": {"sourceId": "ab"}}),
    ("search_items", {"entity": "deals", "filter": {"assignedById": "Алексей Жирны"}}),
    ("search_items", {"entity": "deals", "filter": {"companyId": "Жирный"}}),
    ("search_items", {"entity": "deals", "filter": {"contactId": "кот"}}),
    ("funnel_report", {"funnel": "no such funnel"}),
    ("list_workflows", {"started_by": "me2"}),
]


@pytest.mark.parametrize(("tool", "arguments"), ANSWERS, ids=str)
async def test_answers_and_errors_hold_no_markup_and_nothing_unseen(
    tool: str, arguments: dict[str, Any], hostile: DemoPortal
) -> None:
    async with assistant_for(hostile.url) as assistant:
        result = await assistant.raw(tool, **arguments)

    assert harmful(result.structured_content) == []


async def test_a_stage_name_twice_in_one_funnel_asks_back(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    change(own_portal.database, "update statuses set name = 'Звонок' where statusId in ('NEW', 'PREPARATION')")

    error = await own_assistant.fail("search_items", entity="deals", filter={"categoryId": 0, "stageId": "Звонок"})

    assert (error["code"], error["candidates"]) == ("AMBIGUOUS_VALUE", ["NEW", "PREPARATION"])


async def test_a_funnel_called_like_another_ones_id_is_that_other_one_and_the_answer_names_it(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    change(own_portal.database, "update deal_categories set name = '0' where id = 7")

    report = await own_assistant.ask("funnel_report", funnel="0", created="2026")
    stages = await own_assistant.ask("get_status_items", entity="deals", funnel="0")

    assert [funnel["id"] for funnel in report["funnels"]] == [0]
    assert stages["funnel"]["id"] == 0
    assert {"id": 7, "name": "0"} in stages["other_funnels"]


async def test_a_funnel_without_stages_is_an_empty_funnel(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    change(own_portal.database, "delete from statuses where entityId = 'DEAL_STAGE_7'")
    change(own_portal.database, "delete from deals where categoryId = 7")

    stages = await own_assistant.ask("get_status_items", entity="deals", funnel=7)
    report = await own_assistant.ask("funnel_report", funnel=7, created="2026")
    described = await own_assistant.ask("describe_entity", entity="deals")

    assert stages["items"] == []
    assert [(funnel["id"], funnel["entered"], funnel["stages"]) for funnel in report["funnels"]] == [(7, 0, [])]
    assert [funnel for funnel in described["funnels"] if funnel["id"] == 7 and "stages" in funnel] == []


async def test_a_person_without_any_name_is_told_apart_from_one_who_cannot_be_seen(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    change(own_portal.database, "update users set name = '', lastName = '', email = '' where id = 57")
    change(own_portal.database, "update deals set assignedById = 9999 where id = 1")
    ((count,),) = sql_over(own_portal.database)("select count(*) from deals where assignedById = 57")

    nameless = await own_assistant.ask("search_items", entity="deals", filter={"assignedById": "user #57"}, limit=1)
    unseen = await own_assistant.ask("get_item", entity="deals", id=1, select="assignedById")
    nothing = await own_assistant.ask(
        "search_items", entity="deals", filter={"assignedById": 57, "createdAt": {"$gte": "2031"}}
    )

    assert (nameless["total"], nameless["items"][0]["assignedById_name"]) == (count, "user #57")
    assert unseen["items"] == [{"id": 1, "assignedById": 9999, "assignedById_name": "user #9999 (not visible)"}]
    assert nothing["note"] == f"Without the condition on createdAt, {count} match."
