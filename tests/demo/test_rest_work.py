"""REST of the demo portal: tasks, activities, timeline comments."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from .demo_client import column, sql
from .rest_asking import CRM_ADMIN, SELLER, ask, ids, refused, rows

if TYPE_CHECKING:
    from bitrix24_mcp.demo import DemoPortal

NOW = "2026-07-15T09:00:00Z"
TOMORROW = "2026-07-16T09:00:00Z"


def tasks(portal: DemoPortal, webhook: str = "1/demo-admin", **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page = ask(portal, "tasks.task.list", webhook, **params)
    found += page["result"]["tasks"]
    while "next" in page:
        page = ask(portal, "tasks.task.list", webhook, **params, start=page["next"])
        found += page["result"]["tasks"]
    return found


def task_ids(portal: DemoPortal, **params: Any) -> list[int]:
    return [int(task["id"]) for task in tasks(portal, **params)]


def moscow(text: str | None) -> str | None:
    """A stored moment as the portal writes it, by SQL's own arithmetic in the test below."""
    return text and text.replace(" ", "T") + "+03:00"


def test_tasks_are_asked_in_upper_case_and_answered_in_camel_case(portal: DemoPortal) -> None:
    names = ["ID", "TITLE", "STATUS", "RESPONSIBLE_ID", "CREATED_BY", "GROUP_ID", "CREATED_DATE", "TIME_ESTIMATE"]
    task = ask(portal, "tasks.task.list", filter={"ID": 1}, select=names)
    ((title, status, responsible, creator, group, created, estimate),) = sql(
        portal,
        "SELECT title, status, responsibleId, createdBy, groupId, datetime(createdDate, '+3 hours'), timeEstimate"
        " FROM tasks WHERE id = 1",
    )
    people = {
        user: {
            "id": str(user),
            "name": f"{name} {last_name}",
            "link": f"/company/personal/user/{user}/",
            "icon": "/bitrix/images/tasks/default_avatar.png",
            "workPosition": post,
        }
        for user, name, last_name, post in sql(portal, "SELECT id, name, lastName, workPosition FROM users")
    }
    ((group_name, opened),) = sql(portal, "SELECT name, opened FROM workgroups WHERE id = ?", group)
    expected = {
        "id": "1",
        "title": title,
        "status": str(status),
        "responsibleId": str(responsible),
        "createdBy": str(creator),
        "groupId": str(group),
        "createdDate": moscow(created),
        "timeEstimate": str(estimate),
        "responsible": people[responsible],
        "creator": people[creator],
        "group": {"id": str(group), "name": group_name, "opened": bool(opened)},
        "subStatus": str(status),
    }
    assert task == {"result": {"tasks": [expected]}, "total": 1}


def test_links_and_lists_of_a_task_come_only_when_named(portal: DemoPortal) -> None:
    task, crm = sql(
        portal, "SELECT id, UF_CRM_TASK FROM tasks WHERE UF_CRM_TASK <> '[]' AND tags LIKE '%срочно%' ORDER BY id"
    )[0]
    (named,) = tasks(portal, filter={"ID": task}, select=["UF_CRM_TASK", "TAGS", "ACCOMPLICES", "AUDITORS"])
    ((tags, accomplices, auditors),) = sql(portal, "SELECT tags, accomplices, auditors FROM tasks WHERE id = ?", task)
    assert named == {
        "ufCrmTask": json.loads(crm),
        "tags": {str(n): {"id": n, "title": title} for n, title in enumerate(json.loads(tags), start=1)},
        "accomplices": [str(user) for user in json.loads(accomplices)],
        "auditors": [str(user) for user in json.loads(auditors)],
    }
    (plain,) = tasks(portal, filter={"ID": task})
    assert set(named).isdisjoint(plain)


def test_tasks_come_latest_first(portal: DemoPortal) -> None:
    assert task_ids(portal) == column(portal, "SELECT id FROM tasks ORDER BY id DESC")
    expected = column(portal, "SELECT id FROM tasks ORDER BY deadline, id")
    assert task_ids(portal, order={"DEADLINE": "asc"}) == expected


