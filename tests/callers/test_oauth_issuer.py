"""The issuer is asked seldom, believed only under its own name, and may be away for a while."""

from collections.abc import Generator
from pathlib import Path

import anyio
import pytest

from bitrix24_mcp.callers.oauth.claims import Expected, InvalidToken
from bitrix24_mcp.callers.oauth.fetching import Fetching, NoAnswer, Unusable
from bitrix24_mcp.callers.oauth.issuer import discovery_addresses, metadata_of
from bitrix24_mcp.callers.oauth.signed import SignedTokens
from bitrix24_mcp.sending.authorities import authorities
from bitrix24_mcp.settings import SettingsError
from callers.authorization_server import AuthorizationServer, Json, private_key, public_jwk

pytestmark = pytest.mark.anyio

HERE = "https://mcp.example.com/mcp"


@pytest.fixture
def server() -> Generator[AuthorizationServer]:
    with AuthorizationServer().running() as running:
        yield running


class Checked:
    """Tokens of the issuer, checked at a time that the test moves."""

    def __init__(self, server: AuthorizationServer, fetching: Fetching) -> None:
        self.now = 0.0
        self.server = server
        self._tokens = SignedTokens(Expected(server.issuer, frozenset({HERE})), fetching, now=lambda: self.now)

    async def __call__(self, key: str = "first", kid: str | None = "first") -> str:
        """Whose it is, or why that is not told."""
        token = self.server.signed(self.server.claims(HERE), key, {"kid": kid} if kid else {})
        try:
            return (await self._tokens.person(token)).subject
        except (InvalidToken, Unusable) as error:
            return type(error).__name__

    @property
    def read(self) -> int:
        """How often the keys were asked for."""
        return self.server.asked["/keys"]


async def test_keys_are_read_once_for_many_and_again_after_an_hour(server: AuthorizationServer) -> None:
    heard: list[str] = []

    async def check() -> None:
        heard.append(await checked())

    async with Fetching(loopback=True) as fetching:
        checked = Checked(server, fetching)
        async with anyio.create_task_group() as many:
            for _ in range(10):
                many.start_soon(check)
        read = [checked.read]
        for checked.now in (3_599, 3_601):
            assert await checked() == "anna"
            read.append(checked.read)

    assert (heard, read) == (["anna"] * 10, [1, 1, 2])


async def test_a_new_key_is_looked_for_at_once_and_unknown_ones_once_a_minute(server: AuthorizationServer) -> None:
    async with Fetching(loopback=True) as fetching:
        checked = Checked(server, fetching)
        assert await checked() == "anna"
        server.keys = [public_jwk(private_key("second"), kid="second")]

        assert [await checked("second", "second"), checked.read] == ["anna", 2]
        assert [await checked("third", f"third {number}") for number in range(20)] == ["InvalidToken"] * 20
        assert [await checked(), checked.read] == ["InvalidToken", 2]
        checked.now = 61
        assert [await checked("third", "third"), checked.read] == ["InvalidToken", 3]


async def test_a_key_without_an_id_is_found_where_there_is_no_choice(server: AuthorizationServer) -> None:
    async with Fetching(loopback=True) as fetching:
        checked = Checked(server, fetching)
        assert await checked(kid=None) == "anna"
        server.keys = [public_jwk(private_key("second"))]
        assert [await checked("second", None), checked.read] == ["anna", 2]
        server.keys.append(public_jwk(private_key("third")))
        checked.now = 3_601

        assert await checked("second", None) == "InvalidToken"


async def test_while_the_issuer_is_away_known_keys_go_on_and_others_are_not_called_wrong(
    server: AuthorizationServer,
) -> None:
    async with Fetching(loopback=True) as fetching:
        checked = Checked(server, fetching)
        server.down = True
        assert [await checked() for _ in range(3)] == ["Unusable"] * 3
        asked = server.asked.total()
        server.down = False
        assert [await checked(), server.asked.total()] == ["Unusable", asked]
        checked.now = 6
        assert await checked() == "anna"

        server.down = True
        checked.now = 5_000
        assert [await checked(), await checked("second", "second")] == ["anna", "Unusable"]
        asked = server.asked.total()
        assert [await checked(), await checked("second", "second")] == ["anna", "Unusable"]
        assert server.asked.total() == asked

        server.down = False
        checked.now = 5_061
        assert [await checked(), await checked("second", "second")] == ["anna", "InvalidToken"]


