"""A portal is handed over only by what answers a link of ours; everything forged, old or repeated is refused.

Over real HTTP with the demo portal, which is its own authorisation server.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import respx

from bitrix24_mcp.accounts.account import Account
from bitrix24_mcp.accounts.card import Card
from bitrix24_mcp.accounts.handover import Handover
from bitrix24_mcp.accounts.store import Accounts
from bitrix24_mcp.crm.errors import InvalidArguments, KeyRefused, PortalError, PortalUnavailable, UnexpectedAnswer
from bitrix24_mcp.demo import DemoPortal
from connecting import CLIENT_ID, MEMBER, Moment, accepting_no, brought_back, exchanges, hand_over

pytestmark = pytest.mark.anyio

TOKENS = {"access_token": "new-access", "refresh_token": "new-refresh", "scope": "crm"}


@pytest.fixture
def handover(card: Card, accounts: Accounts) -> Handover:
    return Handover(card, accounts)


@pytest.fixture
def query(handover: Handover, host: str) -> dict[str, str]:
    """What an honest browser brings back."""
    return brought_back(handover.link(host))


async def refusal(handover: Handover, query: Mapping[str, str]) -> str:
    """Why a callback is not believed."""
    with pytest.raises(InvalidArguments) as refused:
        await handover.believed(query)
    assert refused.value.code == "CALLBACK_REFUSED"
    return refused.value.message


async def test_a_portal_is_connected(
    handover: Handover, query: dict[str, str], accounts: Accounts, host: str, portal: DemoPortal, moment: Moment
) -> None:
    account = await handover.follow_up(await handover.believed(query))

    assert replace(account, scopes=()) == Account(
        id=1,
        member_id=MEMBER,
        portal=host,
        user_id=1,
        client_endpoint=f"http://{host}/rest/",
        authorization_host=host,
        scopes=(),
        created_at=moment.now,
        deleted=False,
        stale=False,
    )
    assert {"crm", "user", "bizproc"} < set(account.scopes)
    assert await accounts.all() == (account,)
    assert exchanges(portal) == ["authorization_code"]


def test_the_link_leads_to_the_portal_and_says_nothing_else(handover: Handover) -> None:
    link = httpx.URL(handover.link("https://Example.bitrix24.ru/stream/"))

    assert (link.scheme, link.host, link.path) == ("https", "example.bitrix24.ru", "/oauth/authorize/")
    assert set(link.params) == {"client_id", "state"}
    assert link.params["client_id"] == CLIENT_ID


@pytest.mark.parametrize("written", ["", "ftp://portal.example", "https://me:word@portal.example", "two words"])
def test_what_is_no_portal_gets_no_link(written: str, handover: Handover) -> None:
    with pytest.raises(InvalidArguments, match="INVALID_VALUE"):
        handover.link(written)


@pytest.mark.parametrize("missing", ["code", "domain", "state", "member_id", "server_domain"])
@pytest.mark.parametrize("empty", [True, False])
async def test_every_field_is_needed_but_the_scope(
    missing: str,
    empty: bool,  # noqa: FBT001 - a row
    handover: Handover,
    query: dict[str, str],
    portal: DemoPortal,
) -> None:
    without = {name: value for name, value in query.items() if name not in {"scope", missing}}

    assert await refusal(handover, {**without, missing: ""} if empty else without) == f"The address lacks {missing}."
    await handover.believed({**without, missing: query[missing]})
    assert exchanges(portal) == []


async def test_a_forged_state_is_refused(handover: Handover, query: dict[str, str], portal: DemoPortal) -> None:
    forged = [query["state"][:-1] + ("A" if query["state"][-1] != "A" else "Q"), "AAAA", query["state"] * 2]

    assert [await refusal(handover, {**query, "state": state}) for state in forged] == [
        "The state is not one that this program gave out."
    ] * 3
    assert exchanges(portal) == []


async def test_a_state_of_another_installation_is_refused(
    card: Card, accounts: Accounts, host: str, tmp_path_factory: pytest.TempPathFactory, moment: Moment
) -> None:
    elsewhere = Accounts.open(tmp_path_factory.mktemp("elsewhere") / "data", now=moment)
    query = brought_back(Handover(card, elsewhere).link(host))

    assert "not one that this program gave out" in await refusal(Handover(card, accounts), query)


async def test_a_state_that_is_too_old_is_refused(
    handover: Handover, query: dict[str, str], moment: Moment, portal: DemoPortal
) -> None:
    moment.passes(minutes=10)

    assert await refusal(handover, query) == "The link is too old; it is good for ten minutes."
    assert exchanges(portal) == []


async def test_a_state_is_good_once(handover: Handover, query: dict[str, str], portal: DemoPortal) -> None:
    await handover.follow_up(await handover.believed(query))

    assert await refusal(handover, query) == "The link was used before."
    assert exchanges(portal) == ["authorization_code"]


async def test_a_state_that_failed_is_spent_as_well(handover: Handover, query: dict[str, str]) -> None:
    with pytest.raises(InvalidArguments, match="INVALID_GRANT"):
        await handover.follow_up(await handover.believed({**query, "code": "wrong"}))

    assert await refusal(handover, query) == "The link was used before."


async def test_a_code_is_good_once(handover: Handover, query: dict[str, str], host: str, accounts: Accounts) -> None:
    """Brought back a second time under a fresh state of ours."""
    await handover.follow_up(await handover.believed(query))
    fresh = brought_back(handover.link(host))

    with pytest.raises(InvalidArguments) as refused:
        await handover.follow_up(await handover.believed({**fresh, "code": query["code"]}))

    assert refused.value.code == "INVALID_GRANT"
    assert [account.stale for account in await accounts.all()] == [False]


@pytest.mark.parametrize(
    "domain", ["evil.example", "127.0.0.1:1", "https://evil.example/", "@", "127.0.0.1.evil.example"]
)
async def test_a_forged_domain_is_refused(
    domain: str, handover: Handover, query: dict[str, str], portal: DemoPortal
) -> None:
    said = await refusal(handover, {**query, "domain": domain})

    assert said == "Another portal answered than the one the link was made for."
    assert exchanges(portal) == []


@respx.mock
@pytest.mark.parametrize(
    "server", ["evil.example", "oauth.bitrix.info.evil.example", "oauth.bitrix.info@evil.example", "127.0.0.1:1", "/"]
)
async def test_a_forged_authorisation_server_gets_no_secret(
    server: str, handover: Handover, accounts: Accounts
) -> None:
    link = httpx.URL(handover.link("portal.example"))
    forged = {
        "code": "code",
        "domain": "portal.example",
        "state": link.params["state"],
        "member_id": MEMBER,
        "server_domain": server,
    }

    said = await refusal(handover, forged)

    assert said == "The authorisation server that is named is not one of the trusted ones."
    assert not respx.calls
    assert await accounts.all() == ()


@respx.mock
@pytest.mark.parametrize(
    "granted",
    [
        {"member_id": "another", "client_endpoint": "https://portal.example/rest/"},
        {"member_id": MEMBER, "client_endpoint": "https://evil.example/rest/"},
        {"member_id": MEMBER, "client_endpoint": "http://portal.example/rest/"},
        {"member_id": MEMBER, "client_endpoint": "https://portal.example@evil.example/rest/"},
        {"member_id": MEMBER, "client_endpoint": "http://127.0.0.1:22/rest/"},
    ],
)
async def test_tokens_of_another_portal_are_not_kept(
    granted: dict[str, str], handover: Handover, accounts: Accounts
) -> None:
    respx.get("https://oauth.bitrix.info/oauth/token/").mock(httpx.Response(200, json={**TOKENS, **granted}))
    link = httpx.URL(handover.link("portal.example"))
    query = {
        "code": "code",
        "domain": "portal.example",
        "state": link.params["state"],
        "member_id": MEMBER,
        "server_domain": "oauth.bitrix.info",
    }

    with pytest.raises(UnexpectedAnswer) as refused:
        await handover.follow_up(await handover.believed(query))

    assert refused.value.code == "OTHER_PORTAL"
    assert await accounts.all() == ()


@respx.mock
@pytest.mark.parametrize("server", ["oauth.bitrix.info", "oauth.bitrix24.tech"])
async def test_bitrix24s_own_servers_need_no_setting(server: str, accounts: Accounts) -> None:
    granted = {**TOKENS, "member_id": MEMBER, "client_endpoint": "https://portal.example/rest/"}
    respx.get(f"https://{server}/oauth/token/").mock(httpx.Response(200, json=granted))
    respx.post("https://portal.example/rest/profile").mock(httpx.Response(200, json={"result": {"ID": "1"}}))
    handover = Handover(Card(CLIENT_ID, "secret"), accounts)
    state = httpx.URL(handover.link("portal.example")).params["state"]
    query = {"code": "c", "domain": "portal.example", "state": state, "member_id": MEMBER, "server_domain": server}

    account = await handover.follow_up(await handover.believed(query))

    assert (account.portal, account.authorization_host) == ("portal.example", server)


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/settings"])
def test_no_link_sends_a_browser_elsewhere(address: str, handover: Handover, host: str) -> None:
    with pytest.raises(InvalidArguments, match="BITRIX24_MCP_RETURN_HOSTS"):
        handover.link(host, address)


async def test_a_host_that_is_no_longer_allowed_gets_no_browser(card: Card, accounts: Accounts, host: str) -> None:
    allowing = Handover(replace(card, return_hosts=("app.example",)), accounts)
    query = brought_back(allowing.link(host, "https://app.example/"))

    with pytest.raises(InvalidArguments, match="BITRIX24_MCP_RETURN_HOSTS"):
        await Handover(card, accounts).believed(query)


async def test_tokens_that_cannot_be_stored_are_said_to_be_lost(
    handover: Handover, query: dict[str, str], accounts: Accounts, folder: Path
) -> None:
    callback = await handover.believed(query)

    with accepting_no(folder, "insert"), pytest.raises(PortalUnavailable) as failed:
        await handover.follow_up(callback)

    assert failed.value.code == "TOKENS_NOT_STORED"
    assert await accounts.all() == ()


async def test_a_wrong_secret_is_told_apart_from_an_unknown_application(
    accounts: Accounts, host: str, query: dict[str, str], handover: Handover
) -> None:
    wrong: list[PortalError] = []
    for card in (Card(CLIENT_ID, "wrong", (host,)), Card("local.other", "wrong", (host,))):
        fresh = brought_back(handover.link(host))
        with pytest.raises(KeyRefused) as refused:
            await Handover(card, accounts).follow_up(await handover.believed(fresh))
        wrong.append(refused.value)

    assert [error.code for error in wrong] == ["INVALID_CLIENT", "WRONG_CLIENT"]
    assert all("BITRIX24_CLIENT_ID" in error.advice for error in wrong)
    assert query


async def test_a_stale_account_is_good_again_after_connecting(card: Card, accounts: Accounts, host: str) -> None:
    account = await hand_over(card, accounts, host)
    async with accounts.held(account) as held:
        await held.give_up()
    assert (await accounts.account(host)).stale

    assert await hand_over(card, accounts, host) == account