@pytest.mark.parametrize(
    ("given", "condition"),
    [
        ({"REAL_STATUS": 5}, "status = 5"),
        ({"REAL_STATUS": [2, 3]}, "status IN (2, 3)"),
        ({"!REAL_STATUS": 5, ">ID": 70}, "status <> 5 AND id > 70"),
        ({"RESPONSIBLE_ID": 45}, "responsibleId = 45"),
        ({">=DEADLINE": "2026-07-15T12:00:00+03:00"}, f"deadline >= '{NOW}'"),
        ({"<DEADLINE": "2023-09-01"}, "deadline < '2023-08-31T21:00:00Z'"),
        ({"DEADLINE": ""}, "deadline IS NULL"),
        ({"TITLE": "%ПОЗВОНИТЬ%"}, "title LIKE 'Позвонить%'"),
        ({"TAG": "склад"}, "tags LIKE '%склад%'"),
        ({"ACCOMPLICE": 37}, "accomplices = '[37]'"),
        ({"GROUP_ID": 0}, "groupId = 0"),
        ({"STATUS": -1}, f"status NOT IN (4, 5, 7) AND deadline < '{NOW}'"),
        ({"STATUS": -3}, f"status NOT IN (4, 5, 7) AND deadline >= '{NOW}' AND deadline < '{TOMORROW}'"),
        ({"STATUS": 2}, f"status = 2 AND COALESCE(deadline, '9') >= '{TOMORROW}'"),
        ({"%TITLE": "nothing has this", "TIME_ESTIMATE": 7, "<ID": 4}, "id < 4"),
    ],
)
def test_tasks_are_filtered_by_documented_fields_and_prefixes(
    portal: DemoPortal, given: dict[str, object], condition: str
) -> None:
    expected = column(portal, f"SELECT id FROM tasks WHERE {condition} ORDER BY id")
    assert sorted(task_ids(portal, filter=given)) == expected


def test_an_overdue_task_says_so_beside_its_status(portal: DemoPortal) -> None:
    found = {int(task["id"]): task["subStatus"] for task in tasks(portal, select=["ID", "STATUS", "DEADLINE"])}
    expected = sql(
        portal,
        "SELECT id, CASE WHEN status NOT IN (4, 5, 7) AND deadline < ? THEN -1"
        " WHEN status NOT IN (4, 5, 7) AND deadline < ? THEN -3 ELSE status END FROM tasks",
        NOW,
        TOMORROW,
    )
    assert found == {task: str(status) for task, status in expected}
    assert "-1" in found.values()


@pytest.mark.parametrize("name", ["RESPONSIBLE_ID", "STATUS", "NO_SUCH", "id"])
def test_tasks_refuse_a_wrong_sorting_key(portal: DemoPortal, name: str) -> None:
    expected = (400, "0", "Invalid sorting key (internal error)")
    assert refused(portal, "tasks.task.list", order={name: "asc"}) == expected


def test_tasks_are_not_counted_on_request(portal: DemoPortal) -> None:
    page = ask(portal, "tasks.task.list", start=-1)
    assert (len(page["result"]["tasks"]), page["total"], "next" in page) == (50, 0, False)


def test_one_task_stands_under_its_name_and_no_task_is_an_empty_array(portal: DemoPortal) -> None:
    assert ask(portal, "tasks.task.get", taskId=3, select=["ID", "PRIORITY"]) == {
        "result": {"task": {"id": "3", "priority": str(column(portal, "SELECT priority FROM tasks WHERE id = 3")[0])}}
    }
    assert ask(portal, "tasks.task.get", taskId=99_999) == {"result": []}
    assert refused(portal, "tasks.task.get", taskId="three") == (400, "0", "wrong task id")


def test_task_fields_have_titles_and_types(portal: DemoPortal) -> None:
    fields = ask(portal, "tasks.task.getFields")["result"]["fields"]
    assert fields["DEADLINE"] == {"title": "Крайний срок", "type": "datetime"}
    assert fields["UF_CRM_TASK"] == {"title": "Элементы CRM", "type": "crm"}
    assert "REAL_STATUS" not in fields


def test_an_activity_is_all_text(portal: DemoPortal) -> None:
    names = ["ID", "OWNER_ID", "OWNER_TYPE_ID", "COMPLETED", "STATUS", "CREATED", "DESCRIPTION", "SETTINGS", "FILES"]
    (activity,) = rows(portal, "crm.activity.list", filter={"ID": 1}, select=names)
    ((owner, kind, completed, created, text),) = sql(
        portal,
        "SELECT ownerId, ownerTypeId, completed, datetime(createdAt, '+3 hours'), description"
        " FROM activities WHERE id = 1",
    )
    assert activity == {
        "ID": "1",
        "OWNER_ID": str(owner),
        "OWNER_TYPE_ID": str(kind),
        "COMPLETED": "Y" if completed else "N",
        "STATUS": "2" if completed else "1",
        "CREATED": moscow(created),
        "DESCRIPTION": text or "",
        "SETTINGS": [],
        "FILES": [],
    }
    plain = rows(portal, "crm.activity.list", filter={"ID": 1})[0]
    assert {"COMMUNICATIONS", "FILES"}.isdisjoint(plain)
    assert ask(portal, "crm.activity.get", id=1)["result"] == plain


