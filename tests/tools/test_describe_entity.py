"""`describe_entity`: everything that a correct query needs, in few tokens, and what is missing is said."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from assistants import Assistant, Sql, assistant_for, sql_over
from bitrix24_mcp.crm.shape import compact, tokens
from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.demo.faults import FaultKind
from oracle import change

pytestmark = pytest.mark.anyio

DEALS_AT_MOST = 5_010
"""Bytes; Cyrillic costs two each. With them the usual answer on deals stays under 1,220 o200k tokens."""
MEANINGS = {None: "in progress", "P": "in progress", "S": "won", "F": "lost"}
ENTITY_TYPES = {"deals": 2, "invoices": 31, "174": 174, "156": 156}
"""Entities whose stages stand in funnels, with their entity type id."""
PATHS = {name: f"items/{name}" for name in ("156", "174", "1038")}
SOURCE_VALUES = 49


def listed_by_portal(portal: DemoPortal, entity: str) -> dict[str, dict[str, Any]]:
    """The portal's own field list, read without any code of ours."""
    path = f"{portal.url}/v1/{PATHS.get(entity, entity)}/fields"
    data = httpx.get(path, headers={"X-Api-Key": "vibe_api_demo"}).json()["data"]
    return data.get("fields", data)


def names_in(sql: Sql, directory: str) -> dict[str, str]:
    return dict(sql("select statusId, name from statuses where entityId = ? order by sort", directory))


def stages_in(sql: Sql, directory: str) -> dict[str, dict[str, str]]:
    stages: dict[str, dict[str, str]] = {}
    query = "select statusId, name, semantics from statuses where entityId = ? order by sort"
    for code, name, semantics in sql(query, directory):
        stages.setdefault(MEANINGS[semantics], {})[code] = name
    return stages


def directory_of(entity: str, funnel: int) -> str:
    stem = {"deals": "DEAL_STAGE", "invoices": "SMART_INVOICE_STAGE"}.get(entity, f"DYNAMIC_{entity}_STAGE")
    return f"{stem}_{funnel}" if funnel else stem


