"""Whose eyes: the portal's host, the scopes, the user, the zone, and what REST does not say."""

from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest
import respx

from bitrix24_mcp.crm.errors import PermissionRefused, PortalError, UnexpectedAnswer
from bitrix24_mcp.crm.portal_values import Identity, RateLimits
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal
from rest_doors import CRM_ADMIN, SELLER, methods_asked, rest_door, two_doors

PORTAL = "https://portal.example"
HOOK = "/rest/1/s3cr3t-c0de"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=PORTAL)]

ANN = {"ID": "1", "ADMIN": True, "NAME": "Ann", "LAST_NAME": "Lee", "PERSONAL_GENDER": "", "TIME_ZONE": ""}


def batch(results: dict[str, Any], errors: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"result": {"result": results, "result_error": errors or [], "result_total": [], "result_next": []}}


async def test_user_and_scopes_take_one_request(own_portal: DemoPortal) -> None:
    async with rest_door(own_portal) as rest:
        whose = await rest.identity()

    assert methods_asked(own_portal) == ["batch"]
    assert replace(whose, scopes=()) == Identity(
        portal=own_portal.url.removeprefix("http://"),
        scopes=(),
        access_mode="",
        user_id=1,
        key_type="webhook",
        per_second=2,
        admin=True,
    )


async def test_the_gateway_tells_of_the_same_user_and_portal_scopes(portal: DemoPortal) -> None:
    """Each door has scopes that only it needs."""
    async with two_doors(portal) as doors:
        gateway, rest = await doors.gateway.identity(), await doors.rest.identity()

    assert rest.user_id == gateway.user_id
    assert set(gateway.scopes) - set(rest.scopes) == {"vibe:ai"}
    assert set(rest.scopes) - set(gateway.scopes) == {"user.userfield", "userfieldconfig"}


@pytest.mark.parametrize(("webhook", "user", "scopes"), [(SELLER, 57, {"crm", "user_brief"}), (CRM_ADMIN, 2, None)])
async def test_a_user_who_administers_less_than_the_portal_is_no_administrator(
    portal: DemoPortal, webhook: str, user: int, scopes: set[str] | None
) -> None:
    async with rest_door(portal, webhook) as rest:
        whose = await rest.identity()

    assert (whose.user_id, whose.admin) == (user, False)
    assert scopes is None or set(whose.scopes) == scopes


async def test_an_account_is_told_from_a_webhook(application: RestClient, respx_mock: respx.MockRouter) -> None:
    respx_mock.post("/rest/batch").respond(json=batch({"c0": ANN, "c1": ["crm"]}))

    assert await RestPortal(application).identity() == Identity(
        "portal.example", ("crm",), "", 1, "oauth", per_second=2, admin=True
    )


async def test_an_inactive_user_is_nobody(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """The profile of a dismissed user is an empty map, which PHP prints as a list."""
    respx_mock.post(f"{HOOK}/batch").respond(json=batch({"c0": [], "c1": ["crm"]}))

    assert await RestPortal(client).identity() == Identity(
        "portal.example", ("crm",), "", None, "webhook", per_second=2, admin=None
    )


@pytest.mark.parametrize("scopes", [{"crm": True}, None, "crm"])
async def test_scopes_in_another_form_are_an_error(
    client: RestClient, respx_mock: respx.MockRouter, scopes: Any
) -> None:
    respx_mock.post(f"{HOOK}/batch").respond(json=batch({"c0": ANN, "c1": scopes}))

    with pytest.raises(UnexpectedAnswer):
        await RestPortal(client).identity()


async def test_both_doors_know_the_users_zone(portal: DemoPortal) -> None:
    async with two_doors(portal) as doors:
        assert await doors.rest.time_zone() == await doors.gateway.time_zone() == "Europe/Moscow"


async def test_a_zone_that_the_profile_does_not_name_is_the_users(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post(f"{HOOK}/profile").respond(json={"result": ANN})
    respx_mock.post(f"{HOOK}/user.current").respond(json={"result": {"ID": "1", "TIME_ZONE": "Europe/Riga"}})

    assert await RestPortal(client).time_zone() == "Europe/Riga"


async def test_a_zone_is_refused_where_only_the_user_would_name_it(
    client: RestClient, respx_mock: respx.MockRouter
) -> None:
    """Whoever asks goes on with the portal's offset."""
    respx_mock.post(f"{HOOK}/profile").respond(json={"result": ANN})
    respx_mock.post(f"{HOOK}/user.current").respond(401, json={"error": "insufficient_scope", "error_description": "x"})

    with pytest.raises(PermissionRefused) as caught:
        await RestPortal(client).time_zone()
    assert caught.value.code == "INSUFFICIENT_SCOPE"


async def test_the_portals_offset_is_that_of_its_answers(portal: DemoPortal) -> None:
    async with two_doors(portal) as doors:
        assert await doors.rest.offset() is None
        await doors.rest.identity()
        assert await doors.rest.offset() == await doors.gateway.offset() == timezone(timedelta(hours=3))


async def test_nothing_is_said_of_what_is_left_of_the_requests(portal: DemoPortal) -> None:
    async with rest_door(portal) as rest:
        await rest.identity()
        assert rest.limits() == RateLimits()


async def test_an_expired_webhook_is_an_error_for_every_question(portal: DemoPortal) -> None:
    async with rest_door(portal, "1/demo-expired") as rest:
        for question in (rest.identity(), rest.time_zone(), rest.people(), rest.statuses(None), rest.currencies()):
            with pytest.raises(PortalError) as caught:
                await question
            assert caught.value.code == "INVALID_CREDENTIALS"