@pytest.mark.parametrize(
    ("given", "condition"),
    [
        ({"OWNER_TYPE_ID": 2, "COMPLETED": "N"}, "ownerTypeId = 2 AND completed = 0"),
        ({"@TYPE_ID": [1, 6]}, "typeId IN (1, 6)"),
        ({"!@TYPE_ID": [1, 6]}, "typeId NOT IN (1, 6)"),
        ({"STATUS": 1}, "completed = 0"),
        ({"%SUBJECT": "ЗВОНОК", "PRIORITY": "3"}, "subject LIKE '%звонок%' AND priority = 3"),
        ({"SUBJECT": "звонок"}, "0"),
        ({"DESCRIPTION": ""}, "description IS NULL"),
        ({"BINDINGS": [{"OWNER_TYPE_ID": 1}, {"OWNER_TYPE_ID": 3}]}, "ownerTypeId IN (1, 3)"),
        ({">CREATED": "2026-06-01T00:00:00+00:00"}, "createdAt > '2026-06-01T00:00:00Z'"),
    ],
)
def test_activities_are_filtered_and_come_by_their_beginning(
    portal: DemoPortal, given: dict[str, object], condition: str
) -> None:
    expected = column(portal, f"SELECT id FROM activities WHERE {condition} ORDER BY startTime, id LIMIT 50")
    assert ids(portal, "crm.activity.list", filter=given, select=["ID"]) == expected


def test_ordinary_users_see_their_own_activities(portal: DemoPortal) -> None:
    mine, others = (
        column(portal, f"SELECT id FROM activities WHERE responsibleId {sign} 57 ORDER BY startTime, id")
        for sign in ("=", "<>")
    )
    assert ids(portal, "crm.activity.list", SELLER) == mine
    assert ask(portal, "crm.activity.list", SELLER)["total"] == len(mine)
    assert refused(portal, "crm.activity.get", SELLER, id=others[0]) == (400, "", "Access denied.")
    assert refused(portal, "crm.activity.get", id=99_999) == (400, "", "Activity is not found")


def test_comments_belong_to_one_record_and_no_other_condition_counts(portal: DemoPortal) -> None:
    record, kind = sql(portal, "SELECT entityId, entityType FROM timelines WHERE entityType = 'dynamic_174'")[0]
    found = ask(
        portal,
        "crm.timeline.comment.list",
        filter={"ENTITY_ID": record, "ENTITY_TYPE": kind, ">CREATED": "2030-01-01", "AUTHOR_ID": 0},
        order={"ID": "DESC"},
    )
    expected = sql(
        portal,
        "SELECT id, datetime(createdAt, '+3 hours'), comment, authorId FROM timelines"
        " WHERE entityId = ? AND entityType = ? ORDER BY id DESC",
        record,
        kind,
    )
    assert found == {
        "result": [
            {
                "ID": str(comment),
                "ENTITY_ID": str(record),
                "ENTITY_TYPE": kind,
                "CREATED": moscow(created),
                "COMMENT": text,
                "AUTHOR_ID": str(author),
                "FILES": [],
            }
            for comment, created, text, author in expected
        ],
        "total": len(expected),
    }
    assert ask(portal, "crm.timeline.comment.get", id=expected[0][0])["result"] == found["result"][0]


@pytest.mark.parametrize("given", [{}, {"ENTITY_ID": 9}, {"ENTITY_TYPE": "deal"}, {"ENTITY_ID": 9, "ENTITY_TYPE": "x"}])
def test_comments_need_a_record_that_there_is(portal: DemoPortal, given: dict[str, object]) -> None:
    assert refused(portal, "crm.timeline.comment.list", filter=given) == (400, "", "Access denied.")


def test_comments_under_a_record_of_others_are_refused(portal: DemoPortal) -> None:
    deal = column(
        portal,
        "SELECT entityId FROM timelines JOIN deals ON deals.id = entityId"
        " WHERE entityType = 'deal' AND assignedById <> 57",
    )[0]
    given = {"ENTITY_ID": deal, "ENTITY_TYPE": "deal"}
    assert refused(portal, "crm.timeline.comment.list", SELLER, filter=given) == (400, "", "Access denied.")
    assert ask(portal, "crm.timeline.comment.list", CRM_ADMIN, filter=given)["total"] > 0
