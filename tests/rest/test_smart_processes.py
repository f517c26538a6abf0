"""Smart-process types and their fields, for those who administer the CRM and for everybody else."""

import json
from typing import Any

import httpx
import pytest
import respx

from bitrix24_mcp.crm.about.smart_processes import TYPES
from bitrix24_mcp.crm.errors import InvalidArguments, PermissionRefused, PortalUnavailable
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.portal_values import Condition, Operator, Record, Scalar, Sort
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal
from rest_doors import CRM_ADMIN, SELLER, rest_door, same, two_doors

PORTAL = "https://portal.example"
HOOK = "/rest/1/s3cr3t-c0de"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=PORTAL)]

Json = dict[str, Any]
ONLY_GATEWAY = {"isInitialized", "isRecurringEnabled"}
"""Switches that `crm.type.list` does not send."""
DENIED = httpx.Response(400, json={"error": "ACCESS_DENIED", "error_description": "Access denied"})


def without(rows: Any) -> list[Json]:
    return [{name: value for name, value in row.items() if name not in ONLY_GATEWAY} for row in same(rows)]


async def test_both_doors_list_the_same_types(portal: DemoPortal) -> None:
    """Flags are true or false, moments the same, an empty code is none."""
    async with two_doors(portal) as doors:
        types = await doors.rest.smart_processes()
        assert without(types) == without(await doors.gateway.smart_processes())
    assert [each["entityTypeId"] for each in types] == [156, 174, 1038]


@pytest.mark.parametrize("webhook", [CRM_ADMIN, SELLER])
async def test_everybody_knows_the_types(portal: DemoPortal, webhook: str) -> None:
    """An ordinary user reads them one by one, with the same switches."""
    async with rest_door(portal, webhook) as rest, rest_door(portal) as admin:
        assert await rest.smart_processes() == await admin.smart_processes()


@pytest.mark.parametrize(
    ("field", "operator", "value"),
    [
        ("isStagesEnabled", "eq", True),
        ("isCategoriesEnabled", "eq", False),
        ("title", "contains", "акуп"),
        ("title", "eq", "Contracts"),
        ("title", "ne", "Contracts"),
        ("entityTypeId", "gt", 156),
        ("entityTypeId", "in", (156, 1038)),
        ("id", "nin", (3,)),
        ("createdTime", "gte", "2022-01-01T00:00:00+03:00"),
        ("createdBy", "eq", 1),
    ],
)
async def test_types_are_chosen_alike(
    portal: DemoPortal, field: str, operator: Operator, value: Scalar | tuple[Scalar, ...]
) -> None:
    """REST gives all, the choice is made here."""
    async with two_doors(portal) as doors:
        chosen = (Condition(field, operator, value),)
        assert without(await doors.rest.smart_processes(chosen)) == without(await doors.gateway.smart_processes(chosen))


@pytest.mark.parametrize("sort", [(Sort("title"),), (Sort("createdTime", descending=True),), (Sort("id"),)])
async def test_types_are_ordered_alike(portal: DemoPortal, sort: tuple[Sort, ...]) -> None:
    """The list orders by the id alone."""
    async with two_doors(portal) as doors:
        assert without(await doors.rest.smart_processes((), sort)) == without(
            await doors.gateway.smart_processes((), sort)
        )


async def test_a_switch_that_rest_does_not_tell_is_no_condition(portal: DemoPortal) -> None:
    """Types without a word of it would pass for types that have it off."""
    async with rest_door(portal) as rest:
        with pytest.raises(InvalidArguments) as chosen:
            await rest.smart_processes((Condition("isRecurringEnabled", "eq", value=False),))
        with pytest.raises(InvalidArguments) as ordered:
            await rest.smart_processes((), (Sort("isRecurringEnabled"),))
    assert (chosen.value.code, ordered.value.code) == ("NOT_OVER_REST", "NOT_OVER_REST")


async def test_both_doors_describe_types_alike(portal: DemoPortal) -> None:
    async with two_doors(portal) as doors:
        gateway, rest = await doors.gateway.smart_process_fields(), await doors.rest.smart_process_fields()

    def told(described: Any) -> dict[str, Any]:
        fields = Fields(TYPES, described)
        return {
            each.name: (fields.kind(each.name), each.title, each.read_only)
            for each in fields
            if each.name not in ONLY_GATEWAY
        }

    assert told(rest) == told(gateway)


