"""People who sign in at an authorization server are served their portals by the installed command, each apart."""

import socket
import subprocess
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import anyio
import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from assistants import DEALS, sql_over
from bitrix24_mcp.accounts.store import Accounts
from bitrix24_mcp.demo import DemoPortal
from callers.authorization_server import AuthorizationServer
from callers.shared_server import CallingClient, as_holder, calling
from connecting import card_for, environment, hand_over, host_of_portal
from installed import COMMAND

pytestmark = pytest.mark.anyio

CHANGE = {"entity": "deals", "action": "update", "items": [{"id": 5, "amount": 3}]}
BACK = "http://127.0.0.1:9/back"
"""Where a browser would be sent back to; nobody listens."""


@dataclass(frozen=True)
class Team:
    """A server, and who signs in to it."""

    url: str
    people: Path
    log: Path
    issuer: AuthorizationServer

    def list(self, *lines: str) -> None:
        """Lets the operator's file hold these lines."""
        self.people.write_text("\n".join(lines))

    def token(self, subject: str, scope: str = "crm") -> str:
        return self.issuer.token(self.url, sub=subject, scope=scope)

    @asynccontextmanager
    async def calling(self, subject: str) -> AsyncGenerator[CallingClient]:
        async with calling(self.url, as_holder(self.token(subject))) as client:
            yield client


@contextmanager
def serving(issuer: AuthorizationServer, folder: Path, *options: str, **env: str) -> Generator[Team]:
    """The command on a port that is known before, since the tokens must name it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    team = Team(f"http://127.0.0.1:{port}/mcp", folder / "people", folder / "log", issuer)
    team.list()
    settings = {
        **environment(folder / "data"),
        "BITRIX24_MCP_AUTH": "oauth",
        "BITRIX24_MCP_PUBLIC_URL": team.url,
        "BITRIX24_MCP_OAUTH_ISSUER": issuer.issuer,
        "BITRIX24_MCP_OAUTH_SCOPE": "crm",
        "BITRIX24_MCP_PEOPLE": str(team.people),
        "BITRIX24_MCP_ALLOW_WRITES": "true",
        "BITRIX24_MCP_LOG_LEVEL": "DEBUG",
        **env,
    }
    arguments = [COMMAND, "serve", "--transport", "http", "--port", str(port), *options]
    with team.log.open("wb") as log, subprocess.Popen(arguments, env=settings, stderr=log) as server:
        try:
            while b"Serving MCP at" not in team.log.read_bytes():
                assert server.poll() is None, team.log.read_text()
                time.sleep(0.02)
            yield team
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def portal() -> Generator[DemoPortal]:
    """A portal of this module's own."""
    with DemoPortal.start(deals=DEALS, limits=False) as started:
        yield started


@pytest.fixture(scope="module")
def connected(portal: DemoPortal, tmp_path_factory: pytest.TempPathFactory) -> Generator[Team]:
    """One server for all, in front of the portal, which was connected as `bitrix24-mcp connect` does it."""
    folder, host = tmp_path_factory.mktemp("served"), host_of_portal(portal)
    anyio.run(hand_over, card_for(host), Accounts.open(folder / "data"), host)
    with (
        AuthorizationServer().running() as issuer,
        serving(issuer, folder, BITRIX24_MCP_AUTHORIZATION_HOSTS=host) as team,
    ):
        yield team


@pytest.fixture
def team(connected: Team, portal: DemoPortal) -> Team:
    """Anna and Boris are served the portal, Clara one that is not connected."""
    host = host_of_portal(portal)
    connected.list(f"anna {host}", f"boris {host}", "clara company.bitrix24.com")
    return connected


def journal_of(team: Team) -> str:
    """What the operator sees of what was written."""
    settings = environment(team.people.parent / "data")
    return subprocess.run([COMMAND, "journal"], env=settings, capture_output=True, text=True, check=True).stdout


