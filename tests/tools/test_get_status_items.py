"""`get_status_items` against the portal's own directories and funnels."""

from typing import Any

import pytest

from assistants import DEALS, Assistant, Sql, assistant_for, sql_over
from bitrix24_mcp.demo import DemoPortal
from oracle import change

pytestmark = pytest.mark.anyio

MEANINGS = {None: "in progress", "P": "in progress", "S": "won", "F": "lost"}
FUNNELS = {"deals": 2, "invoices": 31, "174": 174, "156": 156}
"""Entities whose stages stand in funnels, with their entity type id."""


def values_of(sql: Sql, directory: str) -> list[dict[str, Any]]:
    """The directory's values in the tool's words."""
    staged = directory in {"STATUS", "QUOTE_STATUS"} or "_STAGE" in directory
    return [
        {"code": code, "name": name, **({"semantics": MEANINGS[semantics]} if staged else {})}
        for code, name, semantics in sql(
            "select statusId, name, semantics from statuses where entityId = ? order by sort", directory
        )
    ]


def funnel_answer(sql: Sql, entity: str, directory: str, funnel: int) -> dict[str, Any]:
    """The whole answer for the stages of one funnel."""
    funnels = [
        {"id": id_, "name": name}
        for id_, name in sql("select id, name from categories where entityTypeId = ? order by id", FUNNELS[entity])
    ]
    others = [each for each in funnels if each["id"] != funnel]
    return {
        "directory": directory,
        "items": values_of(sql, directory),
        "funnel": next(each for each in funnels if each["id"] == funnel),
        **({"other_funnels": others} if others else {}),
    }


@pytest.mark.parametrize(
    ("arguments", "entity", "directory", "funnel"),
    [
        ({"entity": "deals"}, "deals", "DEAL_STAGE", 0),
        ({"entity": "Deal", "funnel": "0"}, "deals", "DEAL_STAGE", 0),
        ({"entity": "deals", "funnel": "общая"}, "deals", "DEAL_STAGE", 0),
        ({"entity": "deals", "funnel": 5}, "deals", "DEAL_STAGE_5", 5),
        ({"entity": "deals", "funnel": "ПАРТНЁРЫ"}, "deals", "DEAL_STAGE_5", 5),
        ({"entity": "deals", "funnel": "Партнеры"}, "deals", "DEAL_STAGE_5", 5),
        ({"entity": "2", "funnel": "export"}, "deals", "DEAL_STAGE_7", 7),
        ({"entity": "invoices"}, "invoices", "SMART_INVOICE_STAGE_3", 3),
        ({"entity": 31, "funnel": "3"}, "invoices", "SMART_INVOICE_STAGE_3", 3),
        ({"entity": 174}, "174", "DYNAMIC_174_STAGE_8", 8),
        ({"entity": "174", "funnel": "8"}, "174", "DYNAMIC_174_STAGE_8", 8),
        ({"entity": "contracts", "funnel": "Renewals"}, "174", "DYNAMIC_174_STAGE_9", 9),
        ({"entity": "156"}, "156", "DYNAMIC_156_STAGE_41", 41),
        ({"entity": "закупки", "funnel": "Закупки"}, "156", "DYNAMIC_156_STAGE_41", 41),
    ],
)
async def test_the_stages_of_a_funnel_come_in_order_with_the_other_funnels_named(
    assistant: Assistant, sql: Sql, arguments: dict[str, Any], entity: str, directory: str, funnel: int
) -> None:
    wanted = funnel_answer(sql, entity, directory, funnel)

    assert wanted["items"]
    assert await assistant.ask("get_status_items", **arguments) == wanted


@pytest.mark.parametrize(("entity", "directory"), [("leads", "STATUS"), ("1", "STATUS"), ("quotes", "QUOTE_STATUS")])
async def test_stages_without_funnels_come_alone(assistant: Assistant, sql: Sql, entity: str, directory: str) -> None:
    answer = await assistant.ask("get_status_items", entity=entity)

    assert answer == {"directory": directory, "items": values_of(sql, directory)}
    assert {item["semantics"] for item in answer["items"]} == {"in progress", "won", "lost"}


