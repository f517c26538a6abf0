"""`get_item` against plain SQL: whole records, what belongs to them, and what is missing or may not be seen."""

import json
import re
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from assistants import Assistant, Sql, assistant_for, sql_over
from bitrix24_mcp.crm.catalogue.entities import CATALOGUE
from bitrix24_mcp.crm.shape import compact, tokens
from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.demo.faults import FaultKind
from bitrix24_mcp.pacing.turns import Clock
from oracle import MOST_TOKENS, change, moment

pytestmark = pytest.mark.anyio

NO_RECORD = 987_654_321
_MARKUP = re.compile("[<\\[\u200b\u202e\u200d\ufeff]")


def people(sql: Sql) -> dict[int, str]:
    return {id_: f"{name} {last}" for id_, name, last in sql("select id, name, lastName from users")}


def directory(sql: Sql, name: str) -> dict[str, str]:
    return dict(sql("select statusId, name from statuses where entityId = ?", name))


def filled(**values: Any) -> dict[str, Any]:
    """What is left of a record when the empty is left out."""
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def ids_of(sql: Sql, table: str, count: int) -> list[int]:
    return [id_ for (id_,) in sql(f"select id from {table} order by id limit ?", count)]


async def test_a_task_is_shown_whole(assistant: Assistant, sql: Sql) -> None:
    staff = people(sql)
    words = {2: "waiting", 3: "in progress", 4: "awaiting control", 5: "done", 6: "deferred"}
    columns = (
        "id, title, status, responsibleId, deadline, priority, groupId, createdDate, createdBy, parentId, "
        "startDatePlan, endDatePlan, timeEstimate, timeSpentInLogs, tags, accomplices, auditors, changedDate, "
        "closedDate, UF_CRM_TASK, description"
    )
    rows = [dict(zip(columns.split(", "), row, strict=True)) for row in sql(f"select {columns} from tasks order by id")]
    rows = rows[:100]

    answer = await assistant.ask("get_item", entity="tasks", ids=[row["id"] for row in rows], max_tokens=MOST_TOKENS)

    for item in answer["items"]:
        item.pop("description", None)  # texts are the matter of test_search_shape
    assert answer["items"] == [
        filled(
            id=row["id"],
            title=row["title"],
            status=row["status"],
            status_name=words[row["status"]],
            responsibleId=row["responsibleId"],
            responsibleId_name=staff[row["responsibleId"]],
            deadline=row["deadline"] and moment(row["deadline"]),
            priority=row["priority"],
            groupId=row["groupId"] or None,
            createdDate=moment(row["createdDate"]),
            createdBy=row["createdBy"],
            createdBy_name=staff[row["createdBy"]],
            parentId=row["parentId"] or None,
            startDatePlan=row["startDatePlan"] and moment(row["startDatePlan"]),
            endDatePlan=row["endDatePlan"] and moment(row["endDatePlan"]),
            timeEstimate=row["timeEstimate"],
            timeSpentInLogs=row["timeSpentInLogs"],
            tags=json.loads(row["tags"]),
            accomplices=json.loads(row["accomplices"]),
            accomplices_name=[staff[each] for each in json.loads(row["accomplices"])],
            auditors=json.loads(row["auditors"]),
            auditors_name=[staff[each] for each in json.loads(row["auditors"])],
            changedDate=moment(row["changedDate"]),
            closedDate=row["closedDate"] and moment(row["closedDate"]),
            UF_CRM_TASK=json.loads(row["UF_CRM_TASK"]),
        )
        for row in rows
    ]


async def test_user_fields_are_shown_and_called_what_people_call_them(assistant: Assistant, sql: Sql) -> None:
    custom = [f"UF_CRM_17000000{number:02}" for number in range(1, 18)]
    [(id_, *values)] = sql(
        f"select id, {', '.join(custom)} from deals order by "
        f"{' + '.join(f'({name} is not null)' for name in custom)} desc limit 1"
    )

    answer = await assistant.ask("get_item", entity="deals", id=id_)

    [item] = answer["items"]
    shown = [name for name, value in zip(custom, values, strict=True) if value not in (None, "[]")]
    assert [name for name in item if name in custom] == shown
    assert answer["labels"].keys() == set(shown)
    assert answer["labels"]["UF_CRM_1700000003"] == "Бюджет клиента"