async def test_callers_of_one_account_have_nothing_of_each_other(team: Team, portal: DemoPortal) -> None:
    """Nor is a cursor, a confirmation or an operation of one there for the other."""
    page = {"entity": "deals", "limit": 2}
    async with team.calling("anna") as anna, team.calling("boris") as boris:
        first = await anna.ask("search_items", **page)
        assert await boris.fail("search_items", **page, cursor=first["next_cursor"]) == "INVALID_CURSOR"
        assert (await anna.ask("search_items", **page, cursor=first["next_cursor"]))["returned"] == 2

        code = (await anna.ask("write_items", **CHANGE))["confirm"]
        assert await boris.fail("write_items", confirm=code) == "CONFIRMATION_UNKNOWN"
        written = await anna.ask("write_items", confirm=code)
        assert await boris.fail("undo", operation=written["operation"]) == await boris.fail("undo", operation=999)

    assert sql_over(portal.database)("select amount from deals where id = 5") == [(3.0,)]
    assert "anna" in journal_of(team)


async def test_whoever_has_no_line_or_no_account_is_told_so(team: Team) -> None:
    async with team.calling("clara") as clara:
        with_others = await clara.client.call_tool("search_items", {"entity": "deals"})
    team.list()
    async with httpx.AsyncClient() as http:
        revoked = await http.post(team.url, json={}, headers=as_holder(team.token("anna")))
        lacking = await http.post(team.url, json={}, headers=as_holder(team.token("anna", "tasks")))
        stranger = await http.post(team.url, json={})

    assert (with_others.structured_content or {})["error"] == {
        "code": "NOT_CONNECTED",
        "message": "company.bitrix24.com is not connected. Run `bitrix24-mcp connect company.bitrix24.com` first.",
    }
    assert [answer.status_code for answer in (revoked, lacking, stranger)] == [403, 403, 401]
    assert 'error="insufficient_scope"' in lacking.headers["WWW-Authenticate"]


async def test_a_callers_token_goes_nowhere_and_is_logged_nowhere(team: Team, portal: DemoPortal) -> None:
    token = team.token("anna")
    async with calling(team.url, as_holder(token)) as anna:
        await anna.ask("search_items", entity="deals", limit=1)

    log = team.log.read_text()
    asked = "".join(map(repr, portal.requests))
    assert "DEBUG" in log
    assert "crm.item.list" in asked
    for part in (token, *token.split(".")):
        assert part not in log
        assert part not in asked
    assert set(team.issuer.asked) == {"/.well-known/oauth-authorization-server", "/keys"}


class Memory:
    """What a client keeps of its sign-in."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Browser:
    """Follows the link to the authorization server, and brings back what that sends it back with."""

    def __init__(self) -> None:
        self._came_back = httpx.URL()

    async def open(self, link: str) -> None:
        async with httpx.AsyncClient() as http:
            self._came_back = httpx.URL((await http.get(link)).headers["Location"])

    async def brought(self) -> AuthorizationCodeResult:
        query = self._came_back.params
        return AuthorizationCodeResult(code=query["code"], state=query["state"], iss=query["iss"])


async def test_the_sdks_client_signs_in_by_itself_and_asks(tmp_path: Path) -> None:
    """From the address alone: it finds the issuer, registers, signs in, and is served the demo portal."""
    home = str(Path.home())  # where the demo portal's data are kept once they are made
    with AuthorizationServer().running() as issuer, serving(issuer, tmp_path, "--demo", HOME=home) as team:
        team.list("anna demo.bitrix24.ru")
        browser, memory = Browser(), Memory()
        metadata = OAuthClientMetadata(redirect_uris=[AnyUrl(BACK)], token_endpoint_auth_method="none")
        signing_in = OAuthClientProvider(team.url, metadata, memory, browser.open, browser.brought)
        async with (
            httpx2.AsyncClient(auth=signing_in, timeout=30) as http,
            Client(streamable_http_client(team.url, http_client=http)) as client,
        ):
            counted = await CallingClient(client).ask("aggregate", entity="deals")

    assert counted["complete"]
    assert cast("OAuthToken", memory.tokens).scope == "crm"
