"""Linked records: their names beside the ids, and names in place of ids in conditions."""

import json
from typing import Any

import pytest

from assistants import Assistant, Sql, assistant_for
from bitrix24_mcp.demo import DemoPortal, Fault
from oracle import MOST_TOKENS, change, found_ids

pytestmark = pytest.mark.anyio

LINKS = [
    ("deals", "deals", "companyId", "companies", "title"),
    ("deals", "deals", "contactId", "contacts", "name || ' ' || lastName"),
    ("leads", "leads", "contactId", "contacts", "name || ' ' || lastName"),
    ("contacts", "contacts", "companyId", "companies", "title"),
    ("quotes", "quotes", "dealId", "deals", "title"),
    ("invoices", "invoices", "mycompanyId", "companies", "title"),
    ("invoices", "invoices", "parentId2", "deals", "title"),
    ("Contracts", "items_174", "companyId", "companies", "title"),
    ("Закупки", "items_156", "parentId174", "items_174", "title"),
    ("tasks", "tasks", "groupId", "workgroups", "name"),
    ("departments", "departments", "parentId", "departments", "name"),
    ("products", "products", "sectionId", "product_sections", "name"),
    ("requisites", "requisites", "presetId", "requisite_presets", "name"),
    ("bank-details", "bank_details", "entityId", "requisites", "name"),
]
"""Entity, its table, a link, the table it leads to and what its records are called."""


@pytest.mark.parametrize(("entity", "table", "field", "target", "name"), LINKS)
async def test_a_link_shows_what_its_record_is_called(
    assistant: Assistant, sql: Sql, entity: str, table: str, field: str, target: str, name: str
) -> None:
    called = dict(sql(f"select id, {name} from {target}"))
    rows = sql(f"select id, {field} from {table} order by id limit 100")

    answer = await assistant.ask("search_items", entity=entity, select=field, limit=100, max_tokens=MOST_TOKENS)

    assert [each for _, each in rows if each]
    assert answer["items"] == [
        {
            "id": id_,
            **({} if value is None else {field: value}),
            **({f"{field}_name": called[value]} if value else {}),
        }
        for id_, value in rows
    ]


async def test_several_links_show_a_list_of_names(assistant: Assistant, sql: Sql) -> None:
    departments = dict(sql("select id, name from departments"))
    rows = [(id_, json.loads(held)) for id_, held in sql("select id, departmentId from users order by id limit 20")]

    answer = await assistant.ask("search_items", entity="users", select="departmentId", limit=20)

    assert max(len(held) for _, held in rows) > 1
    assert answer["items"] == [
        {"id": id_, "departmentId": held, "departmentId_name": [departments[each] for each in held]}
        for id_, held in rows
    ]


