"""Whose an access token is: only one that the issuer signed, for this server, and for the present moment, opens it."""

import base64
import json
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bitrix24_mcp.callers.caller import Caller, Unrecognised
from bitrix24_mcp.callers.oauth.recognition import OAuth, recognising
from bitrix24_mcp.settings import Settings
from callers.authorization_server import AuthorizationServer, Json, present, private_key, public_jwk

pytestmark = pytest.mark.anyio

HERE = "https://mcp.example.com/mcp"
METADATA = 'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"'


@pytest.fixture(scope="module")
def running() -> Generator[AuthorizationServer]:
    with AuthorizationServer().running() as server:
        server.keys = [
            public_jwk(private_key("first"), kid="first", use="sig", alg="RS256"),
            public_jwk(private_key("pss"), kid="pss"),
            public_jwk(private_key("curve", "ES256"), kid="curve"),
            public_jwk(private_key("wide", "ES384"), kid="wide"),
            public_jwk(private_key("edwards", "EdDSA"), kid="edwards"),
            public_jwk(private_key("small", "small RSA"), kid="small"),
            public_jwk(private_key("sealing"), kid="sealing", use="enc"),
            {"kty": "oct", "kid": "shared", "k": "c2VjcmV0"},
            {"kty": "RSA", "kid": "broken", "n": 5},
            {"kid": ["x"], "kty": "RSA", "alg": ["RS256"]},
        ]
        yield server


@pytest.fixture
async def oauth(running: AuthorizationServer, tmp_path: Path) -> AsyncGenerator[OAuth]:
    people = tmp_path / "people"
    people.write_text("anna company.bitrix24.com\nboris@example.com other.bitrix24.com\n")
    settings = Settings.of(
        {
            "BITRIX24_MCP_AUTH": "oauth",
            "BITRIX24_MCP_PUBLIC_URL": HERE,
            "BITRIX24_MCP_OAUTH_ISSUER": running.issuer,
            "BITRIX24_MCP_PEOPLE": str(people),
        }
    )
    async with recognising(settings) as ready:
        yield ready


@dataclass(frozen=True)
class In:
    """The moment so many seconds after the one in which the token is made."""

    seconds: int


def token_with(running: AuthorizationServer, claims: Json) -> str:
    moments: Json = {name: present() + value.seconds for name, value in claims.items() if isinstance(value, In)}
    return running.token(HERE, **{**claims, **moments})


async def recognised(oauth: OAuth, token: str) -> Caller:
    return await oauth.recognise({"authorization": f"Bearer {token}"})


async def refusal(oauth: OAuth, token: str) -> str:
    """What is said to whoever brings the token, once in words and once in the header."""
    with pytest.raises(Unrecognised) as refused:
        await recognised(oauth, token)
    header = f'Bearer error="invalid_token", error_description="{refused.value}", {METADATA}'
    assert refused.value.headers == {"WWW-Authenticate": header}
    return str(refused.value)


INVALID = "The access token is not valid for this server."
EXPIRED = "The access token has expired."


async def test_a_good_token_opens_the_portal_of_its_person(oauth: OAuth, running: AuthorizationServer) -> None:
    anna = await recognised(oauth, running.token(HERE))
    again = await recognised(oauth, running.token(HERE, email="anna@example.com", email_verified=True))
    boris = await recognised(oauth, running.token(HERE, sub="17", email="boris@example.com", email_verified=True))

    assert (anna.name, anna.settings.portal, anna.settings.door) == ("anna", "company.bitrix24.com", "account")
    assert (boris.name, boris.settings.portal) == ("boris@example.com", "other.bitrix24.com")
    assert anna.id == again.id != boris.id
    assert len(anna.id) == len(boris.id) == 64


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("RS256", "first"),
        ("PS256", "pss"),
        ("RS512", "pss"),
        ("ES256", "curve"),
        ("ES384", "wide"),
        ("EdDSA", "edwards"),
    ],
)
async def test_each_kind_of_signature_that_is_believed(
    algorithm: str, key: str, oauth: OAuth, running: AuthorizationServer
) -> None:
    token = running.signed(running.claims(HERE), key, {"kid": key}, algorithm)

    assert (await recognised(oauth, token)).name == "anna"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["https://other.example.com", HERE]},
        {"exp": In(-5)},
        {"nbf": In(20)},
        {"nonce": "n", "scope": "crm"},
        {"typ": "Bearer"},
        {"token_use": "access"},
    ],
)
async def test_what_may_stand_in_a_good_token(
    claims: dict[str, Any], oauth: OAuth, running: AuthorizationServer
) -> None:
    assert (await recognised(oauth, token_with(running, claims))).name == "anna"


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"exp": In(-60)}, EXPIRED),
        ({"exp": None}, INVALID),
        ({"exp": "9999999999"}, INVALID),
        ({"exp": float("nan")}, INVALID),
        ({"exp": float("inf")}, INVALID),
        ({"exp": 10**400}, INVALID),
        ({"exp": True}, INVALID),
        ({"nbf": In(600)}, INVALID),
        ({"nbf": "soon"}, INVALID),
        ({"iat": In(600)}, INVALID),
        ({"iss": "https://other.example.com"}, INVALID),
        ({"iss": None}, INVALID),
        ({"aud": "https://mcp.example.com"}, INVALID),
        ({"aud": f"{HERE}/"}, INVALID),
        ({"aud": HERE.upper()}, INVALID),
        ({"aud": [HERE + "2"]}, INVALID),
        ({"aud": {HERE: 1}}, INVALID),
        ({"aud": None}, INVALID),
        ({"sub": None}, INVALID),
        ({"sub": ""}, INVALID),
        ({"sub": "a" * 256}, INVALID),
        ({"at_hash": "x"}, INVALID),
        ({"c_hash": "x"}, INVALID),
        ({"nonce": "x"}, INVALID),
        ({"typ": "ID"}, INVALID),
        ({"typ": "Refresh", "scope": "crm"}, INVALID),
        ({"token_use": "id"}, INVALID),
        ({"cnf": {"jkt": "x"}}, INVALID),
    ],
)
async def test_a_token_for_another_time_place_or_purpose_is_refused(
    claims: dict[str, Any], said: str, oauth: OAuth, running: AuthorizationServer
) -> None:
    assert await refusal(oauth, token_with(running, claims)) == said


