"""The callback address answers 302, 400 or 500 as the contract says, and believes nobody without a state of ours."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from bitrix24_mcp.accounts.account import Account
from bitrix24_mcp.accounts.card import Card
from bitrix24_mcp.accounts.handover import Handover
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
async def browser(handover: Handover, told: list[Outcome]) -> AsyncGenerator[httpx.AsyncClient]:
    app = Starlette(routes=[callback_route(lambda: handover, tell=told.append)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8765") as ready:
        yield ready


async def test_the_browser_is_sent_where_it_was_wanted(
    browser: httpx.AsyncClient, handover: Handover, host: str, accounts: Accounts, told: list[Outcome]
) -> None:
    query = brought_back(handover.link(host, "https://app.example/settings?tab=crm"))

    answer = await browser.get(PATH, params=query)

    assert (answer.status_code, answer.headers["Location"]) == (302, "https://app.example/settings?tab=crm")
    assert told == list(accounts.all())


async def test_where_none_was_wanted_it_gets_a_page(
    browser: httpx.AsyncClient, handover: Handover, host: str, accounts: Accounts, told: list[Outcome]
) -> None:
    answer = await browser.get(PATH, params=brought_back(handover.link(host)))

    assert answer.status_code == 200
    assert f"{host} is connected." in answer.text
    assert told == list(accounts.all())
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
    change: dict[str, str], browser: httpx.AsyncClient, handover: Handover, host: str, told: list[Outcome]
) -> None:
    query = brought_back(handover.link(host))

    refused = await browser.get(PATH, params={**query, **change})
    accepted = await browser.get(PATH, params=query)

    assert (refused.status_code, accepted.status_code) == (400, 200)
    assert "[CALLBACK_REFUSED]" in refused.text
    assert "evil.example" not in refused.text
    assert len(told) == 1


async def test_a_second_time_gets_400(browser: httpx.AsyncClient, handover: Handover, host: str) -> None:
    query = brought_back(handover.link(host))

    assert [(await browser.get(PATH, params=query)).status_code for _ in range(2)] == [200, 400]


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


async def test_a_broken_store_gets_500(tmp_path: Path, card: Card, host: str) -> None:
    """What the page says of it is text, whatever the folder is called."""
    folder = tmp_path / "<b>"
    query = brought_back(Handover(card, Accounts.open(folder)).link(host))
    (folder / "accounts.key").write_bytes(b"no key")
    app = Starlette(routes=[callback_route(lambda: Handover(card, Accounts.open(folder)))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8765") as browser:
        answer = await browser.get(PATH, params=query)

    assert answer.status_code == 500
    assert "[ACCOUNTS_UNUSABLE]" in answer.text
    assert "&lt;b&gt;" in answer.text


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

    tokens = [word for account in accounts.all() for word in words_of(accounts, account)]
    assert [word for word in ("<script", "<b>", query["code"], CLIENT_SECRET, *tokens) if word in "".join(pages)] == []


def words_of(accounts: Accounts, account: Account) -> tuple[str, str]:
    tokens = accounts.tokens(account)
    return tokens.access, tokens.refresh