async def test_every_directory_is_read_by_its_id_in_any_case(assistant: Assistant, sql: Sql) -> None:
    names = [row[0] for row in sql("select distinct entityId from statuses")]

    answers = [await assistant.ask("get_status_items", directory=name.lower()) for name in names]

    assert len(names) == 16
    assert answers == [{"directory": name, "items": values_of(sql, name)} for name in names]


async def test_an_analysed_failure_is_lost_as_well(assistant: Assistant) -> None:
    answer = await assistant.ask("get_status_items", entity="deals", funnel="Export")

    assert answer["items"][-3:] == [
        {"code": "C7:WON", "name": "Won", "semantics": "won"},
        {"code": "C7:LOSE", "name": "Lost", "semantics": "lost"},
        {"code": "C7:APOLOGY", "name": "Failure analysis", "semantics": "lost"},
    ]


async def test_statuses_of_old_invoices_have_meanings_like_stages(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    for place, (code, name, semantics) in enumerate((("N", "Новый", None), ("P", "Оплачен", "S"), ("D", "Отказ", "F"))):
        change(
            own_portal.database,
            "insert into statuses (id, entityId, statusId, name, sort, semantics) values (?, ?, ?, ?, ?, ?)",
            8_000 + place, "INVOICE_STATUS", code, name, place, semantics,
        )  # fmt: skip

    assert await own_assistant.ask("get_status_items", directory="INVOICE_STATUS") == {
        "directory": "INVOICE_STATUS",
        "items": [
            {"code": "N", "name": "Новый", "semantics": "in progress"},
            {"code": "P", "name": "Оплачен", "semantics": "won"},
            {"code": "D", "name": "Отказ", "semantics": "lost"},
        ],
    }


async def test_without_arguments_every_directory_is_named_with_whose_stages_it_holds(
    assistant: Assistant, sql: Sql
) -> None:
    owners = {
        "DEAL_STAGE": "Deals",
        "DEAL_STAGE_5": "Deals",
        "DEAL_STAGE_7": "Deals",
        "STATUS": "Leads",
        "QUOTE_STATUS": "Quotes",
        "SMART_INVOICE_STAGE_3": "Invoices",
        "DYNAMIC_174_STAGE_8": "Contracts",
        "DYNAMIC_174_STAGE_9": "Contracts",
        "DYNAMIC_156_STAGE_41": "Закупки",
    }
    counts = sql("select entityId, count(*) from statuses group by entityId order by entityId")

    answer = await assistant.ask("get_status_items")

    assert answer == {
        "directories": [
            {"directory": name, **({"stages_of": owners[name]} if name in owners else {}), "values": count}
            for name, count in counts
        ]
    }


async def test_a_new_value_is_seen_only_after_refresh(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    async def names(*, refresh: bool = False) -> list[str]:
        answer = await own_assistant.ask("get_status_items", directory="HONORIFIC", refresh=refresh)
        return [item["name"] for item in answer["items"]]

    before = await names()
    change(own_portal.database, "update statuses set name = 'Ваше Превосходительство' where statusId = 'HNR_RU_2'")

    assert await names() == before
    assert await names(refresh=True) == [before[0], "Ваше Превосходительство"]
    assert await names() == [before[0], "Ваше Превосходительство"]


@pytest.mark.parametrize(
    "arguments", [{"entity": "deals", "funnel": 5}, {"directory": "deal_stage_5"}], ids=["entity", "directory"]
)
async def test_detail_adds_what_only_the_list_of_all_directories_tells(
    arguments: dict[str, Any], own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    change(own_portal.database, "update statuses set nameInit = 'Новая' where statusId = 'C5:PREPARATION'")
    change(own_portal.database, "update statuses set nameInit = '', color = null where statusId = 'C5:NEW'")
    told = sql_over(own_portal.database)(
        "select id, nameInit, color from statuses where entityId = 'DEAL_STAGE_5' order by sort"
    )

    usual = await own_assistant.ask("get_status_items", **arguments)
    detailed = await own_assistant.ask("get_status_items", **arguments, detail=True)

    assert detailed == {
        **usual,
        "items": [
            {**item, "id": id_, **({"initial_name": name} if name else {}), **({"color": color} if color else {})}
            for item, (id_, name, color) in zip(usual["items"], told, strict=True)
        ],
    }


@pytest.mark.parametrize(
    ("arguments", "code", "candidates"),
    [
        ({"entity": "1038"}, "NO_STAGES", None),
        ({"entity": "Оборудование"}, "NO_STAGES", None),
        ({"entity": "contacts"}, "NO_STAGES", None),
        ({"entity": "leads", "funnel": "0"}, "NO_FUNNELS", None),
        ({"entity": "quotes", "funnel": "General"}, "NO_FUNNELS", None),
        ({"entity": "deals", "funnel": "6"}, "UNKNOWN_VALUE", ["0", "5", "7"]),
        ({"entity": "deals", "funnel": "Партнёр"}, "UNKNOWN_VALUE", ["5"]),
        ({"entity": "deals", "funnel": "8"}, "UNKNOWN_VALUE", ["0", "5", "7"]),
        ({"entity": "deels"}, "UNKNOWN_ENTITY", ["deals"]),
        ({"entity": "175"}, "UNKNOWN_ENTITY", None),
        ({"entity": "deals", "directory": "SOURCE"}, "INVALID_ARGUMENT", None),
        ({"funnel": "5"}, "INVALID_ARGUMENT", None),
        ({"directory": "SOURCE", "funnel": "5"}, "INVALID_ARGUMENT", None),
    ],
)
async def test_what_has_no_such_stages_is_an_error_that_names_the_nearest(
    assistant: Assistant, arguments: dict[str, Any], code: str, candidates: list[str] | None
) -> None:
    error = await assistant.fail("get_status_items", **arguments)

    assert (error["code"], error.get("candidates", [])[: len(candidates or [])]) == (code, candidates or [])


async def test_an_unknown_directory_is_an_error_that_names_the_nearest(assistant: Assistant) -> None:
    error = await assistant.fail("get_status_items", directory="SOURCES")

    assert error == {
        "code": "UNKNOWN_DIRECTORY",
        "message": f"The portal has no directory “SOURCES”. The nearest are {', '.join(error['candidates'])}.",
        "candidates": error["candidates"],
        "next_call": {"tool": "get_status_items", "arguments": {}},
    }
    assert error["candidates"][0] == "SOURCE"


@pytest.mark.parametrize("funnel", [{}, {"funnel": "General"}])
async def test_a_portal_that_hides_the_default_funnel_of_deals_still_has_it(sql: Sql, funnel: dict[str, str]) -> None:
    with DemoPortal.start(deals=DEALS, limits=False, deal_category_zero=False) as hiding:
        async with assistant_for(hiding.url) as assistant:
            answer = await assistant.ask("get_status_items", entity="deals", **funnel)

    assert answer == {
        "directory": "DEAL_STAGE",
        "items": values_of(sql, "DEAL_STAGE"),
        "funnel": {"id": 0, "name": "General"},
        "other_funnels": [{"id": 5, "name": "Партнёры"}, {"id": 7, "name": "Export"}],
    }


async def test_a_directory_beyond_the_token_budget_ends_early_and_says_so(own_portal: DemoPortal) -> None:
    for number in range(400):
        change(
            own_portal.database,
            "insert into statuses (id, entityId, statusId, name, sort) values (?, 'SOURCE', ?, ?, ?)",
            90_000 + number,
            f"MORE_{number}",
            f"Источник № {number}",
            1_000 + number,
        )
    wanted = values_of(sql_over(own_portal.database), "SOURCE")

    async with assistant_for(own_portal.url, BITRIX24_MCP_MAX_TOKENS="1000") as assistant:
        answer = await assistant.ask("get_status_items", directory="SOURCE")

    shown = len(answer["items"])
    assert 20 < shown < 100
    assert answer == {
        "directory": "SOURCE",
        "items": wanted[:shown],
        "note": f"Ended after {shown} of {len(wanted)} values to keep within the token budget; describe_entity finds "
        "others by a part of the name.",
    }