async def test_who_does_not_answer_at_all_is_not_asked_at_other_places() -> None:
    with AuthorizationServer().running() as server:
        pass
    async with Fetching(loopback=True) as fetching:
        with pytest.raises(NoAnswer, match=r"/\.well-known/oauth-authorization-server gave no answer \(ConnectError\)"):
            await metadata_of(server.issuer, "jwks_uri", fetching)


@pytest.mark.parametrize(
    ("issuer", "places"),
    [
        (
            "https://a.example",
            [
                "https://a.example/.well-known/oauth-authorization-server",
                "https://a.example/.well-known/openid-configuration",
            ],
        ),
        (
            "https://a.example:8443/realms/team/",
            [
                "https://a.example:8443/.well-known/oauth-authorization-server/realms/team",
                "https://a.example:8443/.well-known/openid-configuration/realms/team",
                "https://a.example:8443/realms/team/.well-known/openid-configuration",
            ],
        ),
    ],
)
async def test_metadata_are_looked_for_where_the_specification_has_them(issuer: str, places: list[str]) -> None:
    assert list(discovery_addresses(issuer)) == places


@pytest.mark.parametrize(
    "place",
    [
        "/.well-known/oauth-authorization-server/realms/team",
        "/.well-known/openid-configuration/realms/team",
        "/realms/team/.well-known/openid-configuration",
    ],
)
async def test_metadata_are_found_at_each_of_the_places(place: str) -> None:
    with AuthorizationServer("/realms/team", place).running() as server:
        async with Fetching(loopback=True) as fetching:
            assert await metadata_of(server.issuer, "jwks_uri", fetching) == server.metadata


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"issuer": "https://other.example.com"}, "names another issuer"),
        ({"issuer": None}, "names another issuer"),
        ({"jwks_uri": "http://keys.example.com/keys"}, "names no jwks_uri that is reached by https"),
        ({"jwks_uri": "file:///etc/passwd"}, "names no jwks_uri"),
        ({"jwks_uri": "https://[x"}, "names no jwks_uri"),
        ({"jwks_uri": None}, "names no jwks_uri"),
        ({"padding": "x" * 600_000}, "answered more than 524288 bytes"),
    ],
)
async def test_metadata_that_cannot_be_believed_are_not(wrong: Json, said: str) -> None:
    with AuthorizationServer(metadata_at="/.well-known/openid-configuration").running() as server:
        server.metadata |= wrong
        async with Fetching(loopback=True) as fetching:
            with pytest.raises(Unusable, match=said):
                await metadata_of(server.issuer, "jwks_uri", fetching)


@pytest.mark.parametrize("keys", ["https://keys example/", "https://a\u0000b/"])
async def test_keys_at_an_address_that_is_none_are_not_to_be_had(keys: str, server: AuthorizationServer) -> None:
    server.metadata["jwks_uri"] = keys
    async with Fetching(loopback=True) as fetching:
        assert await Checked(server, fetching)() == "Unusable"


async def test_a_machine_whose_certificates_cannot_be_read_is_told_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "certificates").write_text("none")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificates"))
    authorities.cache_clear()
    with pytest.raises(SettingsError, match="Check HTTPS_PROXY and SSL_CERT_FILE"):
        Fetching(loopback=False)


async def test_a_redirect_is_not_followed(server: AuthorizationServer) -> None:
    query = "redirect_uri=https://elsewhere.example&state=x"
    async with Fetching(loopback=True) as fetching:
        with pytest.raises(Unusable, match="/authorize answered 302, without what was asked for"):
            await fetching.get(f"{server.issuer}/authorize?{query}")
