"""Records that are made, changed and deleted over REST, at the demo portal over real HTTP."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest

from assistants import TestTime, sql_over
from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.portal_changes import Change, Outcome
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.demo.gateway import RestSwitches
from bitrix24_mcp.pacing.bucket import Bucket
from bitrix24_mcp.rest.access.webhook import Webhook
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal
from bitrix24_mcp.rest.writing.writer import RestWriter
from written import NEW, check_made_changed_and_deleted, check_workflows

pytestmark = pytest.mark.anyio
DEALS, CONTACTS = BY_NAME["deals"], BY_NAME["contacts"]
STATUSES = {"ApproveActivity": 1, "ReviewActivity": 3}
"""What completes a task of each kind (bizproc.task.complete)."""
ID_ALONE = {"products", "timelines"}
"""Kinds of which an answer shows no more than the id (crm.product.add, crm.timeline.comment.add)."""


@pytest.fixture
async def demo(own_portal: DemoPortal) -> AsyncGenerator[RestClient]:
    """The administrator's webhook; nobody waits for a budget."""
    access = Webhook(f"{own_portal.url}/rest/1/demo-admin/")
    async with RestClient(access, budget=Bucket(clock=TestTime().clock)) as it:
        yield it


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize(("entity", "values"), NEW, ids=[entity.name for entity, _ in NEW])
async def test_a_record_is_made_changed_and_deleted(
    entity: Entity, values: Mapping[str, Any], number: int, demo: RestClient, own_portal: DemoPortal
) -> None:
    await check_made_changed_and_deleted(
        entity, values, number, RestWriter(demo), RestPortal(demo), own_portal, shown=entity.name not in ID_ALONE
    )


async def test_workflows_are_started_and_ended(demo: RestClient, own_portal: DemoPortal) -> None:
    await check_workflows(RestWriter(demo), own_portal)


async def test_workflow_tasks_are_completed_once(demo: RestClient, own_portal: DemoPortal) -> None:
    """Of the user's own tasks, each as its kind is completed; what is done already is refused."""
    sql = sql_over(own_portal.database)
    waiting = 'SELECT "ID", "ACTIVITY" FROM "bizproc_tasks" WHERE "USER_ID" = 1 AND "USER_STATUS" = 0 ORDER BY "ID"'
    tasks = [(number, activity) for number, activity in sql(waiting) if activity in STATUSES]
    changes = [
        Change("complete", DEALS, id=number, values={"status": STATUSES[activity], "comment": "Fine", "fields": {}})
        for number, activity in tasks
    ]

    assert len(changes) > 1
    assert list(await RestWriter(demo).send(changes)) == [Outcome("done")] * len(changes)
    assert [number for number, _ in sql(waiting) if number in dict(tasks)] == []
    again = await RestWriter(demo).send(changes[:1])
    assert [(each.fate, each.error and each.error.code) for each in again] == [("refused", "ERROR_TASK_COMPLETED")]


async def test_every_value_comes_back_as_it_was_written(demo: RestClient) -> None:
    values = {
        "title": "Ёлка & Ко + $1 = 100 %\n[x]",
        "amount": 1234.5,
        "opened": False,
        "begindate": "2026-07-01",
        "closedAt": "2026-12-31",
        "observers": [1, 5],
        "comments": "[b]two[/b]\nlines",
        "UF_CRM_1700000001": "202",
        "UF_CRM_1700000003": "1500.5|RUB",
        "UF_CRM_1700000004": ["301", "302"],
        "UF_CRM_1700000008": "2026-07-01T12:00:00+03:00",
        "UF_CRM_1700000009": True,
    }
    alone, *together = [
        *await RestWriter(demo).send([Change("create", DEALS, values=values)]),
        *await RestWriter(demo).send([Change("create", DEALS, values=values)] * 2),
    ]

    for outcome in (alone, *together):
        assert outcome.record is not None
        assert {name: outcome.record[name] for name in values} == values


async def test_every_value_can_be_emptied(demo: RestClient) -> None:
    [made] = await RestWriter(demo).send(
        [
            Change(
                "create",
                DEALS,
                values={
                    "title": "A",
                    "amount": 5,
                    "companyId": 1,
                    "closedAt": "2026-12-31",
                    "comments": "x",
                    "sourceId": "CALL",
                    "observers": [1],
                    "UF_CRM_1700000002": 5.5,
                    "UF_CRM_1700000008": "2026-07-01T12:00:00+03:00",
                    "UF_CRM_1700000001": "202",
                },
            )
        ]
    )
    emptied = ["amount", "companyId", "closedAt", "comments", "sourceId", "observers"]
    emptied += ["UF_CRM_1700000002", "UF_CRM_1700000008", "UF_CRM_1700000001"]
    [outcome] = await RestWriter(demo).send([Change("update", DEALS, id=made.id, values=dict.fromkeys(emptied))])

    assert outcome.record is not None
    assert {name: outcome.record[name] for name in emptied} == {
        **dict.fromkeys(emptied),
        "amount": 0,
        "companyId": 0,
        "observers": [],
    }