async def test_what_says_nothing_to_people_is_left_out_unless_asked_for(assistant: Assistant, sql: Sql) -> None:
    [(id_, contact)] = sql("select id, contactId from deals where contactIds = '[' || contactId || ']' limit 1")
    [(bare,)] = sql("select id from deals where companyId = 0 and contactId = 0 limit 1")
    technical = {"entityTypeId", "opened", "previousStageId", "contactIds"}

    whole = await assistant.ask("get_item", entity="deals", ids=[id_, bare])
    asked = await assistant.ask("get_item", entity="deals", id=id_, select=["entityTypeId", "opened", "amount"])

    assert not technical & {name for item in whole["items"] for name in item}
    assert (whole["items"][0]["contactId"], "contactId" in whole["items"][1]) == (contact, False)
    assert list(asked["items"][0]) == ["id", "entityTypeId", "opened", "amount", "currency"]


async def test_records_come_in_the_order_asked_and_what_is_missing_is_named(assistant: Assistant) -> None:
    answer = await assistant.ask("get_item", entity="deals", ids=[8, NO_RECORD, "5", 8], select="title")

    assert [item["id"] for item in answer["items"]] == [8, 5]
    assert answer["missing"] == [NO_RECORD]


async def test_no_record_at_all_is_an_answer(assistant: Assistant) -> None:
    assert await assistant.ask("get_item", entity="deals", id=NO_RECORD) == {"items": [], "missing": [NO_RECORD]}
    assert await assistant.ask("get_item", entity="timelines", ids=[NO_RECORD, NO_RECORD + 1]) == {
        "items": [],
        "missing": [NO_RECORD, NO_RECORD + 1],
    }


