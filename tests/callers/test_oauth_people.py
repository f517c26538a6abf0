"""Whoever is signed in is served only with a line in the file of people, and with the scope that is asked for."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp.client.auth.utils import extract_resource_metadata_from_www_auth, extract_scope_from_www_auth
from mcp.shared.auth import ProtectedResourceMetadata
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bitrix24_mcp.callers.guard import CALLER, Guard
from bitrix24_mcp.callers.oauth.people import People
from bitrix24_mcp.callers.oauth.recognition import recognising
from bitrix24_mcp.settings import Settings, SettingsError
from bitrix24_mcp.web import security_for
from callers.authorization_server import AuthorizationServer

pytestmark = pytest.mark.anyio

HERE = "https://mcp.example.com/mcp"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server() -> Generator[AuthorizationServer]:
    with AuthorizationServer().running() as running:
        yield running


RIGHT = "# of the sales team\nanna company.bitrix24.com\n\nboris@example.com  https://other.bitrix24.com/\n"


class PeopleFile:
    """The operator's file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.say(RIGHT)

    def say(self, text: str | None) -> None:
        """Lets it hold this text; None takes it away."""
        if text is None:
            self.path.unlink()
        else:
            self.path.write_text(text)


@pytest.fixture
def people(tmp_path: Path) -> PeopleFile:
    return PeopleFile(tmp_path / "people")


@asynccontextmanager
async def client_of(
    server: AuthorizationServer, people: PeopleFile, public: str = HERE, **more: str
) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of the server before any of MCP: whom it lets through is answered with their name and portal."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        caller = scope[CALLER]
        await PlainTextResponse(f"{caller.name} {caller.settings.portal}")(scope, receive, send)

    settings = Settings.of(
        {
            "BITRIX24_MCP_AUTH": "oauth",
            "BITRIX24_MCP_PUBLIC_URL": public,
            "BITRIX24_MCP_OAUTH_ISSUER": server.issuer,
            "BITRIX24_MCP_PEOPLE": str(people.path),
            **more,
        }
    )
    async with recognising(settings) as oauth:
        guard = Guard(served, oauth, security_for(settings.names))
        app = Starlette(routes=[Route("/mcp", guard), *oauth.resource.routes()])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://mcp.example.com") as client:
            yield client


def bearing(token: str) -> dict[str, str]:
    return {**JSON, "Authorization": f"Bearer {token}"}


async def test_a_line_gives_a_portal_and_taking_it_out_takes_it_away(
    server: AuthorizationServer, people: PeopleFile
) -> None:
    token = server.token(HERE)
    boris = server.token(HERE, sub="b-17", email="boris@example.com", email_verified=True)
    async with client_of(server, people) as client:
        served = [(await client.post("/mcp", headers=bearing(each))).text for each in (token, boris)]
        people.say("boris@example.com third.bitrix24.com\n")
        refused = await client.post("/mcp", headers=bearing(token))
        moved = await client.post("/mcp", headers=bearing(boris))

    assert served == ["anna company.bitrix24.com", "boris@example.com other.bitrix24.com"]
    assert (refused.status_code, "www-authenticate" in refused.headers) == (403, False)
    assert refused.json()["error"]["message"] == (
        "You are signed in as anna, and no portal is set for you. Ask the operator of this server for a line with that "
        "name and a portal in the file of BITRIX24_MCP_PEOPLE."
    )
    assert moved.text == "boris@example.com third.bitrix24.com"


@pytest.mark.parametrize("verified", [None, False, "true", 1])
async def test_an_address_of_mail_that_nobody_verified_is_nobodys_name(
    verified: object, server: AuthorizationServer, people: PeopleFile
) -> None:
    token = server.token(HERE, sub="b-17", email="boris@example.com", email_verified=verified)
    async with client_of(server, people) as client:
        answer = await client.post("/mcp", headers=bearing(token))

    assert (answer.status_code, "signed in as b-17," in answer.text) == (403, True)


