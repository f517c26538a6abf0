"""A renamed portal is followed where it is surely the same one, and its secret goes nowhere else."""

import json

import httpx
import pytest
import respx

from bitrix24_mcp.crm.errors import KeyRefused
from bitrix24_mcp.pacing.bucket import Bucket
from bitrix24_mcp.rest.access.moving import new_origin
from bitrix24_mcp.rest.access.webhook import Webhook
from bitrix24_mcp.rest.calling.client import RestClient

PATH = "/rest/1/s3cr3t/profile"
pytestmark = pytest.mark.anyio

FOLLOWED = {
    ("https://old.bitrix24.ru", "https://new.bitrix24.ru"),
    ("https://old.bitrix24.ru", "https://new.bitrix24.com.br"),
    ("https://old.bitrix24.ru", "https://NEW.Bitrix24.eu"),
    ("https://crm.company.example", "https://portal.company.example"),
    ("https://company.example", "https://crm.company.example"),
    ("https://crm.company.co.uk", "https://b24.company.co.uk"),
    ("https://crm.company.example:8443", "https://portal.company.example:8443"),
    ("https://crm.company.example", "https://company.bitrix24.com"),
    ("http://127.0.0.1:8001", "http://127.0.0.1:8002"),
    ("http://127.0.0.1:8001", "http://localhost:8002"),
}
NOT_FOLLOWED = {
    ("https://old.bitrix24.ru", "https://new.example"),
    ("https://old.bitrix24.ru", "https://bitrix24.ru"),
    ("https://old.bitrix24.ru", "https://new.bitrix24.site"),
    ("https://old.bitrix24.ru", "https://new.bitrix24.ru.evil.example"),
    ("https://old.bitrix24.ru", "https://evil-bitrix24.ru"),
    ("https://old.bitrix24.ru", "https://a.b.bitrix24.ru"),
    ("https://old.bitrix24.ru", "http://new.bitrix24.ru"),
    ("https://old.bitrix24.ru", "https://new.bitrix24.ru:8443"),
    ("https://old.bitrix24.ru", "https://old.bitrix24.ru"),
    ("https://old.bitrix24.ru", "https://ann@new.bitrix24.ru"),
    ("https://old.bitrix24.ru", "http://127.0.0.1:8001"),
    ("https://crm.company.example", "https://crm.other.example"),
    ("https://crm.company.co.uk", "https://crm.other.co.uk"),
    ("https://crm.company.example", "http://portal.company.example"),
    ("https://10.0.0.1", "https://10.0.0.2"),
    ("https://portal", "https://other"),
    ("http://127.0.0.1:8001", "https://new.bitrix24.ru"),
    ("http://127.0.0.1:8001", "ftp://127.0.0.1:8002"),
    ("https://old.bitrix24.ru", "https://[new"),
    ("https://old.bitrix24.ru", "https://new.bitrix24.ru:x"),
}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize(("old", "new"), sorted(FOLLOWED))
def test_a_portal_is_followed_to_what_is_surely_its_own(status: int, old: str, new: str) -> None:
    assert new_origin(status, f"{old}{PATH}", f"{new}{PATH}") == new


@pytest.mark.parametrize(("old", "new"), sorted(NOT_FOLLOWED))
def test_a_portal_is_not_followed_to_what_may_be_somebody_elses(old: str, new: str) -> None:
    assert new_origin(302, f"{old}{PATH}", f"{new}{PATH}") == ""


@pytest.mark.parametrize(
    "location", ["", "/login/", "https://new.bitrix24.ru/login/", f"https://new.bitrix24.ru{PATH}?a=b"]
)
def test_a_redirect_to_another_page_is_no_move(location: str) -> None:
    assert new_origin(302, f"https://old.bitrix24.ru{PATH}", location) == ""


@pytest.mark.parametrize("status", [300, 303, 304])
def test_another_kind_of_redirect_is_no_move(status: int) -> None:
    assert new_origin(status, f"https://old.bitrix24.ru{PATH}", f"https://new.bitrix24.ru{PATH}") == ""


async def test_the_same_body_is_posted_to_the_new_host_which_is_remembered(
    budget: Bucket, respx_mock: respx.MockRouter
) -> None:
    first = respx_mock.post(f"https://old.bitrix24.ru{PATH}").respond(
        302, headers={"Location": f"https://new.bitrix24.ru{PATH}"}
    )
    second = respx_mock.post(f"https://new.bitrix24.ru{PATH}").respond(json={"result": 1})
    async with RestClient(Webhook("https://old.bitrix24.ru/rest/1/s3cr3t/"), budget=budget) as client:
        answers = [(await client.call("profile", {"a": 1})).result for _ in range(2)]

    assert (answers, first.call_count, second.call_count) == ([1, 1], 1, 2)
    assert json.loads(second.calls.last.request.content) == {"a": 1}
    assert budget.spent == 3


async def test_a_token_follows_its_portal(application: RestClient, respx_mock: respx.MockRouter) -> None:
    respx_mock.post("https://portal.example/rest/x").respond(
        308, headers={"Location": "https://crm.portal.example/rest/x"}
    )
    route = respx_mock.post("https://crm.portal.example/rest/x").respond(json={"result": 1})

    assert (await application.call("x")).result == 1
    assert json.loads(route.calls.last.request.content) == {"auth": "t0ken-1"}


@pytest.mark.parametrize(
    ("location", "status"),
    [("https://evil.example/rest/1/s3cr3t/profile", 307), ("https://old.bitrix24.ru/auth/", 302), ("", 304)],
)
async def test_another_address_gets_nothing_and_the_operator_is_told_what_to_set(
    location: str, status: int, budget: Bucket, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post(f"https://old.bitrix24.ru{PATH}").respond(status, headers={"Location": location})
    async with RestClient(Webhook("https://old.bitrix24.ru/rest/1/s3cr3t/"), budget=budget) as client:
        with pytest.raises(KeyRefused, match=r"BITRIX24_WEBHOOK_URL\. \[PORTAL_MOVED\]$") as refused:
            await client.call("profile")

    assert route.call_count == 1
    assert "s3cr3t" not in str(refused.value)


async def test_portals_that_redirect_to_each_other_are_left(budget: Bucket, respx_mock: respx.MockRouter) -> None:
    hosts = ("https://a.bitrix24.ru", "https://b.bitrix24.ru")
    routes = [
        respx_mock.post(f"{here}{PATH}").mock(return_value=httpx.Response(302, headers={"Location": f"{there}{PATH}"}))
        for here, there in (hosts, hosts[::-1])
    ]
    async with RestClient(Webhook("https://a.bitrix24.ru/rest/1/s3cr3t/"), budget=budget) as client:
        with pytest.raises(KeyRefused):
            await client.call("profile")

    assert [route.call_count for route in routes] == [2, 1]