async def test_a_record_that_may_not_be_seen_is_told_apart_from_a_missing_one(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    await own_assistant.ask("get_item", entity="deals", id=5)
    own_portal.inject(Fault(kind="access_denied", path="/v1/deals/5"))

    assert await own_assistant.ask("get_item", entity="deals", id=5) == {"items": [], "not_allowed": [5]}


ITEMS = {"174": "items_174", "Закупки": "items_156", "Оборудование": "items_1038"}


@pytest.mark.parametrize("entity", [*(each.name for each in CATALOGUE), *ITEMS])
async def test_every_entity_is_read_by_id(entity: str, assistant: Assistant, sql: Sql) -> None:
    [(id_,)] = sql(f"select min(id) from {ITEMS.get(entity, entity).replace('-', '_')}")

    [item] = (await assistant.ask("get_item", entity=entity, id=id_))["items"]

    assert item["id"] == id_
    assert len(item) > 2


async def test_the_client_of_a_deal_comes_with_it_in_two_requests(own_portal: DemoPortal) -> None:
    sql = sql_over(own_portal.database)
    staff, kinds, industries = people(sql), directory(sql, "COMPANY_TYPE"), directory(sql, "INDUSTRY")
    [(deal, company, contact)] = sql("select id, companyId, contactId from deals where companyId and contactId limit 1")
    [(title, kind, industry, phone, email, owner, created)] = sql(
        "select title, companyType, industry, phone, email, assignedById, createdTime from companies where id = ?",
        company,
    )
    [(name, last)] = sql("select name, lastName from contacts where id = ?", contact)
    asked: dict[str, Any] = {"entity": "deals", "id": deal, "include": "company,contact", "select": "title"}
    async with assistant_for(own_portal.url) as assistant:
        await assistant.ask("get_item", **asked)
        before = len(own_portal.requests)
        [item] = (await assistant.ask("get_item", **asked))["items"]

    assert [request.path for request in own_portal.requests[before:]] == [f"/v1/deals/{deal}", "/v1/batch"]
    assert item["related"]["company"] == filled(
        id=company,
        title=title,
        companyType=kind,
        companyType_name=kinds.get(kind),
        industry=industry,
        industry_name=industries.get(industry),
        phone=[each["VALUE"] for each in json.loads(phone)],
        email=[each["VALUE"] for each in json.loads(email)],
        assignedById=owner,
        assignedById_name=staff[owner],
        createdTime=moment(created),
    )
    assert [item["related"]["contact"][part] for part in ("id", "name", "lastName")] == [contact, name, last]


async def test_linked_records_of_many_are_read_together(assistant: Assistant, portal: DemoPortal, sql: Sql) -> None:
    rows = sql("select id, companyId from deals order by id limit 100")
    titles = dict(sql("select id, title from companies"))
    before = len(portal.requests)

    answer = await assistant.ask(
        "get_item", entity="deals", ids=[id_ for id_, _ in rows], include=["company"], select=["id"], max_tokens=50_000
    )

    named = {item["id"]: item.get("related", {}).get("company", {}).get("title") for item in answer["items"]}
    assert named == {id_: titles.get(company) for id_, company in rows}
    assert sum(request.path in {"/v1/batch", "/v1/companies/search"} for request in portal.requests[before:]) == 3


async def test_several_contacts_come_as_a_list(assistant: Assistant, sql: Sql) -> None:
    [(deal, contacts)] = sql("select id, contactIds from deals where json_array_length(contactIds) > 1 limit 1")

    [item] = (await assistant.ask("get_item", entity="deals", id=deal, include=["contacts"]))["items"]

    assert [contact["id"] for contact in item["related"]["contacts"]] == json.loads(contacts)


async def test_a_linked_record_that_is_gone_is_said_to_be(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    change(own_portal.database, "update deals set companyId = ? where id = 5", NO_RECORD)

    answer = await own_assistant.ask("get_item", entity="deals", id=5, include=["company"], select=["title"])

    assert list(answer["items"][0]) == ["id", "title"]
    assert answer["note"] == f"company {NO_RECORD}: there is no such record, or this key may not see it."


async def test_the_parent_of_an_item_is_included_by_what_it_is(assistant: Assistant, sql: Sql) -> None:
    [(item_id, deal, contract)] = sql(
        "select id, parentId2, parentId174 from items_156 where parentId2 + parentId174 is not null limit 1"
    )

    [item] = (await assistant.ask("get_item", entity="Закупки", id=item_id, include=["deal", "Contracts"]))["items"]

    assert {name: held["id"] for name, held in item["related"].items()} == {"deal": deal, "parent174": contract}


async def test_product_rows_are_those_of_the_record(assistant: Assistant, sql: Sql) -> None:
    deals = [id_ for (id_,) in sql("select distinct ownerId from product_rows where ownerType = 'deals' limit 5")]
    [(bare,)] = sql("select min(id) from deals where id not in (select ownerId from product_rows)")

    answer = await assistant.ask("get_item", entity="deals", ids=[*deals, bare], include=["products"], select=["id"])

    names = ("productId", "productName", "price", "quantity", "discount", "taxRate", "taxIncluded")
    assert {item["id"]: item["related"]["products"] for item in answer["items"]} == {
        deal: [
            filled(**dict(zip(names, (*row[:4], row[4] or None, row[5], bool(row[6])), strict=True)))
            for row in sql(
                f"select {', '.join(names)} from product_rows where ownerType = 'deals' and ownerId = ? order by id",
                deal,
            )
        ]
        for deal in [*deals, bare]
    }


async def test_the_history_names_each_stage_newest_first(assistant: Assistant, sql: Sql) -> None:
    stages = dict(sql("select statusId, name from statuses where entityId like 'DEAL_STAGE%'"))
    deals = ids_of(sql, "deals", 20)

    answer = await assistant.ask("get_item", entity="deals", ids=deals, include="history", max_tokens=MOST_TOKENS)

    assert {item["id"]: item["related"]["history"] for item in answer["items"]} == {
        deal: [
            {"stageId": stage, "stageId_name": stages[stage], "createdAt": moment(created)}
            for stage, created in sql(
                "select stageId, createdAt from stage_history where ownerId = ? order by createdAt desc, id desc", deal
            )
        ]
        for deal in deals
    }


async def test_a_change_of_funnel_is_seen_in_the_history(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    change(
        own_portal.database,
        "update stage_history set categoryId = 5, stageId = 'C5:NEW' where id = "
        "(select min(id) from stage_history where ownerId = 8)",
    )

    [item] = (await own_assistant.ask("get_item", entity="deals", id=8, include="history"))["items"]

    assert item["related"]["history"][-1]["categoryId_name"] == "Партнёры"
    assert {step["categoryId"] for step in item["related"]["history"]} == {0, 5}


@pytest.mark.parametrize("comments", [7, 10, 11, 50, 51, 60, 133])
async def test_the_latest_comments_come_first_and_all_are_counted(comments: int, own_portal: DemoPortal) -> None:
    change(own_portal.database, "delete from timelines where entityType = 'deal' and entityId = 5")
    for number in range(comments):
        change(
            own_portal.database,
            "insert into timelines (id, entityId, entityType, comment, authorId, createdAt) "
            "values (?, 5, 'deal', ?, 57, '2026-07-01T09:00:00Z')",
            1000 + number,
            f"Comment {number}",
        )
    async with assistant_for(own_portal.url) as assistant:
        [item] = (await assistant.ask("get_item", entity="deals", id=5, include="comments", select="id"))["items"]

    assert [each["comment"] for each in item["related"]["comments"]] == [
        f"Comment {number}" for number in reversed(range(max(0, comments - 10), comments))
    ]
    assert item["related"].get("comments_total", comments) == comments
    assert ("comments_total" in item["related"]) == (comments > 10)
    assert item["related"]["comments"][0]["authorId_name"] == "Тимур Осипов"


async def test_comments_and_activities_of_several_records_are_one_request(
    assistant: Assistant, portal: DemoPortal, sql: Sql
) -> None:
    deals = ids_of(sql, "deals", 20)
    asked: dict[str, Any] = {"entity": "deals", "ids": deals, "include": "comments,activities", "select": ["id"]}
    await assistant.ask("get_item", **asked)
    before = len(portal.requests)

    answer = await assistant.ask("get_item", **asked, max_tokens=MOST_TOKENS)

    assert [request.path for request in portal.requests[before:]] == ["/v1/batch", "/v1/batch"]
    shown = {item["id"]: item["related"] for item in answer["items"]}
    for deal in deals:
        comments = sql("select id from timelines where entityType = 'deal' and entityId = ? order by id desc", deal)
        activities = sql("select id from activities where ownerTypeId = 2 and ownerId = ? order by id desc", deal)
        assert [each["id"] for each in shown[deal]["comments"]] == [id_ for (id_,) in comments]
        assert [each["id"] for each in shown[deal]["activities"]] == [id_ for (id_,) in activities]


async def test_comments_of_an_item_are_those_of_its_type(assistant: Assistant, sql: Sql) -> None:
    [(item_id, count)] = sql(
        "select entityId, count(*) from timelines where entityType = 'dynamic_174' group by 1 order by 2 desc limit 1"
    )

    [item] = (await assistant.ask("get_item", entity="contracts", id=item_id, include="comments"))["items"]

    assert len(item["related"]["comments"]) == count
    assert not _MARKUP.search(json.dumps(item["related"]["comments"], ensure_ascii=False)[1:-1])


async def test_what_may_not_be_read_beside_a_record_is_said_and_fails_nothing(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    own_portal.inject(Fault(kind="access_denied", path="/v1/deals/5/products"))
    own_portal.inject(Fault(kind="access_denied", path="/v1/quotes/fields"))

    answer = await own_assistant.ask("get_item", entity="deals", id=5, include=["products", "quotes", "history"])

    assert list(answer["items"][0]["related"]) == ["history"]
    assert answer["note"] == (
        "products could not be read: Bitrix24 does not let this user see or do that. [BITRIX_ACCESS_DENIED] "
        "quotes could not be read: Bitrix24 does not let this user see or do that. [BITRIX_ACCESS_DENIED]"
    )


@pytest.mark.parametrize(
    ("include", "path", "kind", "code"),
    [
        ("history", "/v1/stage-history", "server_error", "INTERNAL_ERROR"),
        ("company", "/v1/companies/search", "truncated", "UNEXPECTED_ANSWER"),
        ("quotes", "/v1/quotes/fields", "bitrix_error", "BITRIX_ERROR"),
    ],
)
async def test_any_failure_beside_a_record_is_said_and_the_record_is_shown(
    include: str, path: str, kind: FaultKind, code: str, own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    alone = await own_assistant.ask("get_item", entity="deals", id=5)
    own_portal.inject(Fault(kind=kind, path=path, times=None))

    answer = await own_assistant.ask("get_item", entity="deals", id=5, include=[include])

    assert answer["note"].startswith(f"{include} could not be read: ")
    assert answer["note"].endswith(f"[{code}]")
    assert {**answer, "note": None} == {**alone, "note": None}


async def test_a_key_that_is_refused_beside_a_record_is_an_error(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    own_portal.inject(Fault(kind="expired_key", path="/v1/stage-history", times=None))

    error = await own_assistant.fail("get_item", entity="deals", id=5, include=["history"])

    assert error["code"] == "KEY_EXPIRED"


async def test_an_id_written_in_two_ways_is_one(assistant: Assistant) -> None:
    answer = await assistant.ask("get_item", entity="deals", ids=[NO_RECORD, str(NO_RECORD), f" {NO_RECORD} "])

    assert answer == {"items": [], "missing": [NO_RECORD]}


async def test_records_that_do_not_fit_are_named(assistant: Assistant, sql: Sql) -> None:
    deals = ids_of(sql, "deals", 60)

    answer = await assistant.ask("get_item", entity="deals", ids=deals, max_tokens=3_000)

    shown = [item["id"] for item in answer["items"]]
    left = ", ".join(map(str, deals[len(shown) :]))
    assert 1 < len(shown) < 60
    assert shown == deals[: len(shown)]
    assert f"Not shown to keep within the token budget: {left}; ask for these ids again." in answer["note"]
    assert tokens(compact(answer)) <= 3_000


async def test_one_record_that_is_too_long_is_cut_from_the_end_and_says_so(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    for number in range(12):
        change(
            own_portal.database,
            "insert into timelines (id, entityId, entityType, comment, authorId, createdAt) "
            "values (?, 5, 'deal', ?, 57, '2026-07-01T09:00:00Z')",
            2000 + number,
            f"Комментарий {number} " + "о ходе работ " * 25,
        )
    asked: dict[str, Any] = {"entity": "deals", "id": 5, "include": ["history", "comments"]}
    whole = await own_assistant.ask("get_item", **asked, max_tokens=MOST_TOKENS)
    roomy = await own_assistant.ask("get_item", **asked, max_tokens=2_500)
    narrow = await own_assistant.ask("get_item", **asked, max_tokens=600)

    assert tokens(compact(whole)) > 2_500
    [record], [cut], [short] = whole["items"], roomy["items"], narrow["items"]
    kept = len(cut["related"]["comments"])
    assert 0 < kept < 10
    assert cut["related"]["comments"] == record["related"]["comments"][:kept]
    assert cut["related"]["comments_total"] == record["related"]["comments_total"]
    assert {**cut, "related": 0} == {**record, "related": 0}
    assert f"left out: {10 - kept} of the comments shown otherwise." in roomy["note"]
    assert record.items() >= {name: value for name, value in short.items() if name != "related"}.items()
    gone = [name for name in record if name not in short]
    assert gone
    assert all(name in narrow["note"] for name in gone)
    assert tokens(compact(roomy)) <= 2_500
    assert tokens(compact(narrow)) <= 600


async def test_fifty_calls_at_once_take_two_requests(own_portal: DemoPortal) -> None:
    """With what is known of the portal kept already; the clock is the real one, because pacing makes them wait."""
    sql = sql_over(own_portal.database)
    deals = ids_of(sql, "deals", 50)
    answers: dict[int, dict[str, Any]] = {}
    async with assistant_for(own_portal.url, clock=Clock()) as assistant:
        together = await assistant.ask("get_item", entity="deals", ids=deals, max_tokens=MOST_TOKENS)
        before = len(own_portal.requests)

        async def ask(deal: int) -> None:
            answers[deal] = await assistant.ask("get_item", entity="deals", id=deal)

        async with anyio.create_task_group() as calls:
            for deal in deals:
                calls.start_soon(ask, deal)

    assert len(own_portal.requests) - before <= 2
    assert [answers[deal]["items"][0] for deal in deals] == together["items"]


async def test_a_batch_that_fails_in_part_fails_only_those_calls(own_portal: DemoPortal) -> None:
    first, *others = ids_of(sql_over(own_portal.database), "deals", 4)
    answers: dict[int, Any] = {}

    async def ask(deal: int) -> None:
        answer = await assistant.raw("get_item", entity="deals", id=deal, select=["id"])
        content: dict[str, Any] = answer.structured_content or {}
        answers[deal] = content["error"]["code"] if answer.is_error else content["items"][0]["id"]

    async with assistant_for(own_portal.url) as assistant:
        await assistant.ask("get_item", entity="deals", id=first, select=["id"])
        own_portal.inject(Fault(kind="slow", path=f"/v1/deals/{first}", seconds=0.3))
        own_portal.inject(Fault(kind="partial_batch"))
        before = len(own_portal.requests)
        async with anyio.create_task_group() as calls:
            calls.start_soon(ask, first)
            while len(own_portal.requests) == before:
                await anyio.lowlevel.checkpoint()
            for deal in others:
                calls.start_soon(ask, deal)

    assert [request.path for request in own_portal.requests[before:]] == [f"/v1/deals/{first}", "/v1/batch"]
    assert answers == {first: first, others[0]: others[0], others[1]: "BITRIX_ERROR", others[2]: others[2]}