async def test_records_of_several_kinds_in_one_user_field_have_their_names(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    client = "UF_CRM_1700000012"
    held = ["CO_1", "C_1", "D_2", "L_1", "Tae_1", "Q_1", "SI_1", "X_1"]
    tables = ["companies", "contacts", "deals", "leads", "items_174", "quotes", "invoices"]
    for id_, value in enumerate(held, 1):
        change(own_portal.database, f"update deals set {client} = ? where id = ?", value, id_)
    for table in tables:
        field = "name" if table == "contacts" else "title"
        change(own_portal.database, f"update {table} set {field} = ? where id = ?", table, 2 if table == "deals" else 1)
    change(own_portal.database, "update contacts set lastName = 'X' where id = 1")

    answer = await own_assistant.ask("search_items", entity="deals", select=client, limit=8)

    names = ["companies", "contacts X", "deals", "leads", "items_174", "quotes", "invoices", None]
    assert [item.get(f"{client}_name") for item in answer["items"]] == names
    assert [item[client] for item in answer["items"]] == held


async def test_all_links_to_one_entity_take_one_request_a_page(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    asked: dict[str, Any] = {"entity": "invoices", "select": "companyId,mycompanyId,contactId", "limit": 40}
    await own_assistant.ask("search_items", **asked)
    before = len(own_portal.requests)
    await own_assistant.ask("search_items", **asked)

    paths = [request.path for request in own_portal.requests[before:]]
    assert paths == ["/v1/invoices/search", "/v1/companies/search", "/v1/contacts/search"]


async def test_records_that_the_key_may_not_see_have_no_names(portal: DemoPortal, sql: Sql) -> None:
    (departments,) = (json.loads(each) for (each,) in sql("select departmentId from users where id = 2"))
    async with assistant_for(portal.url, "vibe_api_demo_noscope") as assistant:
        answer = await assistant.ask("search_items", entity="users", select="departmentId", filter={"id": 2})

    assert answer["items"] == [{"id": 2, "departmentId": departments}]


async def test_a_record_that_is_gone_has_no_name(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    change(own_portal.database, "update deals set companyId = 999999 where id = 1")

    answer = await own_assistant.ask("search_items", entity="deals", select="companyId", filter={"id": 1})

    assert answer["items"] == [{"id": 1, "companyId": 999_999}]


async def test_a_portal_that_fails_at_the_names_is_an_error_and_not_an_answer_without_them(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    own_portal.inject(Fault(kind="truncated", path="/v1/companies/search", times=None))

    error = await own_assistant.fail("search_items", entity="deals", select="companyId", limit=50)

    assert error["code"] == "UNEXPECTED_ANSWER"


@pytest.mark.parametrize(("entity", "table", "field", "target", "name"), LINKS)
async def test_a_name_stands_for_the_id_in_a_condition(
    assistant: Assistant, sql: Sql, entity: str, table: str, field: str, target: str, name: str
) -> None:
    once = f"select {name} from {target} group by 1 having count(*) = 1"
    linked, called = sql(
        f"select {target}.id, {name} from {target} where id in (select {field} from {table}) and {name} in ({once}) "
        f"order by length({name}) desc, 1 limit 1"
    )[0]
    wanted = [row[0] for row in sql(f"select id from {table} where {field} = ? order by id", linked)]

    assert wanted
    for written in (called, called.upper(), f" {called} "):
        assert await found_ids(assistant, entity=entity, filter={field: written}) == wanted


@pytest.fixture
def clients(own_portal: DemoPortal) -> DemoPortal:
    """Companies and people with known names, each with a deal of the same number."""
    companies = ["Ромашка", "ООО «Ромашка плюс»", "ромашка-Сервис", "Лютик", "Лютик Трейд"]
    people = [("Анна", "Ёлкина"), ("Анна", "Ёлкина-Шварц"), ("Пётр", "Анненков"), ("Ёлкина", "Мария"), ("Глеб", "Лис")]
    change(own_portal.database, "update companies set title = 'Company ' || id")
    change(own_portal.database, "update contacts set name = 'N' || id, lastName = 'L' || id")
    change(own_portal.database, "update deals set companyId = 0, contactId = 0, contactIds = '[]'")
    for id_, (title, person) in enumerate(zip(companies, people, strict=True), 1):
        change(own_portal.database, "update companies set title = ? where id = ?", title, id_)
        change(own_portal.database, "update contacts set name = ?, lastName = ? where id = ?", *person, id_)
        change(own_portal.database, "update deals set companyId = id, contactId = id where id = ?", id_)
        change(own_portal.database, "update deals set contactIds = ? where id = ?", json.dumps([id_]), id_)
    return own_portal


@pytest.mark.parametrize(
    ("conditions", "wanted"),
    [
        ({"companyId": "ромашка"}, [1]),
        ({"companyId": "Ромашка плюс"}, [2]),
        ({"companyId": "Лютик"}, [4]),
        ({"Компания": "лютик  трейд"}, [5]),
        ({"companyId": ["Ромашка", 5, "3"]}, [1, 3, 5]),
        ({"companyId": {"$in": ["Лютик трейд"]}, "contactId": {"$ne": "Лис"}}, []),
        ({"id": {"$lte": 5}, "companyId": {"$nin": ["Ромашка", "Лютик"]}}, [2, 3, 5]),
        ({"contactId": "анна ёлкина"}, [1]),
        ({"contactId": "Елкина-Шварц Анна"}, [2]),
        ({"contactId": "Пётр Анн"}, [3]),
        ({"contactId": "Мария"}, [4]),
        ({"contactIds": "Глеб Лис"}, [5]),
        ({"companyId": {"$gt": 3}}, [4, 5]),
        ({"companyId": {"$ne": 0}, "id": {"$lt": 3}}, [1, 2]),
    ],
    ids=str,
)
async def test_names_are_found_by_a_part_in_any_case_and_the_exact_one_wins(
    clients: DemoPortal, conditions: dict[str, Any], wanted: list[int]
) -> None:
    async with assistant_for(clients.url) as assistant:
        assert await found_ids(assistant, entity="deals", filter=conditions) == wanted


async def test_a_name_of_several_asks_back_with_the_candidates(clients: DemoPortal) -> None:
    async with assistant_for(clients.url) as assistant:
        company = await assistant.fail("search_items", entity="deals", filter={"companyId": "омашк"})
        person = await assistant.fail("aggregate", entity="deals", filter={"contactId": "Анн"})
        many = await assistant.fail("search_items", entity="deals", filter={"companyId": "Company 1"})

    assert company == {
        "code": "AMBIGUOUS_VALUE",
        "message": "“омашк” can be several companies. Use the id: 1 (Ромашка), 2 (ООО «Ромашка плюс»), "
        "3 (ромашка-Сервис).",
        "candidates": ["1", "2", "3"],
    }
    assert person == {
        "code": "AMBIGUOUS_VALUE",
        "message": "“Анн” can be several contacts. Use the id: 1 (Анна Ёлкина), 2 (Анна Ёлкина-Шварц), "
        "3 (Пётр Анненков).",
        "candidates": ["1", "2", "3"],
    }
    assert many["candidates"] == ["10", "11", "12", "13", "14", "15", "16", "17"]
    assert many["message"].endswith("17 (Company 17) and 28 more.")


async def test_a_name_of_too_many_records_asks_for_more_of_it(own_portal: DemoPortal, own_assistant: Assistant) -> None:
    change(own_portal.database, "update deals set title = 'Поставка ' || id")

    error = await own_assistant.fail("search_items", entity="quotes", filter={"dealId": "поставка"})

    assert error == {
        "code": "AMBIGUOUS_VALUE",
        "message": "More than 500 deals have “поставка” in their name. Write more of the name, or give the id as "
        "dealId.",
        "candidates": ["1", "2", "3", "4", "5", "6", "7", "8"],
    }


async def test_a_name_of_nobody_is_an_error_with_a_search_that_finds_the_like(clients: DemoPortal) -> None:
    async with assistant_for(clients.url) as assistant:
        company = await assistant.fail("search_items", entity="deals", filter={"companyId": "Ромашки"})
        person = await assistant.fail("search_items", entity="deals", filter={"contactId": "Анна Ёлкинсон"})
        found = await assistant.ask(company["next_call"]["tool"], **company["next_call"]["arguments"])

    assert company == {
        "code": "UNKNOWN_VALUE",
        "message": "No company that this key can see is called “Ромашки”. Look for it by a part of the name with "
        "search_items, then give its id as companyId.",
        "next_call": {
            "tool": "search_items",
            "arguments": {"entity": "companies", "filter": {"title": {"$contains": "Рома"}}},
        },
    }
    assert [item["id"] for item in found["items"]] == [1, 2, 3]
    assert person["next_call"]["arguments"] == {"entity": "contacts", "filter": {"lastName": {"$contains": "Ёлкин"}}}


async def test_the_answer_says_which_record_a_name_stood_for(clients: DemoPortal) -> None:
    async with assistant_for(clients.url) as assistant:
        answer = await assistant.ask("search_items", entity="deals", filter={"companyId": "Лютик"}, select="companyId")

    assert answer == {
        "items": [{"id": 4, "companyId": 4, "companyId_name": "Лютик"}],
        "returned": 1,
        "total": 1,
        "filter_used": {"companyId": 4},
    }


@pytest.mark.parametrize(
    ("conditions", "code"),
    [
        ({"companyId": {"$gt": "Ромашка"}}, "INVALID_VALUE"),
        ({"companyId": {"$contains": "Ромашка"}}, "UNSUPPORTED_OPERATOR"),
        ({"companyId": 1.5}, "INVALID_VALUE"),
        ({"companyId": True}, "INVALID_VALUE"),
        ({"companyId": "  "}, "INVALID_VALUE"),
        ({"companyId": [["a"]]}, "INVALID_VALUE"),
        ({"contactIds": [f"name {number}" for number in range(21)]}, "FILTER_TOO_LARGE"),
        ({"UF_CRM_1700000012": "Ромашка"}, "INVALID_VALUE"),
        ({"UF_CRM_1700000012": "CO-25"}, "INVALID_VALUE"),
    ],
    ids=str,
)
async def test_what_can_be_no_record_never_reaches_the_portal(
    own_portal: DemoPortal, own_assistant: Assistant, conditions: dict[str, Any], code: str
) -> None:
    error = await own_assistant.fail("search_items", entity="deals", filter=conditions)

    assert error["code"] == code
    assert [request.path for request in own_portal.requests if request.path.endswith("/search")] == []


async def test_a_name_that_the_key_may_not_look_up_is_refused_in_the_portals_words(portal: DemoPortal) -> None:
    async with assistant_for(portal.url, "vibe_api_demo_noscope") as assistant:
        by_name = await assistant.fail("search_items", entity="users", filter={"departmentId": "Отдел продаж"})
        by_id = await assistant.ask("search_items", entity="users", filter={"departmentId": 2}, select="id")

    assert by_name["code"] == "SCOPE_DENIED"
    assert by_id["returned"] > 0