@pytest.mark.parametrize("broken", ["anna\n", None])
async def test_while_the_file_cannot_be_read_nobody_is_served_nor_sent_to_sign_in(
    broken: str | None, server: AuthorizationServer, people: PeopleFile
) -> None:
    async with client_of(server, people) as client:
        people.say(broken)
        answers = [await client.post("/mcp", headers=bearing(server.token(HERE))) for _ in range(2)]
        people.say(RIGHT)
        mended = await client.post("/mcp", headers=bearing(server.token(HERE)))

    assert [(each.status_code, each.headers["Retry-After"]) for each in answers] == [(503, "5")] * 2
    assert "The server cannot tell who calls. BITRIX24_MCP_PEOPLE" in answers[0].text
    assert mended.status_code == 200


@pytest.mark.parametrize("text", ["anna", "anna b.example.com x", "anna https://", "anna a.example\nanna b.example"])
def test_a_file_with_a_line_that_is_none_is_refused_with_its_number(text: str, tmp_path: Path) -> None:
    (tmp_path / "people").write_text(f"\n{text}\n")

    with pytest.raises(SettingsError, match=r"BITRIX24_MCP_PEOPLE: line [23] of people is not a person of its own"):
        People(tmp_path / "people")


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"scope": "tasks crm"}, 200),
        ({"scp": ["crm"]}, 200),
        ({"scp": "crm"}, 200),
        ({"scope": "crm2"}, 403),
        ({"scope": ""}, 403),
        ({}, 403),
    ],
)
async def test_a_token_without_the_scope_is_told_which_it_lacks(
    claims: dict[str, Any], status: int, server: AuthorizationServer, people: PeopleFile
) -> None:
    async with client_of(server, people, BITRIX24_MCP_OAUTH_SCOPE="crm") as client:
        answer = await client.post("/mcp", headers=bearing(server.token(HERE, **claims)))

    challenge = (
        'Bearer error="insufficient_scope", error_description="The access token lacks the scope crm.", scope="crm", '
        'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"'
    )
    assert (answer.status_code, answer.headers.get("WWW-Authenticate")) == (
        status,
        challenge if status == 403 else None,
    )


@pytest.mark.parametrize("scope", ["", "crm"])
async def test_the_sdks_client_finds_where_to_sign_in(
    scope: str, server: AuthorizationServer, people: PeopleFile
) -> None:
    """By the header of the refusal, and by both addresses at which clients look without it."""
    async with client_of(server, people, **({"BITRIX24_MCP_OAUTH_SCOPE": scope} if scope else {})) as client:
        refused = await client.post("/mcp", headers=JSON)
        answer = httpx2.Response(401, headers=dict(refused.headers))
        named = extract_resource_metadata_from_www_auth(answer) or ""
        root = "https://mcp.example.com/.well-known/oauth-protected-resource"
        told = [(await client.get(place)).json() for place in (named, root)]

    assert (refused.status_code, named) == (401, f"{root}/mcp")
    assert extract_scope_from_www_auth(answer) == (scope or None)
    expected = {
        "resource": HERE,
        "authorization_servers": [server.issuer],
        "bearer_methods_supported": ["header"],
        "resource_name": "Bitrix24",
        **({"scopes_supported": [scope]} if scope else {}),
    }
    assert told == [expected, expected]
    assert str(ProtectedResourceMetadata.model_validate(told[0]).authorization_servers[0]) == server.issuer


async def test_an_address_without_a_path_is_the_same_with_a_slash(
    server: AuthorizationServer, people: PeopleFile
) -> None:
    """RFC 3986, 6.2.3; with a path, one with a slash at its end is another."""
    async with client_of(server, people, "https://MCP.example.com:443/") as client:
        answers = [
            await client.post("/mcp", headers=bearing(server.token(f"https://mcp.example.com{end}")))
            for end in ("", "/", "/mcp")
        ]
        told = (await client.get("/.well-known/oauth-protected-resource")).json()

    assert [answer.status_code for answer in answers] == [200, 200, 401]
    assert told["resource"] == "https://mcp.example.com"
