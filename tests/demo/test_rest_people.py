"""REST of the demo portal: who calls, users, departments, workgroups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .demo_client import column, sql
from .rest_asking import ADMIN, CRM_ADMIN, SELLER, ask, ids, refused, rows, walked, write

if TYPE_CHECKING:
    from bitrix24_mcp.demo import DemoPortal


def test_profile_says_who_the_credential_is(portal: DemoPortal) -> None:
    found = [ask(portal, "profile", webhook)["result"] for webhook in (ADMIN, CRM_ADMIN, SELLER)]
    names = sql(portal, "SELECT id, name, lastName, timeZone FROM users WHERE id IN (1, 2, 57) ORDER BY id")
    assert found == [
        {
            "ID": str(user),
            "ADMIN": user == 1,
            "NAME": name,
            "LAST_NAME": last_name,
            "PERSONAL_GENDER": "",
            "TIME_ZONE": zone,
        }
        for user, name, last_name, zone in names
    ]


def test_profile_of_a_dismissed_person_is_empty(own_portal: DemoPortal) -> None:
    write(own_portal, "UPDATE users SET active = 0 WHERE id = 57")
    assert ask(own_portal, "profile", SELLER) == {"result": []}


def test_scope_lists_what_the_credential_may_use(portal: DemoPortal) -> None:
    assert ask(portal, "scope", SELLER) == {"result": ["crm", "user_brief"]}
    assert ask(portal, "scope", SELLER, full=True) == ask(portal, "scope")


def test_method_get_tells_existing_from_available(portal: DemoPortal) -> None:
    found = [
        ask(portal, "method.get", SELLER, name=name)["result"] for name in ("crm.item.list", "tasks.task.list", "no.no")
    ]
    assert found == [
        {"isExisting": True, "isAvailable": True},
        {"isExisting": True, "isAvailable": False},
        {"isExisting": False, "isAvailable": False},
    ]


def test_server_time_stands_still(portal: DemoPortal) -> None:
    assert ask(portal, "server.time") == {"result": "2026-07-15T12:00:00+03:00"}


def test_user_admin_tells_portal_administrators_from_others(portal: DemoPortal) -> None:
    assert [ask(portal, "user.admin", webhook)["result"] for webhook in (ADMIN, CRM_ADMIN)] == [True, False]


def test_app_info_needs_an_application(portal: DemoPortal) -> None:
    expected = (403, "ACCESS_DENIED", "Access denied! Application context required")
    assert refused(portal, "app.info") == expected


def test_users_come_with_three_values_that_are_not_text(portal: DemoPortal) -> None:
    user = rows(portal, "user.get", FILTER={"ID": 2})[0]
    ((email, phone, post),) = sql(portal, "SELECT email, personalPhone, workPosition FROM users WHERE id = 2")
    assert user == {
        "ID": "2",
        "ACTIVE": True,
        "NAME": "Ольга",
        "LAST_NAME": "Иванова",
        "EMAIL": email,
        "LAST_LOGIN": user["LAST_LOGIN"],
        "DATE_REGISTER": user["DATE_REGISTER"],
        "TIME_ZONE": "Europe/Moscow",
        "PERSONAL_PHOTO": "",
        "PERSONAL_PHONE": phone,
        "WORK_POSITION": post,
        "UF_DEPARTMENT": [1, 2],
        "USER_TYPE": "employee",
        "IS_ONLINE": "N",
        "SECOND_NAME": "",
        "TITLE": "",
        "TIMESTAMP_X": {},
        "LAST_ACTIVITY_DATE": {},
        "PERSONAL_GENDER": "",
        "PERSONAL_BIRTHDAY": "",
        "PERSONAL_MOBILE": "",
        "WORK_PHONE": "",
        "UF_EMPLOYMENT_DATE": "",
    }
    assert user["LAST_LOGIN"].endswith("+03:00")


def test_the_brief_scope_sends_no_contacts_and_does_not_filter_by_them(portal: DemoPortal) -> None:
    hidden = {"EMAIL", "PERSONAL_PHONE", "PERSONAL_MOBILE", "WORK_PHONE", "LAST_LOGIN"}
    brief = rows(portal, "user.get", SELLER, FILTER={"ID": 2})[0]
    assert set(rows(portal, "user.get", FILTER={"ID": 2})[0]) - set(brief) == hidden
    assert ask(portal, "user.get", SELLER, FILTER={"EMAIL": "nobody@example.com"})["total"] == 60


def test_dismissed_people_are_left_out_only_on_request(portal: DemoPortal) -> None:
    assert ask(portal, "user.get")["total"] == 60
    found = [int(user["ID"]) for user in walked(portal, "user.get", FILTER={"ACTIVE": True}, sort="ID", order="ASC")]
    assert found == column(portal, "SELECT id FROM users WHERE active = 1 ORDER BY id")
    assert ids(portal, "user.get", filter={"ACTIVE": "N"}) == column(portal, "SELECT id FROM users WHERE active = 0")


@pytest.mark.parametrize(
    ("given", "condition"),
    [
        ({"ID": [1, 5, 999]}, "id IN (1, 5, 999)"),
        ({">ID": 50, "<=ID": "60"}, "id > 50 AND id <= 60"),
        ({"@ID": {"0": 4, "1": 7}}, "id IN (4, 7)"),
        ({"!ID": 1, "<ID": 9}, "id <> 1 AND id < 9"),
        ({"LAST_NAME": "Иванова"}, "lastName = 'Иванова'"),
        ({"%LAST_NAME": "иван"}, "casefold(lastName) LIKE '%иван%'"),
        ({"LAST_NAME": "ИВАН%"}, "casefold(lastName) LIKE 'иван%'"),
        ({"!%LAST_NAME": "ов", "<ID": 30}, "casefold(lastName) NOT LIKE '%ов%' AND id < 30"),
        ({"UF_DEPARTMENT": 4}, "departmentId = '[4]'"),
        ({"UF_DEPARTMENT": [4, 9]}, "departmentId IN ('[4]', '[9]')"),
        ({"PERSONAL_PHONE": ""}, "personalPhone IS NULL"),
        ({"LAST_LOGIN": "not a date"}, "0"),
        ({">=LAST_LOGIN": "2026-07-15"}, "lastLogin >= '2026-07-14T21:00:00Z'"),
        ({"NAME_SEARCH": "smith john"}, "name = 'John' AND lastName = 'Smith'"),
        ({"NO_SUCH": 1, "<ID": 3}, "id < 3"),
    ],
)
def test_users_are_filtered_by_prefixes(portal: DemoPortal, given: dict[str, object], condition: str) -> None:
    found = [int(user["ID"]) for user in walked(portal, "user.get", FILTER=given, sort="ID", order="ASC")]
    assert found == column(portal, f"SELECT id FROM users WHERE {condition} ORDER BY id")


def test_users_can_be_filtered_at_the_top_level(portal: DemoPortal) -> None:
    assert ids(portal, "user.get", ID=5) == [5]


def test_users_are_sorted_by_one_field(portal: DemoPortal) -> None:
    expected = column(portal, "SELECT id FROM users ORDER BY lastName DESC, id LIMIT 50")
    assert ids(portal, "user.get", sort="LAST_NAME", order="DESC") == expected


def test_a_page_has_fifty_rows_and_the_place_of_the_next(portal: DemoPortal) -> None:
    first, second = ask(portal, "user.get"), ask(portal, "user.get", start=50)
    assert (len(first["result"]), first["total"], first["next"]) == (50, 60, 50)
    assert (len(second["result"]), second["total"], "next" in second) == (10, 60, False)


def test_without_counting_there_is_neither_total_nor_next(portal: DemoPortal) -> None:
    page = ask(portal, "user.get", start=-1)
    assert (len(page["result"]), page["total"], "next" in page) == (50, 0, False)


def test_select_names_columns_and_skips_unknown_ones(portal: DemoPortal) -> None:
    found = rows(portal, "user.get", ID=57, select=["ID", "NO_SUCH", "UF_*"])
    assert found == [{"ID": "57", "UF_EMPLOYMENT_DATE": "", "UF_DEPARTMENT": [2]}]


def test_people_who_are_no_staff_are_in_nobodys_list(own_portal: DemoPortal) -> None:
    owner = column(own_portal, "SELECT assignedById FROM deals WHERE assignedById <> 57 LIMIT 1")[0]
    write(own_portal, f"UPDATE users SET userType = 'bot' WHERE id = {owner}")
    assert ask(own_portal, "user.get", FILTER={"ID": owner}) == {"result": [], "total": 0}


def test_search_finds_by_parts_and_find_excludes_the_other_fields(portal: DemoPortal) -> None:
    found = ids(portal, "user.search", FILTER={"LAST_NAME": "smi", "UF_DEPARTMENT_NAME": "exp"})
    assert found == column(portal, "SELECT id FROM users WHERE lastName = 'Smith' ORDER BY id")
    assert ids(portal, "user.search", FIND="Ольга Иванова", LAST_NAME="Smith") == [2]


def test_the_current_user_is_one_object(portal: DemoPortal) -> None:
    assert ask(portal, "user.current") == {"result": rows(portal, "user.get", ID=1)[0]}


def test_departments_are_sorted_by_one_field_and_filtered_at_the_top_level(portal: DemoPortal) -> None:
    """Their filter knows equality alone: a prefix makes an unknown field, which is passed over."""
    found = rows(portal, "department.get", sort="NAME", order="DESC", PARENT=2)
    assert found == [
        {"ID": "3", "NAME": "Партнёрские продажи", "SORT": 300, "PARENT": "2", "UF_HEAD": "16"},
        {"ID": "4", "NAME": "Export", "SORT": 400, "PARENT": "2", "UF_HEAD": "30"},
    ]
    assert ids(portal, "department.get", SORT=100) == [1]
    assert ask(portal, "department.get", ADMIN, **{">ID": 5})["total"] == 9
    assert "PARENT" not in rows(portal, "department.get", ID=1)[0]


def test_workgroups_come_latest_first_as_text(portal: DemoPortal) -> None:
    found = ask(portal, "sonet_group.get", FILTER={"%NAME": "о", "ACTIVE": "Y"})
    expected = column(
        portal, "SELECT id FROM workgroups WHERE casefold(name) LIKE '%о%' AND active = 1 ORDER BY id DESC"
    )
    assert [int(group["ID"]) for group in found["result"]] == expected
    group = next(group for group in found["result"] if group["ID"] == "12")
    ((owner, members),) = sql(portal, "SELECT ownerId, membersCount FROM workgroups WHERE id = 12")
    assert {name: group[name] for name in ("NAME", "OWNER_ID", "NUMBER_OF_MEMBERS", "CLOSED", "OPENED")} == {
        "NAME": "Порт Мурманск",
        "OWNER_ID": str(owner),
        "NUMBER_OF_MEMBERS": str(members),
        "CLOSED": "N",
        "OPENED": group["OPENED"],
    }
    assert ids(portal, "sonet_group.get", GROUP_ID=11) == [11]


def test_a_section_without_scope_is_refused(portal: DemoPortal) -> None:
    assert refused(portal, "department.get", SELLER)[:2] == (401, "insufficient_scope")
