"""An answer that lacks something, or that has another form, is an error of the CRM and never a smaller answer."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import respx

from bitrix24_mcp.crm.catalogue.entity import smart_process
from bitrix24_mcp.crm.catalogue.sales import DEALS
from bitrix24_mcp.crm.errors import UnexpectedAnswer
from bitrix24_mcp.crm.portal_values import RecordQuery
from bitrix24_mcp.vibecode.portal import GatewayPortal

pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url="https://gateway.example")]

CONTRACTS = smart_process(174, "Contracts", stages=True, funnels=True)
TWO_DEALS = RecordQuery(DEALS, limit=2)
STATUS = {"entityId": "DEAL_STAGE", "statusId": "NEW", "name": "New", "sort": 10}
Ask = Callable[[GatewayPortal], Awaitable[Any]]


def data(value: Any, **rest: Any) -> dict[str, Any]:
    return {"success": True, "data": value, **rest}


INCOMPLETE: dict[str, tuple[Ask, dict[str, Any]]] = {
    "truncated page": (lambda portal: portal.search(TWO_DEALS), data([{"id": 1}], meta={"truncated": True})),
    "failed window": (lambda portal: portal.search(TWO_DEALS), data([{"id": 1}], meta={"windowErrors": 1})),
    "too many rows": (lambda portal: portal.search(TWO_DEALS), data([{"id": each} for each in (1, 2, 3)])),
    "directory": (lambda portal: portal.statuses("DEAL_STAGE"), data([STATUS], meta={"total": 2})),
    "currencies": (lambda portal: portal.currencies(), data([{"id": "RUB"}], total=2)),
    "templates": (lambda portal: portal.workflow_templates(), data([{"id": 1}], meta={"total": 5_001})),
    "smart processes": (lambda portal: portal.smart_processes(), data([{"entityTypeId": 174}], meta={"total": 2})),
    "funnels": (lambda portal: portal.funnels(CONTRACTS), data([{"id": 1, "name": "A"}], meta={"total": 2})),
    "funnels of deals": (lambda portal: portal.funnels(DEALS), data([{"id": 0, "name": "A"}], meta={"total": 2})),
}


@pytest.mark.parametrize(("ask", "received"), INCOMPLETE.values(), ids=INCOMPLETE)
async def test_an_answer_with_something_left_out_is_an_error(
    ask: Ask, received: dict[str, Any], portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    respx_mock.route().respond(json=received)
    with pytest.raises(UnexpectedAnswer) as failed:
        await ask(portal)

    assert failed.value.code == "UNEXPECTED_ANSWER"


COUNTED = {"count": 1, "meta": {"totalRecords": 1, "recordsProcessed": 1}}
STRANGE: dict[str, tuple[Ask, Any]] = {
    "status without a directory": (lambda portal: portal.statuses(None), [{"statusId": "NEW", "name": "New"}]),
    "status with an odd order": (lambda portal: portal.statuses("DEAL_STAGE"), [{**STATUS, "sort": "a"}]),
    "funnel without an id": (lambda portal: portal.funnels(CONTRACTS), [{"name": "General"}]),
    "deal funnel without an id": (lambda portal: portal.funnels(DEALS), [{"ID": 1, "NAME": "General"}]),
    "user without an id": (lambda portal: portal.users([7]), [{"ID": "7", "NAME": "Ann"}]),
    "user with an odd id": (lambda portal: portal.users([7]), [{"id": None, "name": "Ann"}]),
    "currency without a code": (lambda portal: portal.currencies(), [{"base": "Y"}]),
    "template without an id": (lambda portal: portal.workflow_templates(), [{"name": "Approval"}]),
    "portal that is a list": (lambda portal: portal.identity(), []),
    "scopes that are a number": (lambda portal: portal.identity(), {"scopes": 5}),
    "fields that are a list": (lambda portal: portal.fields(DEALS), []),
    "figures without meta": (lambda portal: portal.count(DEALS, ()), {"count": 1}),
    "figures without a total": (lambda portal: portal.count(DEALS, ()), {"count": 1, "meta": {}}),
    "figures with an odd total": (lambda portal: portal.count(DEALS, ()), {"meta": {"totalRecords": "many"}}),
    "figures with meta in a list": (lambda portal: portal.count(DEALS, ()), {"count": 1, "meta": [1]}),
    "groups left out": (lambda portal: portal.group_counts(DEALS, (), ["stageId"]), COUNTED),
    "groups in an object": (
        lambda portal: portal.group_counts(DEALS, (), ["stageId"]),
        {**COUNTED, "groups": {"NEW": 1}},
    ),
    "group without its key": (
        lambda portal: portal.group_counts(DEALS, (), ["stageId"]),
        {**COUNTED, "groups": [{"count": 1}]},
    ),
    "group without its count": (
        lambda portal: portal.group_counts(DEALS, (), ["stageId"]),
        {**COUNTED, "groups": [{"stageId": "NEW"}]},
    ),
    "group that is a text": (
        lambda portal: portal.group_counts(DEALS, (), ["stageId"]),
        {**COUNTED, "groups": ["NEW"]},
    ),
}


@pytest.mark.parametrize(("ask", "received"), STRANGE.values(), ids=STRANGE)
async def test_an_answer_of_another_form_is_an_error_of_the_crm(
    ask: Ask, received: Any, portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    respx_mock.route().respond(json=data(received))
    with pytest.raises(UnexpectedAnswer) as failed:
        await ask(portal)

    assert failed.value.code == "UNEXPECTED_ANSWER"
