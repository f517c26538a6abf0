"""REST of the demo portal: comments, tasks and products are written; records are found by phone and mail."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from bitrix24_mcp.demo import DemoPortal, RestSwitches

from .demo_client import column, sql
from .rest_asking import CRM_ADMIN, SELLER, ask, refused, rows, write

NOW = "2026-07-15T12:00:00+03:00"
DEAL = {"ENTITY_ID": 5, "ENTITY_TYPE": "deal"}


def answer(portal: DemoPortal, method: str, webhook: str = "1/demo-admin", **params: Any) -> Any:
    return ask(portal, method, webhook, **params)["result"]


def test_a_comment_is_added_changed_and_deleted(own_portal: DemoPortal) -> None:
    highest = column(own_portal, "SELECT MAX(id) FROM timelines")[0]
    number = answer(own_portal, "crm.timeline.comment.add", fields={**DEAL, "COMMENT": "первый"})
    added = answer(own_portal, "crm.timeline.comment.get", id=number)
    changed = answer(own_portal, "crm.timeline.comment.update", id=number, fields={"COMMENT": "второй"})
    after = answer(own_portal, "crm.timeline.comment.get", id=number)
    deleted = answer(own_portal, "crm.timeline.comment.delete", id=number)

    assert (number, changed, deleted) == (highest + 1, number, None)
    assert added == {
        "ID": str(number),
        "ENTITY_ID": "5",
        "ENTITY_TYPE": "deal",
        "CREATED": NOW,
        "COMMENT": "первый",
        "AUTHOR_ID": "1",
        "FILES": [],
    }
    assert after == {**added, "COMMENT": "второй"}
    assert refused(own_portal, "crm.timeline.comment.get", id=number) == (400, "NOT_FOUND", "Not found")
    assert answer(own_portal, "crm.timeline.comment.add", fields={**DEAL, "COMMENT": "x"}) == number + 1


@pytest.mark.parametrize(
    ("kind", "owner"),
    [("lead", 3), ("contact", 3), ("company", 3), ("quote", 3), ("dynamic_174", 3), ("DYNAMIC_31", 3)],
)
def test_comments_are_added_to_records_of_every_kind(own_portal: DemoPortal, kind: str, owner: int) -> None:
    fields = {"ENTITY_ID": owner, "ENTITY_TYPE": kind, "COMMENT": "x", "AUTHOR_ID": 57}

    number = answer(own_portal, "crm.timeline.comment.add", fields=fields)

    assert sql(own_portal, "SELECT entityId, entityType, comment, authorId FROM timelines WHERE id = ?", number) == [
        (owner, kind.lower(), "x", 57)
    ]


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({}, (400, "100", "Could not find value for parameter {fields}")),
        ({"FIELDS": {**DEAL, "COMMENT": "x"}}, (400, "100", "Could not find value for parameter {fields}")),
        ({"fields": {"ENTITY_ID": 5}}, (400, "100", "Required fields: ENTITY_TYPE, COMMENT")),
        ({"fields": {**DEAL, "COMMENT": " "}}, (400, "INVALID_ARG_VALUE", "Empty comment message")),
        (
            {"fields": {**DEAL, "COMMENT": "x", "AUTHOR_ID": 9_999}},
            (400, "INVALID_ARG_VALUE", "User 9999 does not exist"),
        ),
        (
            {"fields": {**DEAL, "ENTITY_ID": 99_999, "COMMENT": "x"}},
            (400, "OWNER_NOT_FOUND", "The owner of the element was not found"),
        ),
        (
            {"fields": {**DEAL, "ENTITY_TYPE": "table", "COMMENT": "x"}},
            (400, "OWNER_NOT_FOUND", "The owner of the element was not found"),
        ),
    ],
)
def test_a_comment_needs_a_record_and_a_text(
    portal: DemoPortal, params: dict[str, Any], error: tuple[int, object, str]
) -> None:
    assert refused(portal, "crm.timeline.comment.add", **params) == error


def test_ordinary_users_have_a_say_over_their_own_comments_on_what_they_see(own_portal: DemoPortal) -> None:
    own, other = (
        column(own_portal, f"SELECT id FROM deals WHERE assignedById {sign} 57 AND categoryId = 0 LIMIT 1")[0]
        for sign in ("=", "<>")
    )
    foreign = answer(own_portal, "crm.timeline.comment.add", fields={**DEAL, "ENTITY_ID": own, "COMMENT": "x"})
    mine = answer(own_portal, "crm.timeline.comment.add", SELLER, fields={**DEAL, "ENTITY_ID": own, "COMMENT": "x"})
    denied = (400, "ACCESS_DENIED", "Access denied.")

    add = {"fields": {**DEAL, "ENTITY_ID": other, "COMMENT": "x"}}
    assert refused(own_portal, "crm.timeline.comment.add", SELLER, **add) == denied
    assert refused(own_portal, "crm.timeline.comment.update", SELLER, id=foreign, fields={"COMMENT": "y"}) == denied
    assert refused(own_portal, "crm.timeline.comment.delete", SELLER, id=foreign) == denied
    assert refused(own_portal, "crm.timeline.comment.delete", SELLER, id=99_999) == (400, "NOT_FOUND", "Not found.")
    assert refused(own_portal, "crm.timeline.comment.delete") == (400, "100", "Could not find value for parameter {id}")
    assert answer(own_portal, "crm.timeline.comment.update", SELLER, id=mine, fields={"COMMENT": "y"}) == mine
    assert answer(own_portal, "crm.timeline.comment.delete", CRM_ADMIN, id=mine) is None


def test_a_task_is_added_changed_and_deleted(own_portal: DemoPortal) -> None:
    fields: dict[str, Any] = {
        "TITLE": "Позвонить",
        "DESCRIPTION": "до обеда",
        "RESPONSIBLE_ID": 57,
        "CREATED_BY": 5,
        "DEADLINE": "2026-08-01T10:00:00",
        "PRIORITY": 2,
        "AUDITORS": [5, 7],
        "TAGS": ["срочно"],
        "UF_CRM_TASK": ["D_5", "C_7"],
        "COLOUR": "red",
        "ID": 9,
    }
    added = answer(own_portal, "tasks.task.add", fields=fields)["task"]
    number = int(added["id"])
    changed = answer(own_portal, "tasks.task.update", taskId=number, fields={"STATUS": 5, "DEADLINE": ""})["task"]
    renewed = answer(own_portal, "tasks.task.update", taskId=number, fields={"STATUS": "3"})["task"]
    read = answer(own_portal, "tasks.task.get", taskId=number, select=["ID", "UF_CRM_TASK", "TAGS"])["task"]
    deleted = answer(own_portal, "tasks.task.delete", taskId=number)

    expected = {
        "title": "Позвонить",
        "description": "до обеда",
        "responsibleId": "57",
        "createdBy": "5",
        "deadline": "2026-08-01T10:00:00+03:00",
        "priority": "2",
        "status": "2",
        "auditors": ["5", "7"],
        "accomplices": [],
        "createdDate": NOW,
        "closedDate": None,
    }
    assert {name: added[name] for name in expected} == expected
    assert (changed["status"], changed["closedDate"], changed["deadline"]) == ("5", NOW, None)
    assert (renewed["status"], renewed["closedDate"]) == ("3", None)
    assert (read["ufCrmTask"], read["tags"]) == (["D_5", "C_7"], {"1": {"id": 1, "title": "срочно"}})
    assert deleted == {"task": True}
    assert answer(own_portal, "tasks.task.get", taskId=number) == []
    again = answer(own_portal, "tasks.task.add", fields={"TITLE": "x", "RESPONSIBLE_ID": 1})["task"]["id"]
    assert int(again) == number + 1


@pytest.mark.parametrize(
    ("fields", "code", "text"),
    [
        ({}, "100", "Could not find value for parameter {fields} (internal error)"),
        ({"RESPONSIBLE_ID": 1}, "ERROR_CORE", "Task title not specified<br>"),
        ({"TITLE": "x"}, "ERROR_CORE", "Assignee not specified<br>"),
        ({"TITLE": "x", "RESPONSIBLE_ID": 999}, "ERROR_CORE", 'User specified in the "Assignee" field not found<br>'),
        ({"TITLE": "x", "RESPONSIBLE_ID": 1, "STATUS": 9}, "ERROR_CORE", "Invalid status<br>"),
        (
            {"TITLE": "x", "RESPONSIBLE_ID": 1, "PARENT_ID": 99_999},
            "ERROR_CORE",
            'Task specified in the "Parent Task" field not found<br>',
        ),
        (
            {
                "TITLE": "x",
                "RESPONSIBLE_ID": 1,
                "START_DATE_PLAN": "2026-08-02T10:00:00",
                "END_DATE_PLAN": "2026-08-01T10:00:00",
            },
            "ERROR_CORE",
            "End date specified earlier than start date in scheduling<br>",
        ),
        (
            {"TITLE": "x", "RESPONSIBLE_ID": 1, "DEADLINE": "soon"},
            "ERROR_CORE",
            'The field "Крайний срок" has an invalid value<br>',
        ),
    ],
)
def test_a_task_that_cannot_be_is_refused(portal: DemoPortal, fields: dict[str, Any], code: str, text: str) -> None:
    assert refused(portal, "tasks.task.add", fields=fields) == (400, code, text)


@pytest.mark.parametrize(
    ("method", "params", "code", "text"),
    [
        ("update", {"taskId": 99_999}, "0", "Action on the task is not allowed (internal error)"),
        ("update", {"taskId": "x"}, "0", "wrong task id"),
        (
            "update",
            {},
            "100",
            "CTaskItem All parameters in the constructor must have real class type (internal error)",
        ),
        ("update", {"taskId": 5, "fields": {"PARENT_ID": 5}}, "ERROR_CORE", "Cannot bind the node to itself<br>"),
        ("update", {"taskId": 5, "fields": {"TITLE": ""}}, "ERROR_CORE", "Task title not specified<br>"),
        ("delete", {"taskId": 99_999}, "1048582", "No access to delete the task"),
    ],
)
def test_a_task_that_is_not_there_is_neither_changed_nor_deleted(
    portal: DemoPortal, method: str, params: dict[str, Any], code: str, text: str
) -> None:
    fields: dict[str, Any] = {"fields": {"TITLE": "x"}} if method == "update" else {}
    given: dict[str, Any] = fields | params

    assert refused(portal, f"tasks.task.{method}", **given) == (400, code, text)


def test_a_task_without_a_real_change_keeps_its_date(own_portal: DemoPortal) -> None:
    before = sql(own_portal, "SELECT * FROM tasks WHERE id = 5")
    title = column(own_portal, "SELECT title FROM tasks WHERE id = 5")[0]

    answer(own_portal, "tasks.task.update", taskId=5, fields={"TITLE": title})

    assert sql(own_portal, "SELECT * FROM tasks WHERE id = 5") == before


def test_a_product_is_added_changed_and_deleted(own_portal: DemoPortal) -> None:
    fields = {"NAME": "Панель", "PRICE": "5.5", "CURRENCY_ID": "EUR", "ACTIVE": "N", "XML_ID": "p-1", "COLOUR": 1}
    number = answer(own_portal, "crm.product.add", fields=fields)
    added = answer(own_portal, "crm.product.get", id=number)
    changed = answer(own_portal, "crm.product.update", id=number, fields={"PRICE": 7})
    after = answer(own_portal, "crm.product.get", id=number)
    deleted = answer(own_portal, "crm.product.delete", id=number)

    expected = {
        "ID": str(number),
        "NAME": "Панель",
        "PRICE": "5.50",
        "CURRENCY_ID": "EUR",
        "ACTIVE": "N",
        "XML_ID": "p-1",
        "SORT": "500",
        "DATE_CREATE": NOW,
    }
    assert {name: added[name] for name in expected} == expected
    assert after == {**added, "PRICE": "7.00"}
    assert (changed, deleted) == (True, True)
    assert refused(own_portal, "crm.product.get", id=number) == (400, "", "Not found")
    assert answer(own_portal, "crm.product.add", fields={"NAME": "x"}) == number + 1


@pytest.mark.parametrize(
    ("method", "webhook", "params", "text"),
    [
        ("add", SELLER, {"fields": {"NAME": "x"}}, "Access denied."),
        ("update", SELLER, {"id": 1, "fields": {"NAME": "x"}}, "Access denied."),
        ("delete", SELLER, {"id": 1}, "Access denied."),
        ("add", CRM_ADMIN, {}, "Parameter 'fields' must be array."),
        ("add", CRM_ADMIN, {"fields": {"PRICE": 1}}, 'The field "Название" is required.'),
        ("add", CRM_ADMIN, {"fields": {"NAME": "x", "PRICE": "much"}}, 'The field "Цена" has an invalid value.'),
        ("update", CRM_ADMIN, {"id": 1, "fields": {"NAME": ""}}, 'The field "Название" is required.'),
        ("update", CRM_ADMIN, {"fields": {"NAME": "x"}}, "ID is not defined or invalid."),
        ("delete", CRM_ADMIN, {"id": 99_999}, "Not found"),
    ],
)
def test_a_product_that_cannot_be_is_refused(
    portal: DemoPortal, method: str, webhook: str, params: dict[str, Any], text: str
) -> None:
    assert refused(portal, f"crm.product.{method}", webhook, **params) == (400, "", text)


def phone_of(portal: DemoPortal, table: str, number: int, value: str, kind: str = "phone") -> None:
    write(
        portal,
        f"""UPDATE {table} SET {kind} = '[{{"ID": "1", "VALUE_TYPE": "WORK", "VALUE": "{value}"}}]'
            WHERE id = {number}""",
    )


@pytest.mark.parametrize("written", ["+7 (916) 000-11-22", "89160001122", "7 916 000 11 22", "+79160001122 доб. 5"])
def test_phones_are_compared_by_their_digits(own_portal: DemoPortal, written: str) -> None:
    for table, number in (("leads", 7), ("contacts", 9), ("contacts", 8), ("companies", 6)):
        phone_of(own_portal, table, number, "+7 916 000-11-22")
    find = partial(answer, own_portal, "crm.duplicate.findbycomm", type="PHONE")

    assert find(values=[written]) == {"LEAD": [7], "CONTACT": [8, 9], "COMPANY": [6]}
    assert find(values=["+0", written], entity_type="CONTACT") == {"CONTACT": [8, 9]}
    assert find(values=["+70000000000"]) == []


def test_mails_are_compared_in_any_letter_case(own_portal: DemoPortal) -> None:
    phone_of(own_portal, "companies", 6, "Office@Client.example", "email")

    found = answer(own_portal, "crm.duplicate.findbycomm", type="EMAIL", values=[" office@client.EXAMPLE"])

    assert found == {"COMPANY": [6]}


def test_twenty_leads_are_enough_and_twenty_values_are_looked_at(own_portal: DemoPortal) -> None:
    for table, number in [*(("leads", number) for number in range(1, 21)), ("contacts", 9)]:
        phone_of(own_portal, table, number, "+79160001122")
    phone_of(own_portal, "companies", 6, "+79160001133")
    values = [f"+7000000{place:04d}" for place in range(20)]

    leads = answer(own_portal, "crm.duplicate.findbycomm", type="PHONE", values=["89160001122"])
    late = answer(own_portal, "crm.duplicate.findbycomm", type="PHONE", values=[*values, "89160001133"])

    assert leads == {"LEAD": list(range(1, 21))}
    assert late == []


def test_ordinary_users_find_what_they_see(own_portal: DemoPortal) -> None:
    own, other = (
        column(own_portal, f"SELECT id FROM contacts WHERE assignedById {sign} 57 LIMIT 1")[0] for sign in ("=", "<>")
    )
    for number in (own, other):
        phone_of(own_portal, "contacts", number, "+79160001122")

    found = rows(own_portal, "crm.duplicate.findbycomm", SELLER, type="PHONE", values=["+79160001122"])

    assert found == {"CONTACT": [own]}


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"values": ["1"]}, "Communication type is not defined"),
        ({"type": "FAX", "values": ["1"]}, "Communication type 'FAX' is not supported in current context"),
        ({"type": "PHONE"}, "Communication values is not defined"),
    ],
)
def test_a_search_needs_a_type_and_values(portal: DemoPortal, params: dict[str, Any], text: str) -> None:
    assert refused(portal, "crm.duplicate.findbycomm", **params) == (400, "", text)


def test_the_crm_works_with_leads_unless_a_switch_says_otherwise(portal: DemoPortal) -> None:
    with DemoPortal.start(deals=300, limits=False, rest=RestSwitches(without_leads=True)) as simple:
        assert [answer(each, "crm.settings.mode.get", SELLER) for each in (portal, simple)] == [1, 2]
