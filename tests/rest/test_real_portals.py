"""What real portals send and the demo portal does not: each answer is read right, or refused, and never guessed."""

import json

import httpx
import pytest
import respx

from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.catalogue.entity import Entity, smart_process
from bitrix24_mcp.crm.errors import InvalidArguments, UnexpectedAnswer
from bitrix24_mcp.crm.portal_values import Condition, FieldInfo, Option, RecordQuery, Sort, Status
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal
from real_answers import Json, batch, described, fields_told

DEALS, CONTACTS = BY_NAME["deals"], BY_NAME["contacts"]
CONTRACTS = smart_process(174, "Contracts", stages=True, funnels=True)
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.respx(base_url="https://portal.example/rest/1/s3cr3t-c0de/"),
    pytest.mark.usefixtures("moments_are_known"),
]


# What PHP makes of lists and maps


async def test_a_list_with_gaps_that_php_printed_as_a_map_is_a_list(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    """Where somebody filtered an array, its keys have gaps, and PHP prints a map of numbers."""
    categories = {"0": {"id": 0, "name": "General", "isDefault": "Y"}, "2": {"id": 9, "name": "Wholesale"}}
    respx_mock.post("crm.category.list").respond(json={"result": {"categories": categories}, "total": 2})
    assert [funnel.id for funnel in await RestPortal(client).funnels(DEALS)] == [0, 9]


async def test_scopes_with_gaps_are_scopes(client: RestClient, respx_mock: respx.MockRouter) -> None:
    answer = batch({"ID": "7", "ADMIN": False}, {"0": "crm", "2": "user_brief"})
    respx_mock.post("batch").respond(json=answer)
    whose = await RestPortal(client).identity()
    assert (whose.user_id, whose.admin, whose.scopes) == (7, False, ("crm", "user_brief"))


async def test_totals_may_be_texts(client: RestClient, respx_mock: respx.MockRouter) -> None:
    fields_told(respx_mock)
    rows = [{"id": number} for number in range(1, 51)]
    respx_mock.post("crm.item.list").respond(json={"result": {"items": rows}, "total": "1234", "next": "50"})
    assert await RestPortal(client).count(DEALS, ()) == 1234


# Pages


@pytest.mark.parametrize("sort", [Sort("id"), Sort("title")])
async def test_a_short_page_of_a_longer_list_is_an_error(
    client: RestClient, respx_mock: respx.MockRouter, sort: Sort
) -> None:
    """Two rows of ninety are not all there is."""
    fields_told(respx_mock, title=described("string"))
    rows = [{"id": 1, "title": "a"}, {"id": 2, "title": "b"}]
    respx_mock.post("crm.item.list").respond(json={"result": {"items": rows}, "total": 90, "next": 50})
    with pytest.raises(UnexpectedAnswer):
        await RestPortal(client).search(RecordQuery(DEALS, (), (sort,), ("title",)))
    pages = await RestPortal(client).searches([RecordQuery(DEALS, (), (sort,), ("title",))])
    assert [type(page) for page in pages] == [UnexpectedAnswer]


async def test_a_column_that_some_rows_have_is_told(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """A contact without phones may lack `fm` altogether; only what no row has is not told."""
    respx_mock.post("batch").respond(json=batch({"fields": {"id": described("integer")}}, {}))
    rows = [{"id": 1}, {"id": 2, "fm": [{"id": 7, "typeId": "PHONE", "valueType": "WORK", "value": "+7"}]}]
    respx_mock.post("crm.item.list").respond(json={"result": {"items": rows}, "total": 2})
    page = await RestPortal(client).search(RecordQuery(CONTACTS, (), (), ("phone",)))
    assert [len(row["phone"]) for row in page.rows] == [0, 1]


async def test_directories_past_fifty_values_come_whole(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """`crm.status.list` is not paged: 300 rows are one answer."""
    rows = [
        {
            "ID": str(n),
            "ENTITY_ID": "SOURCE",
            "STATUS_ID": f"UC_{n}",
            "NAME": f"N{n}",
            "SORT": str(n),
            "SEMANTICS": None,
        }
        for n in range(1, 301)
    ]
    route = respx_mock.post("crm.status.list").respond(json={"result": rows, "total": "300"})
    statuses = await RestPortal(client).statuses(None)
    assert (len(statuses), route.call_count) == (300, 1)
    assert statuses[0] == Status("SOURCE", "UC_1", "N1", 1, "")


# Names


async def test_a_user_field_that_came_without_its_classic_name_keeps_the_one_it_came_with(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    """Where two names would be one, REST leaves the original; it is nothing to be made of humps."""
    fields_told(
        respx_mock,
        UF_CRM_3X=described("string", "Odd"),
        ufCrm_3_DIGIT10=described("string", "Digits"),
        ufCrm_1720019876=described("string", "Usual"),
    )
    names = [field.name for field in await RestPortal(client).fields(DEALS)]
    assert names == ["id", "UF_CRM_3X", "UF_CRM_3_DIGIT10", "UF_CRM_1720019876"]


async def test_labels_of_more_than_fifty_user_fields_are_all_read(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    """`userfieldconfig.list` has pages of fifty."""
    names = [f"UF_CRM_3_{number}" for number in range(1, 61)]
    told = {f"ufCrm3_{n}": described("string", upperName=name) for n, name in enumerate(names, 1)}
    fields_told(respx_mock, **told)
    rows = [{"id": n, "fieldName": name, "editFormLabel": {"ru": f"Поле {n}"}} for n, name in enumerate(names, 1)]

    def several(request: httpx.Request) -> httpx.Response:
        commands: list[str] = list(json.loads(request.content)["cmd"].values())
        pages = [rows[50:] if "start=50" in command else rows[:50] for command in commands]
        return httpx.Response(
            200,
            json=batch(
                *[{"fields": page} for page in pages],
                result_total={f"c{place}": 60 for place in range(len(commands))},
                result_next={f"c{place}": 50 for place, command in enumerate(commands) if "start" not in command},
            ),
        )

    route = respx_mock.post("batch").mock(side_effect=several)
    fields = await RestPortal(client).fields(CONTRACTS)
    assert [field.title for field in fields[1:]] == [f"Поле {n}" for n in range(1, 61)]
    assert route.call_count == 2


async def test_labels_whose_further_pages_fail_are_told_as_far_as_they_came(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    fields_told(respx_mock, ufCrm3_1=described("string", upperName="UF_CRM_3_1"))
    first = {"fields": [{"id": 1, "fieldName": "UF_CRM_3_1", "editFormLabel": {"ru": "Номер"}}]}
    respx_mock.post("batch").respond(
        json=batch(first, {"fields": []}, result_next={"c0": 50}, result_total={"c0": 60, "c1": 0})
    )
    respx_mock.post("userfieldconfig.list").respond(401, json={"error": "insufficient_scope"})
    assert [field.title for field in await RestPortal(client).fields(CONTRACTS)] == ["", "Номер"]


# Values


async def test_real_fields_of_a_deal_are_read_by_their_types(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """Columns that the demo portal lacks, texts for numbers, and every spelling of nothing."""
    fields_told(
        respx_mock,
        utmSource=described("string", "UTM"),
        isManualOpportunity=described("boolean", "Manual"),
        lastActivityTime=described("datetime", "Last activity"),
        webformId=described("integer", "Form"),
        parentId1220=described("crm_entity", "Parent"),
        contacts=described("crm_contact", "Contacts", isMultiple=True),
        ufCrm_5=described("money", "Budget", upperName="UF_CRM_5"),
        ufCrm_6=described("boolean", "Paid", upperName="UF_CRM_6"),
        ufCrm_7=described("double", "Area", upperName="UF_CRM_7", isMultiple=True),
        ufCrm_8=described("date", "Signed", upperName="UF_CRM_8"),
    )
    row: Json = {
        "id": "17",
        "utmSource": None,
        "isManualOpportunity": "N",
        "lastActivityTime": {},
        "webformId": "4",
        "parentId1220": "",
        "contacts": [{"contactId": 3, "isPrimary": "Y"}],
        "ufCrm_5": "1500.50|RUB",
        "ufCrm_6": "0",
        "ufCrm_7": {"1": "2.5", "3": 4},
        "ufCrm_8": [],
        "entityTypeId": 2,
    }
    respx_mock.post("crm.item.get").respond(json={"result": {"item": row}})
    found = (await RestPortal(client).records(DEALS, [17])).found[17]
    assert {name: value for name, value in found.items() if name != "entityTypeId"} == {
        "id": 17,
        "utmSource": None,
        "isManualOpportunity": False,
        "lastActivityTime": None,
        "webformId": 4,
        "parentId1220": None,
        "contacts": [{"contactId": 3, "isPrimary": "Y"}],
        "UF_CRM_5": "1500.50|RUB",
        "UF_CRM_6": False,
        "UF_CRM_7": [2.5, 4],
        "UF_CRM_8": None,
    }


async def test_a_portal_in_utc_is_asked_in_utc(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """A user's midnight in Moscow is nine in the evening there, and is written so."""
    time = {"date_start": "2026-05-14T10:26:32+00:00"}
    fields = {"id": described("integer"), "createdTime": described("datetime")}
    respx_mock.post("crm.item.fields").respond(json={"result": {"fields": fields}, "time": time})
    route = respx_mock.post("crm.item.list").respond(json={"result": {"items": []}, "total": 0})
    await RestPortal(client).count(DEALS, (Condition("createdAt", "gte", "2026-07-01T00:00:00+03:00"),))
    assert json.loads(route.calls.last.request.content)["filter"] == {">=createdTime": "2026-06-30T21:00:00+00:00"}


async def test_an_event_without_its_times_is_an_error(client: RestClient, respx_mock: respx.MockRouter) -> None:
    respx_mock.post("calendar.event.getbyid").respond(json={"result": {"ID": "5", "NAME": "Call", "DATE_FROM": "soon"}})
    with pytest.raises(UnexpectedAnswer):
        await RestPortal(client).records(BY_NAME["calendar-events"], [5])


async def test_list_values_may_be_a_map(client: RestClient, respx_mock: respx.MockRouter) -> None:
    fields_told(
        respx_mock,
        ufCrm_9=described("enumeration", "Kind", upperName="UF_CRM_9", items={"5": {"ID": "5", "VALUE": "VIP"}}),
    )
    assert (await RestPortal(client).fields(DEALS))[1] == FieldInfo(
        "UF_CRM_9", "enumeration", "Kind", options=(Option("5", "VIP"),)
    )


@pytest.mark.parametrize(
    ("entity", "theirs", "ours"), [(DEALS, "ufCrm_9", "UF_CRM_9"), (CONTRACTS, "ufCrm3_9", "ufCrm3_9")]
)
async def test_a_word_for_a_list_value_that_nobody_names_is_no_condition(
    client: RestClient, respx_mock: respx.MockRouter, entity: Entity, theirs: str, ours: str
) -> None:
    """Where the portal sends no options and refuses the lists that have them, a word would silently find nothing."""
    upper = "UF_CRM_9" if entity is DEALS else "UF_CRM_3_9"
    fields_told(respx_mock, **{theirs: described("enumeration", "Kind", upperName=upper)})
    denied = {"error": "", "error_description": "Access denied."}
    respx_mock.post("batch").respond(json=batch(denied, denied))
    found = respx_mock.post("crm.item.list").respond(json={"result": {"items": []}, "total": 0})
    portal = RestPortal(client)
    with pytest.raises(InvalidArguments) as refused:
        await portal.count(entity, (Condition(ours, "in", ("5", "VIP")),))
    assert (refused.value.code, found.called) == ("UNKNOWN_VALUE", False)
    assert await portal.count(entity, (Condition(ours, "eq", "5"),)) == 0
