"""The callback address answers 302, 400 or 500 as the contract says, and believes nobody without a state of ours."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import anyio
import httpx
import pytest
from starlette.applications import Starlette

from bitrix24_mcp.accounts.account import Account
from bitrix24_mcp.accounts.card import Card
from bitrix24_mcp.accounts.handover import Callback, Handover
from bitrix24_mcp.accounts.store import Accounts
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.oauth_callback import PATH, Outcome, callback_route
from connecting import CLIENT_SECRET, accepting_no, brought_back, exchanges

pytestmark = pytest.mark.anyio


@pytest.fixture
def handover(card: Card, accounts: Accounts) -> Handover:
    return Handover(replace(card, return_hosts=("app.example",)), accounts)


@pytest.fixture
def told() -> list[Outcome]:
    """What whoever waits for the browser hears."""
    return []


@pytest.fixture
def doubted() -> list[Outcome]:
    """What they hear of browsers that were not believed."""
    return []


@pytest.fixture
async def browser(handover: Handover, told: list[Outcome], doubted: list[Outcome]) -> AsyncGenerator[httpx.AsyncClient]:
    def tell(callback: Callback | None, outcome: Outcome) -> None:
        (told if callback else doubted).append(outcome)

    app = Starlette(routes=[callback_route(lambda: handover, tell=tell)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8765") as ready:
        yield ready


async def test_the_browser_is_sent_where_it_was_wanted(
    browser: httpx.AsyncClient, handover: Handover, host: str, accounts: Accounts, told: list[Outcome]
) -> None:
    query = brought_back(handover.link(host, "https://app.example/settings?tab=crm"))

    answer = await browser.get(PATH, params=query)

    assert (answer.status_code, answer.headers["Location"]) == (302, "https://app.example/settings?tab=crm")
    assert told == list(await accounts.all())


async def test_where_none_was_wanted_it_gets_a_page(
    browser: httpx.AsyncClient, handover: Handover, host: str, accounts: Accounts, told: list[Outcome]
) -> None:
    answer = await browser.get(PATH, params=brought_back(handover.link(host)))

    assert answer.status_code == 200
    assert f"{host} is connected." in answer.text
    assert told == list(await accounts.all())
    assert {name: answer.headers[name] for name in ("Cache-Control", "Referrer-Policy")} == {
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"state": "forged"},
        {"code": ""},
        {"domain": "evil.example"},
        {"server_domain": "evil.example"},
        {"member_id": ""},
    ],
)
async def test_what_is_not_believed_gets_400_and_ends_nothing(
    change: dict[str, str],
    browser: httpx.AsyncClient,
    handover: Handover,
    host: str,
    told: list[Outcome],
    doubted: list[Outcome],
) -> None:
    query = brought_back(handover.link(host))

    refused = await browser.get(PATH, params={**query, **change})
    accepted = await browser.get(PATH, params=query)

    assert (refused.status_code, accepted.status_code) == (400, 200)
    assert "[CALLBACK_REFUSED]" in refused.text
    assert "evil.example" not in refused.text
    assert (len(told), [getattr(outcome, "code", None) for outcome in doubted]) == (1, ["CALLBACK_REFUSED"])


async def test_a_server_that_is_not_trusted_is_said_with_the_setting_that_names_one(
    browser: httpx.AsyncClient, handover: Handover, host: str
) -> None:
    query = brought_back(handover.link(host))

    refused = await browser.get(PATH, params={**query, "server_domain": "oauth.own.example"})

    assert "BITRIX24_MCP_AUTHORIZATION_HOSTS" in refused.text


async def test_a_second_time_gets_400(browser: httpx.AsyncClient, handover: Handover, host: str) -> None:
    """Who reloads the page is told where to see that the first time was enough."""
    query = brought_back(handover.link(host))

    pages = [await browser.get(PATH, params=query) for _ in range(2)]

    assert [page.status_code for page in pages] == [200, 400]
    assert "`bitrix24-mcp accounts` shows" in pages[1].text


async def test_twenty_browsers_with_one_link_connect_it_once(
    browser: httpx.AsyncClient, handover: Handover, host: str, portal: DemoPortal
) -> None:
    query = brought_back(handover.link(host))
    statuses: list[int] = []

    async def one() -> None:
        statuses.append((await browser.get(PATH, params=query)).status_code)

    async with anyio.create_task_group() as browsers:
        for _ in range(20):
            browsers.start_soon(one)

    assert sorted(statuses) == [200] + [400] * 19
    assert exchanges(portal) == ["authorization_code"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch;prerender"},
        {"Sec-Purpose": "prefetch"},
        {"Purpose": "prefetch"},
        {"X-Moz": "prefetch"},
    ],
)
async def test_a_browser_that_only_loads_ahead_spends_nothing(
    headers: dict[str, str],
    browser: httpx.AsyncClient,
    handover: Handover,
    host: str,
    portal: DemoPortal,
    told: list[Outcome],
) -> None:
    query = brought_back(handover.link(host))

    ahead = await browser.get(PATH, params=query, headers=headers)

    assert (ahead.status_code, ahead.headers["Cache-Control"], exchanges(portal), told) == (503, "no-store", [], [])
    assert (await browser.get(PATH, params=query)).status_code == 200


async def test_a_huge_query_is_refused_like_any_other(
    browser: httpx.AsyncClient, handover: Handover, host: str, portal: DemoPortal
) -> None:
    query = brought_back(handover.link(host))
    huge = [{**query, name: "x" * 50_000} for name in ("state", "domain", "server_domain")]

    answers = [await browser.get(PATH, params=each) for each in huge]

    assert [answer.status_code for answer in answers] == [400] * 3
    assert exchanges(portal) == []


async def test_a_code_that_was_used_gets_400(
    browser: httpx.AsyncClient, handover: Handover, host: str, told: list[Outcome]
) -> None:
    used = brought_back(handover.link(host))
    await browser.get(PATH, params=used)
    told.clear()

    answer = await browser.get(PATH, params={**brought_back(handover.link(host)), "code": used["code"]})

    assert answer.status_code == 400
    assert "[INVALID_GRANT]" in answer.text
    assert [getattr(outcome, "code", None) for outcome in told] == ["INVALID_GRANT"]


async def test_what_fails_on_our_side_gets_500(
    browser: httpx.AsyncClient, handover: Handover, host: str, folder: Path, told: list[Outcome]
) -> None:
    query = brought_back(handover.link(host))

    with accepting_no(folder, "insert"):
        answer = await browser.get(PATH, params=query)

    assert answer.status_code == 500
    assert "[TOKENS_NOT_STORED]" in answer.text
    assert [getattr(outcome, "code", None) for outcome in told] == ["TOKENS_NOT_STORED"]


async def test_a_broken_store_gets_500(tmp_path: Path, card: Card, host: str, caplog: pytest.LogCaptureFixture) -> None:
    """Anybody may see the page, so what is wrong with which file stands in the log of the server only."""
    folder = tmp_path / "of-ann"
    query = brought_back(Handover(card, Accounts.open(folder)).link(host))
    (folder / "accounts.key").write_bytes(b"no key")
    app = Starlette(routes=[callback_route(lambda: Handover(card, Accounts.open(folder)))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8765") as browser:
        answer = await browser.get(PATH, params=query)

    assert answer.status_code == 500
    assert "[ACCOUNTS_UNUSABLE]" in answer.text
    assert "of-ann" not in answer.text
    assert f"{folder / 'accounts.key'} holds no key." in caplog.text


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS"])
async def test_only_a_browser_that_comes_spends_the_link(
    method: str, browser: httpx.AsyncClient, handover: Handover, host: str, portal: DemoPortal
) -> None:
    query = brought_back(handover.link(host))

    assert (await browser.request(method, PATH, params=query)).status_code == 405
    assert exchanges(portal) == []
    assert (await browser.get(PATH, params=query)).status_code == 200


async def test_no_page_shows_a_secret_or_runs_what_it_was_sent(
    browser: httpx.AsyncClient, handover: Handover, host: str, accounts: Accounts
) -> None:
    query = brought_back(handover.link(host))
    odd = {**query, "code": "<script>alert(1)</script>"}

    pages = [(await browser.get(PATH, params=each)).text for each in ({**query, "state": "<b>"}, odd)]
    pages.append((await browser.get(PATH, params=brought_back(handover.link(host)))).text)

    tokens = [word for account in await accounts.all() for word in await words_of(accounts, account)]
    assert [word for word in ("<script", "<b>", query["code"], CLIENT_SECRET, *tokens) if word in "".join(pages)] == []


async def words_of(accounts: Accounts, account: Account) -> tuple[str, str]:
    tokens = await accounts.tokens(account)
    return tokens.access, tokens.refresh
