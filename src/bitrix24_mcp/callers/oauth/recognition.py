"""Recognises a caller by an access token, and finds the portal that the operator named for them."""

import hashlib
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol
from urllib.parse import urlsplit

from bitrix24_mcp.callers.caller import Caller, CannotTell, NotServed, Unrecognised, bearer_of
from bitrix24_mcp.callers.oauth.claims import Expected, InvalidToken, Person
from bitrix24_mcp.callers.oauth.fetching import Fetching, Unusable
from bitrix24_mcp.callers.oauth.introspected import IntrospectedTokens
from bitrix24_mcp.callers.oauth.people import People
from bitrix24_mcp.callers.oauth.resource import Resource
from bitrix24_mcp.callers.oauth.signed import SignedTokens
from bitrix24_mcp.sending.hosts import is_loopback
from bitrix24_mcp.settings import Settings, SettingsError

_TOKEN = re.compile(r"[\w.~+/-]{1,16000}=*", re.ASCII)
"""What may be a token (RFC 6750, 2.1)."""
_SIGN_IN = "Sign in: send an access token for this server as Authorization: Bearer."
_LATER = {"Retry-After": "5"}


class Verification(Protocol):
    """One way to tell whose a token is."""

    async def person(self, token: str) -> Person:
        """Whom it speaks for; raises InvalidToken, or Unusable while the issuer is needed and does not answer."""
        ...


class OAuth:
    """Recognises a caller by a Bearer token. The token goes nowhere but to its issuer."""

    def __init__(self, settings: Settings, tokens: Verification) -> None:
        """Raises SettingsError when the file of people cannot be read."""
        self.resource = Resource(settings)
        self.challenge = self.resource.challenge()
        self._settings = settings
        self._tokens = tokens
        self._people = People(settings.people_file)

    def check(self) -> None:
        """Raises SettingsError while the file of people cannot be read."""
        self._people.check()

    async def recognise(self, headers: Mapping[str, str]) -> Caller:
        """Whom the token speaks for, with the portal that is theirs."""
        token = bearer_of(headers)
        if not token:
            raise Unrecognised(_SIGN_IN)
        person = await self._person(token)
        scope = self._settings.oauth_scope
        if scope and scope not in person.scopes:
            text = f"The access token lacks the scope {scope}."
            raise NotServed(text, {"WWW-Authenticate": self.resource.challenge("insufficient_scope", text)})
        return self._caller(person)

    async def _person(self, token: str) -> Person:
        if not _TOKEN.fullmatch(token):
            raise self._refusal(InvalidToken())
        try:
            return await self._tokens.person(token)
        except InvalidToken as error:
            raise self._refusal(error) from None
        except Unusable:
            raise CannotTell(
                "The server cannot tell who calls: the authorization server does not answer. Try again in a moment.",
                _LATER,
            ) from None

    def _refusal(self, error: InvalidToken) -> Unrecognised:
        text = str(error)
        return Unrecognised(text, {"WWW-Authenticate": self.resource.challenge("invalid_token", text)})

    def _caller(self, person: Person) -> Caller:
        try:
            found = self._people.portal_of([person.subject, *([person.email] if person.email else [])])
        except SettingsError as error:
            raise CannotTell(f"The server cannot tell who calls. {error}", _LATER) from None
        if found is None:
            raise NotServed(
                f"You are signed in as {person.email or person.subject}, and no portal is set for you. Ask the "
                "operator of this server for a line with that name and a portal in the file of BITRIX24_MCP_PEOPLE."
            )
        name, portal = found
        # The portal belongs to it: whoever is given another one has nothing left of what they had through the first.
        words = "\0".join((self._settings.oauth_issuer, person.subject, portal))
        theirs = self._settings.model_copy(update={"portal": portal})
        return Caller(hashlib.sha256(words.encode()).hexdigest(), name, theirs)


@asynccontextmanager
async def recognising(settings: Settings) -> AsyncGenerator[OAuth]:
    """The recognition that the settings ask for: by asking the issuer where a client of it is set, else by its keys."""
    parts = urlsplit(settings.public_url)
    # Without a path the address with a slash is the same one (RFC 3986, 6.2.3); with a path it is another.
    same = {settings.public_url} if parts.path else {settings.public_url, f"{settings.public_url}/"}
    expected = Expected(settings.oauth_issuer, frozenset(same))
    async with Fetching(loopback=is_loopback(urlsplit(settings.oauth_issuer).hostname or "")) as fetching:
        if settings.oauth_client_id:
            client = settings.oauth_client_id, settings.oauth_client_secret
            yield OAuth(settings, IntrospectedTokens(expected, fetching, client))
        else:
            yield OAuth(settings, SignedTokens(expected, fetching))