async def test_user_fields_of_several_values_are_emptied_where_portals_only_say_so() -> None:
    with DemoPortal.start(deals=10, limits=False, rest=RestSwitches(emptying_broken=True)) as portal:
        access = Webhook(f"{portal.url}/rest/1/demo-admin/")
        async with RestClient(access, budget=Bucket(clock=TestTime().clock)) as client:
            writer = RestWriter(client)
            tags = {"title": "A", "UF_CRM_1700000004": ["301", "302"]}
            made = await writer.send([Change("create", DEALS, values=tags)] * 2)
            emptied = await writer.send(
                [Change("update", DEALS, id=each.id, values={"UF_CRM_1700000004": None}) for each in made]
            )
            read = await RestPortal(client).records(DEALS, [each.id for each in made if each.id is not None])

    assert list(emptied) == [Outcome("done")] * 2
    assert [record["UF_CRM_1700000004"] for record in read.found.values()] == [[], []]


async def test_phones_are_replaced_one_by_one(demo: RestClient) -> None:
    """Equal ones keep their ids, others go, new ones come; e-mail addresses stay as they are."""
    phones = [{"VALUE": "+7 1", "VALUE_TYPE": "WORK"}, {"VALUE": "+7 2", "VALUE_TYPE": "HOME"}]
    values = {"name": "Ann", "phone": phones, "email": [{"VALUE": "a@example.com", "VALUE_TYPE": "WORK"}]}
    [made] = await RestWriter(demo).send([Change("create", CONTACTS, values=values)])
    assert made.record is not None
    wanted = [{"VALUE": "+7 2", "VALUE_TYPE": "MOBILE"}, {"VALUE": "+7 3"}]
    [changed] = await RestWriter(demo).send(
        [Change("update", CONTACTS, id=made.id, values={"phone": wanted}, before=made.record)]
    )
    assert changed.record is not None

    assert [(each["VALUE"], each["VALUE_TYPE"]) for each in changed.record["phone"]] == [
        ("+7 2", "MOBILE"),
        ("+7 3", "WORK"),
    ]
    assert changed.record["phone"][0]["ID"] == made.record["phone"][1]["ID"]
    assert changed.record["email"] == made.record["email"]


async def test_a_deal_moves_to_another_funnel(demo: RestClient, own_portal: DemoPortal) -> None:
    sql = sql_over(own_portal.database)
    query = 'SELECT "entityId", "statusId" FROM "statuses" WHERE "entityId" LIKE ? ORDER BY "sort" LIMIT 1'
    [(directory, stage)] = sql(query, "DEAL_STAGE_%")
    funnel = int(directory.rpartition("_")[2])
    [(deal,)] = sql('SELECT MIN("id") FROM "deals" WHERE "categoryId" = 0')
    [outcome] = await RestWriter(demo).send(
        [Change("update", DEALS, id=deal, values={"categoryId": funnel, "stageId": stage})]
    )

    assert outcome.fate == "done"
    assert sql('SELECT "categoryId", "stageId" FROM "deals" WHERE "id" = ?', deal) == [(funnel, stage)]


async def test_a_seller_may_not_change_what_is_not_his(own_portal: DemoPortal) -> None:
    sql = sql_over(own_portal.database)
    [(own,)] = sql('SELECT MIN("id") FROM "deals" WHERE "assignedById" = 57 AND "categoryId" <> 7')
    [(other,)] = sql('SELECT MIN("id") FROM "deals" WHERE "assignedById" <> 57')
    async with RestClient(Webhook(f"{own_portal.url}/rest/57/demo-seller/")) as client:
        outcomes = await RestWriter(client).send([Change("delete", DEALS, id=each) for each in (own, other, 10**7)])

    assert outcomes[0] == Outcome("done")
    assert [(each.fate, each.error and each.error.code) for each in outcomes[1:]] == [
        ("refused", "ACCESS_DENIED"),
        ("refused", "NOT_FOUND"),
    ]
    assert sql('SELECT "id" FROM "deals" WHERE "id" IN (?, ?)', own, other) == [(other,)]