@pytest.mark.parametrize("header", [{"typ": "logout+jwt"}, {"typ": "dpop+jwt"}, {"crit": ["exp"]}, {"kid": "sealing"}])
async def test_a_token_of_another_kind_or_key_is_refused(
    header: Json, oauth: OAuth, running: AuthorizationServer
) -> None:
    token = running.signed(running.claims(HERE), header.get("kid", "first"), {"kid": "first", **header})

    assert await refusal(oauth, token) == INVALID


def unsigned(header: Json, claims: Json) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims))
    return f"{'.'.join(parts)}."


async def test_no_algorithm_opens_the_server_that_needs_no_private_key(
    oauth: OAuth, running: AuthorizationServer
) -> None:
    """Neither none, nor the public key taken for a secret that both share."""
    claims = running.claims(HERE)
    pem = private_key("first").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    maker: Any = jwt.get_algorithm_by_name("HS256")
    for kid in ("first", "shared"):
        head = unsigned({"alg": "HS256", "kid": kid, "typ": "at+jwt"}, claims).removesuffix(".")
        for secret in (pem, b"secret"):
            signature = base64.urlsafe_b64encode(maker.sign(head.encode(), secret)).decode().rstrip("=")
            assert await refusal(oauth, f"{head}.{signature}") == INVALID
    for algorithm in ("none", "None", "", ["RS256"], None):
        assert await refusal(oauth, unsigned({"alg": algorithm, "kid": "first"}, claims)) == INVALID


async def test_a_key_signs_only_with_what_it_is_for(oauth: OAuth, running: AuthorizationServer) -> None:
    claims = running.claims(HERE)

    assert await refusal(oauth, running.signed(claims, "first", {"kid": "first"}, "PS256")) == INVALID
    assert await refusal(oauth, running.signed(claims, "wide", {"kid": "curve"}, "ES384")) == INVALID
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        small = jwt.encode(claims, private_key("small", "small RSA"), "RS256", headers={"kid": "small"})
    assert await refusal(oauth, small) == INVALID


async def test_what_is_changed_after_signing_is_refused(oauth: OAuth, running: AuthorizationServer) -> None:
    head, _, signature = running.token(HERE).split(".")
    _, other, _ = running.token(HERE, sub="boris").split(".")

    assert await refusal(oauth, f"{head}.{other}.{signature}") == INVALID


@pytest.mark.parametrize(
    "token",
    ["x", "a.b", "a.b.c", "a.b.c.d.e", "é", "a b", "x" * 16_001, base64.b64encode(b"[" * 9_000).decode() + ".e30.x"],
)
async def test_what_is_no_token_is_refused(token: str, oauth: OAuth) -> None:
    assert await refusal(oauth, token) == INVALID


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic eDp5"}, {"authorization": "Bearer "}])
async def test_who_brings_no_token_is_told_where_to_sign_in(headers: dict[str, str], oauth: OAuth) -> None:
    with pytest.raises(Unrecognised, match="Sign in") as refused:
        await oauth.recognise(headers)

    assert (refused.value.headers, oauth.challenge) == ({}, f"Bearer {METADATA}")
