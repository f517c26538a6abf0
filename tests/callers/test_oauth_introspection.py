"""Where the issuer is asked about each token, its answer counts for a minute, and no longer than the token."""

import logging
from collections.abc import Generator

import pytest
from pydantic import SecretStr

from bitrix24_mcp.callers.oauth.claims import Expected, InvalidToken
from bitrix24_mcp.callers.oauth.fetching import Fetching, Unusable
from bitrix24_mcp.callers.oauth.introspected import IntrospectedTokens
from callers.authorization_server import CLIENT, AuthorizationServer, Json, present

pytestmark = pytest.mark.anyio

HERE = "https://mcp.example.com/mcp"
TOKEN = "an-opaque-token"


@pytest.fixture
def server() -> Generator[AuthorizationServer]:
    with AuthorizationServer().running() as running:
        running.known[TOKEN] = {"active": True, "sub": "anna", "aud": HERE, "scope": "crm tasks"}
        yield running


class Checked:
    """Tokens about which the issuer is asked, at a time that the test moves."""

    def __init__(self, server: AuthorizationServer, fetching: Fetching, secret: str = CLIENT[1]) -> None:
        self.passed = 0.0
        self.server = server
        self._tokens = IntrospectedTokens(
            Expected(server.issuer, frozenset({HERE})),
            fetching,
            (CLIENT[0], SecretStr(secret)),
            today=lambda: present() + self.passed,
            now=lambda: self.passed,
        )

    async def __call__(self, token: str = TOKEN) -> str:
        """Whose it is, or why that is not told."""
        try:
            return (await self._tokens.person(token)).subject
        except (InvalidToken, Unusable) as error:
            return type(error).__name__


async def test_the_issuer_is_asked_once_a_minute_in_the_name_of_the_client(server: AuthorizationServer) -> None:
    async with Fetching(loopback=True) as fetching:
        checked = Checked(server, fetching)
        said = [await checked(), await checked()]
        for checked.passed in (59, 61):
            said.append(await checked())

    assert said == ["anna"] * 4
    assert server.introspected == [{"token": TOKEN, "token_type_hint": "access_token"}] * 2


async def test_a_client_that_must_send_its_secret_in_the_form_does(server: AuthorizationServer) -> None:
    server.metadata["introspection_endpoint_auth_methods_supported"] = ["client_secret_post"]
    async with Fetching(loopback=True) as fetching:
        assert await Checked(server, fetching)() == "anna"

    [asked] = server.introspected
    assert (asked["client_id"], asked["client_secret"]) == CLIENT


async def test_a_revoked_token_is_refused_within_a_minute_and_one_that_ends_at_its_end(
    server: AuthorizationServer,
) -> None:
    server.known["short"] = {**server.known[TOKEN], "exp": present() + 20}
    async with Fetching(loopback=True) as fetching:
        checked = Checked(server, fetching)
        assert [await checked(), await checked("short")] == ["anna", "anna"]
        server.known = {}
        checked.passed = 30
        assert [await checked(), await checked("short")] == ["anna", "InvalidToken"]
        checked.passed = 61
        assert await checked() == "InvalidToken"


async def test_a_refusal_is_remembered_only_for_a_moment(server: AuthorizationServer) -> None:
    async with Fetching(loopback=True) as fetching:
        checked = Checked(server, fetching)
        assert [await checked("new"), await checked("new")] == ["InvalidToken"] * 2
        server.known["new"] = server.known[TOKEN]
        checked.passed = 6
        assert await checked("new") == "anna"

    assert len(server.introspected) == 2


@pytest.mark.parametrize(
    "told",
    [
        {"active": "true"},
        {"active": False},
        {"aud": None},
        {"aud": "https://other.example.com"},
        {"iss": "https://other.example.com"},
        {"exp": 1},
        {"exp": "never"},
        {"sub": None},
        {"typ": "Refresh"},
        {"cnf": {"jkt": "x"}},
    ],
)
async def test_what_the_issuer_says_of_a_token_is_looked_at(told: Json, server: AuthorizationServer) -> None:
    server.known[TOKEN] |= told
    async with Fetching(loopback=True) as fetching:
        assert await Checked(server, fetching)() == "InvalidToken"


async def test_while_the_issuer_is_away_what_it_said_counts_and_it_is_left_in_peace(
    server: AuthorizationServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with Fetching(loopback=True) as fetching:
        checked = Checked(server, fetching)
        assert await checked() == "anna"
        server.down = True
        said = [await checked(name) for name in (TOKEN, "new", "other")]
        asked = server.asked.total()
        assert said == ["anna", "Unusable", "Unusable"]
        server.down = False
        assert [await checked("new"), server.asked.total()] == ["Unusable", asked]
        checked.passed = 6
        assert await checked("new") == "InvalidToken"

    assert len(caplog.records) == 1


async def test_a_wrong_secret_is_told_to_the_operator_without_it(
    server: AuthorizationServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with Fetching(loopback=True) as fetching:
        assert await Checked(server, fetching, "a-wrong-secret")() == "Unusable"

    assert "/introspect answered 401" in caplog.text
    assert "a-wrong-secret" not in caplog.text
    assert TOKEN not in caplog.text
