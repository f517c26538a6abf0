"""REST of the demo portal: items are added, changed and deleted by the universal methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from bitrix24_mcp.demo import DemoPortal, RestSwitches

from .demo_client import column, sql
from .item_asking import TABLES, get
from .rest_asking import ADMIN, SELLER, ask, refused, write

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = "2026-07-15T12:00:00+03:00"
NOT_VALID = "CRM_FIELD_ERROR_VALUE_NOT_VALID"


def add(portal: DemoPortal, kind: int, webhook: str = ADMIN, **fields: Any) -> dict[str, Any]:
    return ask(portal, "crm.item.add", webhook, entityTypeId=kind, fields=fields)["result"]["item"]


def update(portal: DemoPortal, kind: int, number: int, webhook: str = ADMIN, **fields: Any) -> dict[str, Any]:
    return ask(portal, "crm.item.update", webhook, entityTypeId=kind, id=number, fields=fields)["result"]["item"]


def delete(portal: DemoPortal, kind: int, number: int) -> object:
    return ask(portal, "crm.item.delete", entityTypeId=kind, id=number)


def parts(item: Mapping[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(item[name] for name in names)


def stored(portal: DemoPortal, kind: int, number: int) -> list[tuple[Any, ...]]:
    return sql(portal, f"SELECT * FROM {TABLES[kind]} WHERE id = ?", number)


@pytest.mark.parametrize("kind", TABLES)
def test_an_item_of_each_type_is_added_read_changed_and_deleted(own_portal: DemoPortal, kind: int) -> None:
    highest = column(own_portal, f"SELECT MAX(id) FROM {TABLES[kind]}")[0]
    name = "name" if kind == 3 else "title"

    fields: dict[str, Any] = {name: "Первый", "colour": "red", "id": 7, "createdBy": 57}
    item = add(own_portal, kind, **fields)
    read = get(own_portal, kind, item["id"])
    changed = update(own_portal, kind, item["id"], **{name: "Второй"})
    deleted = delete(own_portal, kind, item["id"])

    assert read == item
    assert parts(item, "id", name, "createdBy", "createdTime", "assignedById") == (highest + 1, "Первый", 1, NOW, 1)
    assert changed == {**item, name: "Второй"}
    assert deleted == {"result": []}
    assert refused(own_portal, "crm.item.get", entityTypeId=kind, id=item["id"]) == (
        400,
        "NOT_FOUND",
        "Item not found",
    )


def test_a_deal_without_fields_has_the_documented_defaults(own_portal: DemoPortal) -> None:
    deal = add(own_portal, 2)

    expected = {
        "title": f"Сделка #{deal['id']}",
        "categoryId": 0,
        "stageId": "NEW",
        "stageSemanticId": "P",
        "closed": "N",
        "opened": "Y",
        "assignedById": 1,
        "begindate": "2026-07-15T03:00:00+03:00",
        "closedate": "2026-07-22T03:00:00+03:00",
    }
    assert {name: deal[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("kind", "title", "stage", "funnel"),
    [
        (1, "Лид #{}", "NEW", None),
        (4, "Компания #{}", None, None),
        (7, "Предложение #{}", "DRAFT", None),
        (31, "Счёт #{}", "DT31_3:N", 3),
        (174, "Contracts #{}", "DT174_8:NEW", 8),
        (1038, "Оборудование #{}", None, None),
    ],
)
def test_other_types_have_theirs(
    own_portal: DemoPortal, kind: int, title: str, stage: str | None, funnel: int | None
) -> None:
    item = add(own_portal, kind, title="")

    assert (item["title"], item.get("stageId"), item.get("categoryId")) == (title.format(item["id"]), stage, funnel)


def test_values_are_read_as_they_were_written(own_portal: DemoPortal) -> None:
    """Numbers, flags, days, moments with an offset and without, options, money, lists: all in the form of answers."""
    sent: dict[str, Any] = {
        "opportunity": "1500.5",
        "opened": "N",
        "probability": 40,
        "begindate": "2026-02-03",
        "closedate": "2026-03-04T00:00:00+03:00",
        "observers": [57, "5"],
        "originatorId": "quiz",
        "originId": "answer-1",
        "ufCrm_1700000001": 203,
        "ufCrm_1700000002": "12.25",
        "ufCrm_1700000003": "1500.50|RUB",
        "ufCrm_1700000004": ["301", 304],
        "ufCrm_1700000005": 9,
        "ufCrm_1700000006": 57,
        "ufCrm_1700000007": "2024-04-19T03:00:00+03:00",
        "ufCrm_1700000008": "2026-02-03T21:30:00",
        "ufCrm_1700000009": "1",
        "ufCrm_1700000012": "C_2",
    }
    expected = sent | {
        "opportunity": 1500.5,
        "begindate": "2026-02-03T03:00:00+03:00",
        "closedate": "2026-03-04T03:00:00+03:00",
        "observers": [57, 5],
        "ufCrm_1700000002": 12.25,
        "ufCrm_1700000004": [301, 304],
        "ufCrm_1700000008": "2026-02-03T21:30:00+03:00",
        "ufCrm_1700000009": "Y",
    }

    deal = add(own_portal, 2, **sent)
    again = update(own_portal, 2, deal["id"], ufCrm_1700000008="2026-02-03T18:30:00Z", opened=False)

    assert {name: deal[name] for name in expected} == expected
    assert again == deal


@pytest.mark.parametrize("flag", ["Y", "1", 1, True, "true"])
def test_a_flag_is_told_in_several_ways(own_portal: DemoPortal, flag: object) -> None:
    deals = [add(own_portal, 2, ufCrm_1700000009=each)["ufCrm_1700000009"] for each in (flag, "N", 0, "false")]

    assert deals == ["Y", "N", "N", "N"]


def test_original_names_are_written_on_request_and_passed_over_without(own_portal: DemoPortal) -> None:
    original: dict[str, Any] = {"UF_CRM_3_1700000108": "A-1", "ufCrm3_1700000102": 5}

    plain = add(own_portal, 174, **original)
    answer = ask(own_portal, "crm.item.add", entityTypeId=174, fields=original, useOriginalUfNames="Y")
    other = answer["result"]["item"]

    assert parts(plain, "ufCrm3_1700000108", "ufCrm3_1700000102") == (None, 5)
    assert parts(other, "UF_CRM_3_1700000108", "UF_CRM_3_1700000102") == ("A-1", None)


@pytest.mark.parametrize(
    ("kind", "fields", "title"),
    [
        (2, {"stageId": "C7:NEW"}, "Стадия сделки"),
        (2, {"stageId": "NEW", "categoryId": 5}, "Стадия сделки"),
        (2, {"categoryId": 99}, "Воронка"),
        (2, {"categoryId": 8}, "Воронка"),
        (2, {"opportunity": "much"}, "Сумма"),
        (2, {"opportunity": "nan"}, "Сумма"),
        (2, {"probability": 1.5}, "Вероятность, %"),
        (2, {"opened": "maybe"}, "Доступна для всех"),
        (2, {"begindate": "soon"}, "Дата начала"),
        (2, {"title": ["a"]}, "Название"),
        (2, {"assignedById": 9_999}, "Ответственный"),
        (2, {"observers": [57, 9_999]}, "Наблюдатели"),
        (2, {"ufCrm_1700000001": 301}, "Приоритет"),
        (2, {"ufCrm_1700000001": "Высокий"}, "Приоритет"),
        (2, {"ufCrm_1700000003": "1500.50"}, "Бюджет клиента"),
        (2, {"ufCrm_1700000004": [301, 202]}, "Теги"),
        (2, {"ufCrm_1700000008": "2026-13-01T00:00:00"}, "Выезд замерщика"),
        (174, {"ufCrm3_1700000101": 511}, "Вид договора"),
        (3, {"name": "A", "fm": [{"typeId": "TELEX", "value": "1"}]}, "FM"),
    ],
)
def test_a_value_that_the_field_does_not_take_is_refused_and_nothing_is_saved(
    own_portal: DemoPortal, kind: int, fields: dict[str, Any], title: str
) -> None:
    before = column(own_portal, f"SELECT COUNT(*) FROM {TABLES[kind]}"), stored(own_portal, kind, 5)
    text = f'Invalid value for field "{title}"'

    added = refused(own_portal, "crm.item.add", entityTypeId=kind, fields=fields)
    changed = refused(own_portal, "crm.item.update", entityTypeId=kind, id=5, fields=fields | {"comments": "x"})

    assert (added, changed) == ((400, NOT_VALID, text), (400, NOT_VALID, text))
    assert (column(own_portal, f"SELECT COUNT(*) FROM {TABLES[kind]}"), stored(own_portal, kind, 5)) == before


@pytest.mark.parametrize(("value", "kind"), [("301", "string"), (301, "integer"), (None, "NULL"), (1.5, "double")])
def test_a_field_of_several_values_takes_nothing_but_an_array(own_portal: DemoPortal, value: object, kind: str) -> None:
    answer = refused(own_portal, "crm.item.update", entityTypeId=2, id=5, fields={"ufCrm_1700000004": value})

    assert answer == (400, "100", f"Expected iterable value for multiple field, but got {kind} instead")


def test_an_empty_array_empties_and_observers_go_by_an_empty_text_as_well(own_portal: DemoPortal) -> None:
    deal = add(own_portal, 2, observers=[57], ufCrm_1700000004=[301])

    emptied = update(own_portal, 2, deal["id"], observers="", ufCrm_1700000004=[])

    assert parts(emptied, "observers", "ufCrm_1700000004") == ([], [])


def test_an_empty_text_empties_what_is_chosen(own_portal: DemoPortal) -> None:
    fields: dict[str, Any] = {
        "sourceId": "CALL",
        "ufCrm_1700000001": 203,
        "ufCrm_1700000003": "1500.50|RUB",
        "ufCrm_1700000007": "2024-04-19",
        "ufCrm_1700000013": "IT",
    }
    deal = add(own_portal, 2, **fields)

    emptied = update(own_portal, 2, deal["id"], **dict.fromkeys(fields, ""))

    assert parts(deal, *fields) != parts(emptied, *fields) == (None,) * 5


def test_on_some_portals_user_fields_of_several_values_are_not_emptied() -> None:
    with DemoPortal.start(deals=300, limits=False, rest=RestSwitches(emptying_broken=True)) as portal:
        deal = add(portal, 2, observers=[57], ufCrm_1700000004=[301])
        kept = update(portal, 2, deal["id"], observers=[], ufCrm_1700000004=[])
        ask(portal, "crm.deal.update", id=deal["id"], fields={"UF_CRM_1700000004": []})
        emptied = get(portal, 2, deal["id"])

    names = ("observers", "ufCrm_1700000004")
    assert [parts(each, *names) for each in (deal, kept, emptied)] == [([57], [301]), ([], [301]), ([], [])]


def test_phones_and_mails_are_a_list_when_added_and_a_map_by_number_when_changed(own_portal: DemoPortal) -> None:
    contact = add(
        own_portal,
        3,
        lastName="Smith",
        fm=[
            {"typeId": "PHONE", "valueType": "MOBILE", "value": "+79160000001"},
            {"typeId": "PHONE", "valueType": "WORK", "value": "+79160000002"},
            {"typeId": "EMAIL", "valueType": "HOME", "value": "a@smith.example"},
        ],
    )
    mobile, work, mail = (entry["id"] for entry in contact["fm"])

    changed = update(
        own_portal,
        3,
        contact["id"],
        fm={
            str(mobile): {"value": "+79160000009"},
            str(work): {"value": ""},
            str(mail): {"valueType": "WORK"},
            "n0": {"typeId": "EMAIL", "valueType": "WORK", "value": "b@smith.example"},
        },
    )
    added = changed["fm"][-1]["id"]

    assert [{name: entry[name] for name in entry if name != "id"} for entry in contact["fm"]] == [
        {"typeId": "PHONE", "valueType": "MOBILE", "value": "+79160000001"},
        {"typeId": "PHONE", "valueType": "WORK", "value": "+79160000002"},
        {"typeId": "EMAIL", "valueType": "HOME", "value": "a@smith.example"},
    ]
    assert changed["fm"] == [
        {"id": mobile, "typeId": "PHONE", "valueType": "MOBILE", "value": "+79160000009"},
        {"id": mail, "typeId": "EMAIL", "valueType": "WORK", "value": "a@smith.example"},
        {"id": added, "typeId": "EMAIL", "valueType": "WORK", "value": "b@smith.example"},
    ]
    assert added not in (mobile, work, mail)


def test_a_mail_that_has_always_been_there_is_not_taken_for_the_phone(own_portal: DemoPortal) -> None:
    number = column(own_portal, "SELECT id FROM contacts WHERE phone <> '[]' AND email <> '[]' LIMIT 1")[0]
    phone, mail = get(own_portal, 3, number)["fm"]

    changed = update(own_portal, 3, number, fm={str(mail["id"]): {"value": ""}})

    assert changed["fm"] == [phone]


def test_contacts_are_set_one_or_several(own_portal: DemoPortal) -> None:
    deal, lead = add(own_portal, 2, contactIds=[7, 5]), add(own_portal, 1, contactIds=[7, 5])
    one = update(own_portal, 2, deal["id"], contactId=9)
    none = update(own_portal, 2, deal["id"], contactIds=[])

    assert [parts(each, "contactId", "contactIds") for each in (deal, lead, one, none)] == [
        (7, [7, 5]),
        (7, [7]),
        (9, [9]),
        (0, []),
    ]


def test_a_move_between_stages_is_dated_and_remembered(own_portal: DemoPortal) -> None:
    deal = add(own_portal, 2, SELLER, assignedById=57)
    moved = update(own_portal, 2, deal["id"], stageId="EXECUTING")
    won = update(own_portal, 2, deal["id"], SELLER, stageId="WON")
    funnel = update(own_portal, 2, deal["id"], categoryId=5)

    assert [parts(each, "stageId", "stageSemanticId", "closed", "movedBy") for each in (deal, moved, won, funnel)] == [
        ("NEW", "P", "N", 57),
        ("EXECUTING", "P", "N", 1),
        ("WON", "S", "Y", 57),
        ("C5:NEW", "P", "N", 1),
    ]
    assert won["closedate"] == "2026-07-15T03:00:00+03:00"
    history = ask(own_portal, "crm.stagehistory.list", entityTypeId=2, filter={"OWNER_ID": deal["id"]})
    assert [
        parts(row, "TYPE_ID", "STAGE_ID", "STAGE_SEMANTIC_ID", "CATEGORY_ID") for row in history["result"]["items"]
    ] == [
        (1, "NEW", "P", 0),
        (2, "EXECUTING", "P", 0),
        (3, "WON", "S", 0),
        (5, "C5:NEW", "P", 5),
    ]


def test_a_stage_of_the_left_funnel_does_not_move_along(own_portal: DemoPortal) -> None:
    contract = add(own_portal, 174)

    kept = refused(
        own_portal,
        "crm.item.update",
        entityTypeId=174,
        id=contract["id"],
        fields={"categoryId": 9, "stageId": "DT174_8:NEW"},
    )
    moved = update(own_portal, 174, contract["id"], categoryId=9, stageId="DT174_9:CLIENT")

    assert kept[:2] == (400, NOT_VALID)
    assert parts(moved, "categoryId", "stageId") == (9, "DT174_9:CLIENT")


def test_nothing_is_saved_when_nothing_changed(own_portal: DemoPortal) -> None:
    number = column(own_portal, "SELECT id FROM deals WHERE assignedById = 57 AND categoryId = 0 LIMIT 1")[0]
    before, row = get(own_portal, 2, number), stored(own_portal, 2, number)
    same = {name: value for name, value in before.items() if name != "ufCrm_1700000014"}

    unchanged = update(own_portal, 2, number, SELLER, **same)
    empty = update(own_portal, 2, number, SELLER)

    assert (unchanged, empty) == (before, before)
    assert stored(own_portal, 2, number) == row
    changed = update(own_portal, 2, number, SELLER, comments="новый")
    assert changed == before | {"comments": "новый", "updatedTime": NOW, "updatedBy": 57}


def test_a_contact_needs_one_of_its_names(own_portal: DemoPortal) -> None:
    assert refused(own_portal, "crm.item.add", entityTypeId=3, fields={"post": "директор"}) == (
        400,
        "CRM_FIELD_ERROR_REQUIRED",
        'The field "Имя" is required',
    )
    assert add(own_portal, 3, lastName="Смит")["name"] is None


@pytest.mark.parametrize(
    ("method", "params", "error"),
    [
        ("crm.item.add", {"entityTypeId": 2}, (400, "100", "Could not find value for parameter {fields}")),
        ("crm.item.add", {"fields": {}}, (400, "100", "Could not find value for parameter {entityTypeId}")),
        ("crm.item.add", {"entityTypeId": 999, "fields": {}}, (400, "NOT_FOUND", "Smart process not found")),
        (
            "crm.item.add",
            {"entityTypeId": 5, "fields": {}},
            (400, "ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported"),
        ),
        (
            "crm.item.update",
            {"entityTypeId": 2, "fields": {}},
            (400, "100", "Could not find value for parameter {id}"),
        ),
        ("crm.item.update", {"entityTypeId": 2, "id": 99999, "fields": {}}, (400, "NOT_FOUND", "Item not found")),
        ("crm.item.delete", {"entityTypeId": 2, "id": 99999}, (400, "NOT_FOUND", "Item not found")),
    ],
)
def test_a_call_without_what_it_needs_is_refused(
    portal: DemoPortal, method: str, params: dict[str, Any], error: tuple[int, object, str]
) -> None:
    assert refused(portal, method, **params) == error


def test_ordinary_users_change_and_delete_what_they_see(own_portal: DemoPortal) -> None:
    foreign = column(own_portal, "SELECT id FROM deals WHERE assignedById <> 57 LIMIT 1")[0]
    own = add(own_portal, 2, SELLER, title="моя")
    denied = (400, "ACCESS_DENIED", "Access denied")

    given = update(own_portal, 2, own["id"], SELLER, assignedById=5)

    assert refused(own_portal, "crm.item.update", SELLER, entityTypeId=2, id=foreign, fields={"title": "x"}) == denied
    assert refused(own_portal, "crm.item.delete", SELLER, entityTypeId=2, id=foreign) == denied
    assert refused(own_portal, "crm.item.add", SELLER, entityTypeId=2, fields={"categoryId": 7}) == denied
    assert parts(own, "createdBy", "assignedById") == (57, 57)
    assert (given["assignedById"], given["title"]) == (5, "моя")
    assert refused(own_portal, "crm.item.update", SELLER, entityTypeId=2, id=own["id"], fields={}) == denied


@pytest.mark.parametrize("kind", TABLES)
def test_a_number_is_given_once(own_portal: DemoPortal, kind: int) -> None:
    name = "name" if kind == 3 else "title"
    first, second = add(own_portal, kind, **{name: "a"})["id"], add(own_portal, kind, **{name: "b"})["id"]
    for number in (second, first):
        delete(own_portal, kind, number)

    assert add(own_portal, kind, **{name: "c"})["id"] == second + 1 == first + 2


def test_a_command_of_a_batch_refers_to_what_an_earlier_one_added(own_portal: DemoPortal) -> None:
    commands = {
        "contact": "crm.item.add?entityTypeId=3&fields[name]=A&fields[fm][0][typeId]=PHONE&fields[fm][0][value]=%2B79",
        "deal": "crm.item.add?entityTypeId=2&fields[title]=B&fields[contactIds][0]=$result[contact][item][id]",
        "emptied": "crm.item.update?entityTypeId=2&id=$result[deal][item][id]&fields[observers][]=",
    }

    result = ask(own_portal, "batch", cmd=commands, halt=1)["result"]["result"]

    contact = result["contact"]["item"]
    assert [(entry["typeId"], entry["value"]) for entry in contact["fm"]] == [("PHONE", "+79")]
    assert result["deal"]["item"]["contactIds"] == [contact["id"]]
    assert result["emptied"]["item"] == result["deal"]["item"]


def test_originators_are_filtered_by(own_portal: DemoPortal) -> None:
    for kind in (1, 2, 3, 4):
        write(own_portal, f"UPDATE {TABLES[kind]} SET originatorId = 'quiz', originId = 'a' || id WHERE id < 5")
        listed = ask(
            own_portal,
            "crm.item.list",
            entityTypeId=kind,
            filter={"=originatorId": "quiz", "@originId": ["a3", "a4", "a9"]},
            select=["id", "originId"],
        )
        assert listed["result"]["items"] == [{"id": 3, "originId": "a3"}, {"id": 4, "originId": "a4"}]


def test_an_item_that_rest_added_is_the_gateways_too(own_portal: DemoPortal) -> None:
    contact = add(own_portal, 3, name="A", originId="x", fm=[{"typeId": "PHONE", "value": "+7"}])

    answer = httpx.get(
        f"{own_portal.url}/v1/contacts/{contact['id']}", headers={"X-Api-Key": "vibe_api_demo"}, trust_env=False
    ).json()["data"]

    assert parts(answer, "name", "originId", "assignedById") == ("A", "x", 1)
    assert [(entry["VALUE_TYPE"], entry["VALUE"]) for entry in answer["phone"]] == [("WORK", "+7")]
