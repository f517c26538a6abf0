"""What the portal says of the key's requests is kept as it was last said, and grows old with the clock."""

from collections.abc import Mapping

import pytest
import respx

from bitrix24_mcp.crm.portal_values import RateLimits
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.vibecode.portal import GatewayPortal

GATEWAY = "https://gateway.example"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=GATEWAY)]

STATED: list[tuple[Mapping[str, str], RateLimits]] = [
    ({}, RateLimits()),
    ({"Limit": "300", "Remaining": "245", "Reset": "25"}, RateLimits(300, 245, 25)),
    ({"Remaining": "245", "Reset": "25"}, RateLimits(None, 245, 25)),
    ({"Limit": "many", "Remaining": "245", "Reset": "25"}, RateLimits(None, 245, 25)),
    ({"Limit": "300", "Remaining": "245"}, RateLimits()),
    ({"Limit": "300", "Remaining": "-1", "Reset": "soon"}, RateLimits()),
    ({"Limit": "300", "Remaining": "245", "Reset": "9" * 400}, RateLimits(300, 245, 86_400)),
]


@pytest.mark.parametrize(("headers", "limits"), STATED)
async def test_the_limits_are_those_of_the_latest_answer(
    headers: Mapping[str, str], limits: RateLimits, portal: GatewayPortal, respx_mock: respx.MockRouter
) -> None:
    sent = {f"X-RateLimit-{name}": value for name, value in headers.items()}
    respx_mock.get("/v1/me").respond(json={"success": True, "data": {}}, headers=sent)
    before = portal.limits()
    await portal.identity()

    assert (before, portal.limits()) == (RateLimits(), limits)


@pytest.mark.respx(base_url=GATEWAY, assert_all_called=False)
async def test_the_end_of_the_window_comes_nearer_and_never_lies_in_the_past(
    portal: GatewayPortal, budget: Budget
) -> None:
    await budget.learn(245, 25, 300)
    seconds: list[int | None] = []
    for pause in (10, 14.5, 30):
        await budget.clock.sleep(pause)
        seconds.append(portal.limits().resets_in)

    assert seconds == [15, 1, 0]