async def test_types_are_paged_and_ordered_by_the_small_id(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """The capital name would be refused; the pages behind the first share a request."""

    def rows(first: int, count: int) -> list[Json]:
        return [
            {"id": number, "entityTypeId": 1000 + 2 * number, "title": "x"} for number in range(first, first + count)
        ]

    first = respx_mock.post(f"{HOOK}/crm.type.list").respond(
        json={"result": {"types": rows(1, 50)}, "total": 120, "next": 50}
    )
    pages = {"c0": {"types": rows(51, 50)}, "c1": {"types": rows(101, 20)}}
    respx_mock.post(f"{HOOK}/batch").respond(json={"result": {"result": pages, "result_error": []}})

    assert len(await RestPortal(client).smart_processes()) == 120
    assert json.loads(first.calls.last.request.content) == {"order": {"id": "ASC"}}


def owner_types(*numbers: int) -> Json:
    named = [{"ID": number, "NAME": f"Process {number}", "SYMBOL_CODE": f"DYNAMIC_{number}"} for number in numbers]
    return {"result": [{"ID": 2, "NAME": "Deal", "SYMBOL_CODE": "DEAL", "SYMBOL_CODE_SHORT": "D"}, *named]}


def batch(results: Json, errors: Json) -> Json:
    return {"result": {"result": results or [], "result_error": errors or [], "result_total": [], "result_next": []}}


DENIED_CALL = {"error": "ACCESS_DENIED", "error_description": "Access denied"}
STAGES = [
    {"ID": "DEAL_STAGE", "NAME": "x", "ENTITY_TYPE_ID": 2},
    {"ID": "DYNAMIC_130_STAGE_1", "NAME": "x", "ENTITY_TYPE_ID": 130},
    {"ID": "DYNAMIC_132_STAGE_2", "NAME": "x", "ENTITY_TYPE_ID": "132"},
    {"ID": "DYNAMIC_132_STAGE_3", "NAME": "x", "ENTITY_TYPE_ID": "132"},
]


async def named(client: RestClient, respx_mock: respx.MockRouter) -> tuple[Record, ...]:
    respx_mock.post(f"{HOOK}/crm.type.list").mock(DENIED)
    respx_mock.post(f"{HOOK}/crm.enum.ownertype").respond(json=owner_types(128, 130, 132, 134))
    type_: Json = {"type": {"id": 9, "entityTypeId": 134, "title": "Readable", "isStagesEnabled": "N", "relations": {}}}
    errors = {f"c{place}": DENIED_CALL for place in range(3)}
    respx_mock.post(f"{HOOK}/batch").respond(json=batch({"c3": type_, "c4": STAGES}, errors))
    return await RestPortal(client).smart_processes()


async def test_of_types_that_may_not_be_read_nothing_is_made_up(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    """Their number and title are known, and the stages that the portal's list of directories proves."""
    assert await named(client, respx_mock) == (
        {"entityTypeId": 128, "title": "Process 128"},
        {"entityTypeId": 130, "title": "Process 130", "isStagesEnabled": True},
        {"entityTypeId": 132, "title": "Process 132", "isStagesEnabled": True, "isCategoriesEnabled": True},
        {"id": 9, "entityTypeId": 134, "title": "Readable", "isStagesEnabled": False},
    )


@pytest.mark.respx(assert_all_called=False)
async def test_types_that_may_not_be_read_are_not_chosen_by_what_is_not_known(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    await named(client, respx_mock)

    with pytest.raises(InvalidArguments) as caught:
        await RestPortal(client).smart_processes((Condition("isAutomationEnabled", "eq", value=True),))
    assert caught.value.code == "NOT_OVER_REST"


async def test_a_missing_scope_is_no_matter_of_rights(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """Nothing else would be allowed either."""
    refusal = {"error": "insufficient_scope", "error_description": "The request requires higher privileges"}
    respx_mock.post(f"{HOOK}/crm.type.list").respond(401, json=refusal)

    with pytest.raises(PermissionRefused) as caught:
        await RestPortal(client).smart_processes()
    assert caught.value.code == "INSUFFICIENT_SCOPE"


async def test_a_type_that_cannot_be_reached_is_no_unreadable_one(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post(f"{HOOK}/crm.type.list").mock(DENIED)
    respx_mock.post(f"{HOOK}/crm.enum.ownertype").respond(json=owner_types(128))
    fault = {"error": "OVERLOAD_LIMIT", "error_description": "REST API is blocked due to overload."}
    respx_mock.post(f"{HOOK}/batch").respond(json=batch({"c1": STAGES}, {"c0": fault}))

    with pytest.raises(PortalUnavailable):
        await RestPortal(client).smart_processes()


async def test_fields_of_types_that_may_not_be_read_are_those_that_all_have(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post(f"{HOOK}/crm.type.fields").mock(DENIED)

    fields = {each.name: each.type for each in await RestPortal(client).smart_process_fields()}
    assert (fields["entityTypeId"], fields["isStagesEnabled"], fields["createdBy"]) == ("integer", "boolean", "user")