def list_values(fields: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The values of the list fields in the portal's own field list."""
    return {
        name: {each["ID"]: each["VALUE"] for each in field["items"]}
        for name, field in fields.items()
        if "items" in field
    }


def stage_count(funnel: Mapping[str, Any]) -> int:
    return sum(map(len, funnel.get("stages", {}).values()))


def labels(answer: Mapping[str, Any]) -> dict[str, str]:
    """Every field of an answer with its label, whatever its type."""
    return {name: label for fields in answer["fields"].values() for name, label in fields.items()}


def grow_source(portal: DemoPortal) -> None:
    """Adds sources until there are many."""
    for number in range(SOURCE_VALUES - 9):
        change(
            portal.database,
            "insert into statuses (id, entityId, statusId, name, sort) values (?, 'SOURCE', ?, ?, ?)",
            9_000 + number, f"S{number}", f"Канал {number}", 1_000 + number,
        )  # fmt: skip


@pytest.mark.parametrize(
    "entity",
    ["deals", "leads", "contacts", "companies", "quotes", "invoices", "156", "174", "1038", "tasks", "users",
     "activities", "timelines", "products", "requisites", "orders", "files", "documents"],
)  # fmt: skip
async def test_every_field_of_the_portal_is_there_with_its_label(
    entity: str, portal: DemoPortal, assistant: Assistant
) -> None:
    answer = await assistant.ask("describe_entity", entity=entity)
    theirs = listed_by_portal(portal, entity)

    ours = {name: label or name for name, label in labels(answer).items()}
    assert ours == {name: each.get("title") or each.get("label") or name for name, each in theirs.items()}
    assert "cut" not in answer


async def test_the_fields_of_deals_stand_under_their_types(assistant: Assistant) -> None:
    answer = await assistant.ask("describe_entity", entity="deals")

    fields = {type_: list(names) for type_, names in answer["fields"].items()}
    custom = [f"UF_CRM_17000000{number:02}" for number in range(1, 18)]
    texts = ["title", "sourceDescription", "comments", "originatorId", "originId"]
    assert fields == {
        "integer": ["id", "probability", "entityTypeId", custom[4]],
        "string": [*texts, custom[9], custom[10], custom[14]],
        "number": ["amount", custom[1]],
        "currency": ["currency"],
        "funnel": ["categoryId"],
        "stage": ["stageId", "previousStageId"],
        "list": ["stageSemanticId", custom[0]],
        "user": ["assignedById", "createdBy", "updatedBy", "movedBy", custom[5]],
        "link to companies": ["companyId"],
        "link to contacts": ["contactId"],
        "link to contacts, several": ["contactIds"],
        "datetime": ["createdAt", "updatedAt", "movedTime", custom[7]],
        "date": ["begindate", "closedAt", custom[6]],
        "boolean": ["closed", "opened", "isReturning", custom[8]],
        "directory SOURCE": ["sourceId"],
        "directory DEAL_TYPE": ["typeId"],
        "user, several": ["observers"],
        "money": [custom[2]],
        "list, several": [custom[3]],
        "crm": [custom[11]],
        "directory INDUSTRY": [custom[12]],
        "file": [custom[13]],
        "iblock_section": [custom[15]],
        "iblock_element": [custom[16]],
    }


async def test_what_is_beside_the_fields_of_deals(assistant: Assistant, portal: DemoPortal, sql: Sql) -> None:
    answer = await assistant.ask("describe_entity", entity="deals")

    assert {part: value for part, value in answer.items() if part not in {"fields", "funnels"}} == {
        "entity": "deals",
        "can": {
            "filter": "all fields",
            "sort": "all but those with several values",
            "group_by": "all but files and phones, dates as createdAt:month (or day, week, quarter, year)",
            "sum": "number, integer, money",
        },
        "money": {"amount": "currency"},
        "values": {
            "stageSemanticId": {"P": "in progress", "S": "won", "F": "lost"},
            **list_values(listed_by_portal(portal, "deals")),
        },
        "directories": {name: names_in(sql, name) for name in ("SOURCE", "DEAL_TYPE", "INDUSTRY")},
        "currencies": ["RUB", "EUR", "USD"],
    }


@pytest.mark.parametrize("entity", ENTITY_TYPES)
async def test_each_funnel_comes_with_its_stages_by_meaning(entity: str, assistant: Assistant, sql: Sql) -> None:
    answer = await assistant.ask("describe_entity", entity=entity)

    funnels = sql("select id, name from categories where entityTypeId = ? order by sort", ENTITY_TYPES[entity])
    assert answer["funnels"] == [
        {"id": id_, "name": name, "stages": stages_in(sql, directory_of(entity, id_))} for id_, name in funnels
    ]
    assert "stages" not in answer


@pytest.mark.parametrize(("entity", "directory"), [("leads", "STATUS"), ("quotes", "QUOTE_STATUS")])
async def test_stages_without_funnels_stand_alone(entity: str, directory: str, assistant: Assistant, sql: Sql) -> None:
    answer = await assistant.ask("describe_entity", entity=entity)

    assert (answer["stages"], answer.get("funnels")) == (stages_in(sql, directory), None)


@pytest.mark.parametrize("entity", ["174", "contracts", "Оборудование", "1038"])
async def test_a_smart_process_comes_with_its_title(entity: str, assistant: Assistant, sql: Sql) -> None:
    answer = await assistant.ask("describe_entity", entity=entity)

    [title] = sql("select title from smart_processes where entityTypeId = ?", int(answer["entity"]))[0]
    assert answer["title"] == title


async def test_a_smart_process_without_stages_has_none(assistant: Assistant) -> None:
    assert {"funnels", "stages"} & set(await assistant.ask("describe_entity", entity="1038")) == set()


async def test_a_smart_process_with_funnels_but_without_stages_names_them(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    change(own_portal.database, "update smart_processes set isCategoriesEnabled = 1 where entityTypeId = 1038")
    change(
        own_portal.database,
        "insert into categories (id, entityTypeId, name, sort) values (71, 1038, 'Склад', 10), (72, 1038, 'Цех', 20)",
    )

    answer = await own_assistant.ask("describe_entity", entity="1038")

    assert answer["funnels"] == [{"id": 71, "name": "Склад"}, {"id": 72, "name": "Цех"}]


@pytest.mark.parametrize(
    ("fault", "code"),
    [("access_denied", "BITRIX_ACCESS_DENIED"), ("bitrix_error", "BITRIX_ERROR")],
)
async def test_funnels_that_an_entity_may_not_have_are_named_when_the_portal_refuses_them(
    fault: FaultKind, code: str, own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    whole = await own_assistant.ask("describe_entity", entity="contacts", detail=True)
    own_portal.inject(Fault(kind=fault, path="/v1/categories/3", times=None))
    async with assistant_for(own_portal.url) as another:
        answer = await another.ask("describe_entity", entity="contacts", detail=True)

    reason = answer.pop("not_read")
    assert answer == whole
    assert list(reason) == ["funnels"]
    assert reason["funnels"].endswith(f"[{code}]")


async def test_refused_funnels_of_deals_are_an_error_and_not_a_gap(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    own_portal.inject(Fault(kind="bitrix_error", path="/v1/deal-categories", times=None))

    assert (await own_assistant.fail("describe_entity", entity="deals"))["code"] == "BITRIX_ERROR"


@pytest.mark.parametrize("tool", ["describe_entity", "search_items", "get_status_items"])
@pytest.mark.parametrize("entity", [5, "5", " 05 "])
async def test_invoices_of_the_old_kind_are_told_apart_from_what_does_not_exist(
    tool: str, entity: object, own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    error = await own_assistant.fail(tool, entity=entity)

    assert error == {
        "code": "UNSUPPORTED_ENTITY",
        "message": "Invoices of the old kind (entityTypeId 5) have no funnels and cannot be asked for. Those of today "
        "are invoices, entityTypeId 31. Where a portal still has old ones, get_status_items gives their statuses: "
        "directory INVOICE_STATUS.",
        "candidates": ["invoices"],
        "next_call": {"tool": "describe_entity", "arguments": {"entity": "invoices"}},
    }
    assert own_portal.requests == []


async def test_requisites_are_found_by_their_number(assistant: Assistant) -> None:
    by_name = await assistant.ask("describe_entity", entity="requisites", detail=True)

    assert await assistant.ask("describe_entity", entity=8, detail=True) == by_name


async def test_a_parent_link_names_its_entity(assistant: Assistant) -> None:
    answer = await assistant.ask("describe_entity", entity="174")

    assert answer["fields"]["link to deals"] == {"parentId2": "Сделка"}


@pytest.mark.parametrize(
    ("entity", "can"),
    [
        (
            "timelines",
            {
                "filter": "entityType, entityId; required: entityType, entityId",
                "sort": "id, upwards",
                "group_by": "nothing",
                "sum": "nothing",
            },
        ),
        (
            "calendar-events",
            {
                "filter": "all fields; required: type, ownerId",
                "sort": "all fields",
                "group_by": "all fields, dates as from:month (or day, week, quarter, year)",
                "sum": "integer",
            },
        ),
        (
            "departments",
            {"filter": "all fields", "sort": "all fields", "group_by": "all fields", "sum": "integer"},
        ),
        (
            "users",
            {
                "filter": "all fields",
                "sort": "all but those with several values",
                "group_by": "all fields, dates as lastLogin:month (or day, week, quarter, year)",
                "sum": "nothing",
            },
        ),
    ],
)
async def test_what_can_be_asked_is_said_with_its_exceptions(
    entity: str, can: dict[str, str], assistant: Assistant
) -> None:
    assert (await assistant.ask("describe_entity", entity=entity))["can"] == can


async def test_what_is_said_of_orders_groups_and_sums_is_what_the_other_tools_take(assistant: Assistant) -> None:
    answer = await assistant.ask("describe_entity", entity="deals")
    summable = answer["can"]["sum"].split(", ")

    for type_, names in answer["fields"].items():
        kind, _, several = type_.partition(", ")
        for name in names:
            group = f"{name}:month" if kind == "datetime" else name
            measures = [{"function": "sum", "field": name}]
            sort = await assistant.raw("search_items", entity="deals", sort=name, explain=True)
            grouped = await assistant.raw("aggregate", entity="deals", group_by=group, explain=True)
            summed = await assistant.raw("aggregate", entity="deals", measures=measures, explain=True)
            refused = (sort.is_error, grouped.is_error, summed.is_error)
            assert refused == (several == "several", kind == "file", type_ not in summable), name


@pytest.mark.parametrize("entity", ["deals", "174"])
async def test_detail_also_says_what_is_read_only_and_what_was_added(
    entity: str, portal: DemoPortal, assistant: Assistant
) -> None:
    usual = await assistant.ask("describe_entity", entity=entity)
    detailed = await assistant.ask("describe_entity", entity=entity, detail=True)

    fields = listed_by_portal(portal, entity)
    added: dict[str, list[str]] = {}
    for name in fields:
        if name.casefold().startswith("uf"):
            added.setdefault(fields[name]["type"], []).append(name)
    assert added
    assert detailed == {
        **usual,
        "read_only": [name for name in fields if fields[name]["isReadOnly"]],
        "user_fields": added,
    }


async def test_the_usual_answer_on_deals_is_small(assistant: Assistant) -> None:
    answer = await assistant.ask("describe_entity", entity="deals")

    assert len(compact(answer).encode()) <= DEALS_AT_MOST


async def test_all_that_is_said_of_an_entity_is_read_once(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    await own_assistant.ask("describe_entity", entity="deals")
    paths = [request.path for request in own_portal.requests]
    await own_assistant.ask("describe_entity", entity="deals", detail=True)
    await own_assistant.ask("describe_entity", entity="deals", find="vip")

    assert sorted(paths) == ["/v1/currencies", "/v1/deal-categories", "/v1/deals/fields", "/v1/statuses"]
    assert len(own_portal.requests) == len(paths)


async def test_a_long_list_is_cut_with_its_full_count_and_detail_gives_the_rest(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    grow_source(own_portal)
    usual = await own_assistant.ask("describe_entity", entity="leads")
    detailed = await own_assistant.ask("describe_entity", entity="leads", detail=True)

    sources = names_in(sql_over(own_portal.database), "SOURCE")
    assert usual["directories"]["SOURCE"] == dict(list(sources.items())[:10])
    assert usual["cut"] == {"SOURCE": f"10 of {SOURCE_VALUES}"}
    assert usual["note"] == (
        "cut names what is shown in part: find shows the fields and values with a text, detail shows longer lists."
    )
    assert (detailed["directories"]["SOURCE"], "cut" in detailed) == (sources, False)


async def test_find_reaches_what_was_cut(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    grow_source(own_portal)

    assert await own_assistant.ask("describe_entity", entity="leads", find="КАНАЛ 39") == {
        "entity": "leads",
        "fields": {"directory SOURCE": {"sourceId": "Источник"}},
        "directories": {"SOURCE": {"S39": "Канал 39"}},
    }


@pytest.mark.parametrize("budget", [300, 600, 1_000, 1_500])
@pytest.mark.parametrize("arguments", [{}, {"detail": True}, {"find": "а"}], ids=str)
async def test_the_token_budget_is_kept_and_what_was_cut_is_said(
    budget: int, arguments: dict[str, Any], portal: DemoPortal, assistant: Assistant
) -> None:
    whole = await assistant.ask("describe_entity", entity="deals", **arguments)
    async with assistant_for(portal.url, BITRIX24_MCP_MAX_TOKENS=str(budget)) as small:
        answer = await small.ask("describe_entity", entity="deals", **arguments)

    assert tokens(compact(answer)) <= budget
    cut = answer.pop("cut", {})
    assert cut
    assert answer.pop("note") == "cut names what is shown in part: find shows the fields and values with a text."
    assert cut.get("fields") == (f"{len(labels(answer))} of {len(labels(whole))}" if "fields" in cut else None)
    for funnel, full in zip(answer["funnels"], whole["funnels"], strict=True):
        shown, there = stage_count(funnel), stage_count(full)
        assert cut.get(f"stages of funnel {funnel['id']}") == (f"{shown} of {there}" if shown < there else None)


async def test_a_call_may_ask_for_a_larger_answer(portal: DemoPortal, assistant: Assistant) -> None:
    whole = await assistant.ask("describe_entity", entity="deals")
    async with assistant_for(portal.url, BITRIX24_MCP_MAX_TOKENS="1000") as small:
        assert "cut" in await small.ask("describe_entity", entity="deals")
        assert await small.ask("describe_entity", entity="deals", max_tokens=5_000) == whole


async def test_funnels_beyond_the_budget_are_counted(own_portal: DemoPortal) -> None:
    for number in range(100, 190):
        change(own_portal.database, "insert into deal_categories (id, name, sort) values (?, 'Funnel', 900)", number)
    async with assistant_for(own_portal.url, BITRIX24_MCP_MAX_TOKENS="1000") as small:
        answer = await small.ask("describe_entity", entity="deals")

    assert (len(answer["funnels"]), answer["cut"]["funnels"]) == (10, "10 of 93")
    assert tokens(compact(answer)) <= 1_000


FOUND: list[tuple[str, dict[str, Any]]] = [
    (
        "ПРИОР",
        {
            "fields": {"list": {"UF_CRM_1700000001": "Приоритет"}},
            "values": {"UF_CRM_1700000001": {"202": "Высокий", "203": "Средний", "204": "Низкий"}},
        },
    ),
    (
        "средний",
        {
            "fields": {"list": {"UF_CRM_1700000001": "Приоритет"}},
            "values": {"UF_CRM_1700000001": {"203": "Средний"}},
        },
    ),
    (
        "vip",
        {"fields": {"list, several": {"UF_CRM_1700000004": "Теги"}}, "values": {"UF_CRM_1700000004": {"302": "VIP"}}},
    ),
    (
        "trade_show",
        {
            "fields": {"directory SOURCE": {"sourceId": "Источник"}},
            "directories": {"SOURCE": {"TRADE_SHOW": "Выставка"}},
        },
    ),
    (
        "C5:WON",
        {
            "fields": {"stage": {"stageId": "Стадия сделки", "previousStageId": "Предыдущая стадия"}},
            "funnels": [{"id": 5, "name": "Партнёры", "stages": {"won": {"C5:WON": "Сделка успешна"}}}],
        },
    ),
    ("евро", {"fields": {"currency": {"currency": "Валюта"}}, "currencies": ["EUR"]}),
    ("валюта", {"fields": {"currency": {"currency": "Валюта"}}, "currencies": ["RUB", "EUR", "USD"]}),
    ("probab", {"fields": {"integer": {"probability": "Вероятность, %"}}}),
    ("nobody", {"fields": {}, "note": "No field, label or value of deals contains “nobody”."}),
]


@pytest.mark.parametrize(("text", "found"), FOUND, ids=[text for text, _ in FOUND])
async def test_find_narrows_to_the_fields_and_values_with_the_text(
    text: str, found: dict[str, Any], assistant: Assistant
) -> None:
    assert await assistant.ask("describe_entity", entity="deals", find=text) == {"entity": "deals", **found}


@pytest.mark.parametrize("text", ["партнёры", "ПАРТНЕРЫ"])
async def test_find_takes_a_funnel_by_its_name_whole(text: str, assistant: Assistant, sql: Sql) -> None:
    answer = await assistant.ask("describe_entity", entity="deals", find=text)

    assert answer["fields"]["funnel"] == {"categoryId": "Воронка"}
    assert answer["funnels"] == [{"id": 5, "name": "Партнёры", "stages": stages_in(sql, "DEAL_STAGE_5")}]


async def test_a_renamed_value_is_seen_only_after_refresh(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    async def stage(**further: bool) -> str:
        answer = await own_assistant.ask("describe_entity", entity="leads", **further)
        return answer["stages"]["in progress"]["NEW"]

    before = await stage()
    change(own_portal.database, "update statuses set name = 'Свежий' where entityId = 'STATUS' and statusId = 'NEW'")

    assert [await stage(), await stage(refresh=True), await stage()] == [before, "Свежий", "Свежий"]


async def test_an_empty_find_is_none(assistant: Assistant) -> None:
    usual = await assistant.ask("describe_entity", entity="deals")

    assert await assistant.ask("describe_entity", entity="deals", find="  ") == usual


@pytest.mark.parametrize(
    ("path", "part", "missing"),
    [
        ("/v1/statuses", "stages and directories", {"directories"}),
        ("/v1/deal-categories", "funnels", {"funnels"}),
        ("/v1/currencies", "currencies", {"currencies"}),
    ],
)
async def test_a_part_that_is_refused_is_named_and_the_rest_is_there(
    path: str, part: str, missing: set[str], own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    whole = await own_assistant.ask("describe_entity", entity="deals")
    own_portal.inject(Fault(kind="access_denied", path=path, times=None))
    async with assistant_for(own_portal.url) as stranger:
        answer = await stranger.ask("describe_entity", entity="deals")
        nothing = await stranger.ask("describe_entity", entity="deals", find="nobody")

    reason = answer.pop("not_read")
    assert list(reason) == [part]
    assert reason[part].endswith("[BITRIX_ACCESS_DENIED]")
    if part == "stages and directories":
        assert [set(funnel) for funnel in answer.pop("funnels")] == [{"id", "name"}] * 3
        missing = {*missing, "funnels"}
    assert answer == {name: value for name, value in whole.items() if name not in missing}
    assert nothing["note"].endswith("What could not be read was not searched.")


async def test_refused_fields_are_an_error(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    own_portal.inject(Fault(kind="access_denied", path="/v1/deals/fields", times=None))

    assert (await own_assistant.fail("describe_entity", entity="deals"))["code"] == "BITRIX_ACCESS_DENIED"


async def test_an_unfit_part_is_an_error_and_not_a_gap(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    own_portal.inject(Fault(kind="truncated", path="/v1/statuses", times=None))

    assert (await own_assistant.fail("describe_entity", entity="deals"))["code"] == "UNEXPECTED_ANSWER"


async def test_a_key_with_fewer_scopes_still_learns_what_it_may_ask(portal: DemoPortal) -> None:
    async with assistant_for(portal.url, "vibe_api_demo_noscope") as assistant:
        users = await assistant.ask("describe_entity", entity="users")
        error = await assistant.fail("describe_entity", entity="deals")

    assert ("not_read" in users, error["code"]) == (False, "SCOPE_DENIED")


async def test_names_of_the_portal_come_plain(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    change(own_portal.database, "update statuses set name = '<b>Но\u200bвая</b>' where statusId = 'NEW'")

    answer = await own_assistant.ask("describe_entity", entity="leads")

    assert answer["stages"]["in progress"]["NEW"] == "Новая"
