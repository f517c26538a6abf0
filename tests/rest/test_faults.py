"""Whatever goes wrong at a real server: one clear error, the webhook in none of it, and the next answer is right."""

import logging
from collections.abc import AsyncGenerator
from typing import get_args

import pytest

from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.demo.faults import FaultKind
from bitrix24_mcp.pacing.bucket import Bucket
from bitrix24_mcp.rest.access.webhook import Webhook
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.envelope import Answer
from lasting_faults import REST, Lasting

pytestmark = pytest.mark.anyio
CODE = "demo-admin"
ASK = RestCall("crm.item.list", {"entityTypeId": 2, "order": {"id": "ASC"}, "select": ["id"]})
NEXT = RestCall("crm.item.list", {**ASK.params, "filter": {">id": "$result[c0][items][49][id]"}})


@pytest.fixture
async def webhook(own_portal: DemoPortal, budget: Bucket) -> AsyncGenerator[RestClient]:
    """The administrator's webhook, in a time that passes only when somebody waits."""
    address = Webhook(f"{own_portal.url}/rest/1/{CODE}/")
    async with RestClient(address, budget=budget, patience=0.2) as client:
        yield client


@pytest.mark.parametrize("fault", REST, ids=lambda fault: fault.kind)
async def test_a_lasting_fault_is_an_error_and_the_next_call_works(
    fault: Lasting, own_portal: DemoPortal, webhook: RestClient
) -> None:
    expected = await webhook.call("scope")
    before = webhook.budget.spent

    own_portal.inject(Fault(kind=fault.kind, times=None, seconds=0.4))
    with pytest.raises(PortalError) as failed:
        await webhook.call(ASK.method, ASK.params)
    own_portal.clear_faults()

    assert (failed.value.code, webhook.budget.spent - before) == (fault.code, fault.asked)
    assert await webhook.call("scope") == expected


@pytest.mark.parametrize("kind", ["rate_limit", "server_error", "drop", "broken_json", "html", "empty", "html_502"])
async def test_a_passing_fault_is_not_noticed(kind: FaultKind, own_portal: DemoPortal, webhook: RestClient) -> None:
    expected = await outcomes(webhook)
    for after in range(3):
        own_portal.inject(Fault(kind=kind, after=after))

    assert await outcomes(webhook) == expected


async def test_a_portal_that_has_moved_is_followed(own_portal: DemoPortal, webhook: RestClient) -> None:
    with DemoPortal.start(deals=10, limits=False) as other:
        own_portal.inject(Fault(kind="redirect", times=None, location=other.url))
        totals = [(await webhook.call(ASK.method, ASK.params)).total for _ in range(2)]

        assert totals == [10, 10]
        assert [len(portal.requests) for portal in (own_portal, other)] == [1, 2]


async def outcomes(client: RestClient) -> list[Answer | PortalError]:
    """What a call, a batch and a chain bring, errors in their places."""
    found: list[Answer | PortalError] = []
    for calls, chained in (([ASK], False), ([ASK, RestCall("scope")], False), ([ASK, NEXT], True)):
        try:
            found += await client.batch(calls, chained=chained)
        except PortalError as error:
            found.append(error)
    return found


@pytest.mark.parametrize("kind", get_args(FaultKind))
async def test_no_fault_brings_the_webhook_to_light(
    kind: FaultKind, own_portal: DemoPortal, webhook: RestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    own_portal.inject(Fault(kind=kind, times=None, seconds=0.4))
    found = await outcomes(webhook)

    errors = [error for error in found if isinstance(error, PortalError)]
    said = f"{errors} {[str(error) for error in errors]} {[vars(error) for error in errors]} {webhook!r}"
    assert CODE not in f"{said} {[error.__context__ for error in errors]} {caplog.text}"
