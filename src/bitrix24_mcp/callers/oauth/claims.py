"""Whether an access token is meant for this server, and whose it is: by the claims of a JWT or of an introspection."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

LEEWAY = 30.0
"""Seconds by which clocks may differ."""
_LONGEST = 255
"""Characters of a subject (OpenID Connect Core, 2)."""
_OF_ID_TOKENS = ("at_hash", "c_hash", "s_hash")
"""Claims that only ID tokens carry (OpenID Connect Core, 3.3.2.11; FAPI 1.0 part 2, 5.1)."""
_KINDS = {"typ": {"bearer", "at+jwt", "jwt"}, "token_use": {"access"}}
"""Claims by which authorization servers tell access tokens from ID and refresh tokens, and what those say."""


class InvalidToken(Exception):
    """The token opens nothing here; the text is all that its bearer is told."""

    def __init__(self, text: str = "The access token is not valid for this server.") -> None:
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Expected:
    """What must stand in a token: who issued it, and one of the names of this server."""

    issuer: str
    audiences: frozenset[str]


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a token speaks for. `email`: only one that the issuer has verified; `until`: when the token ends."""

    subject: str
    email: str
    scopes: frozenset[str]
    until: float = math.inf


def person_of(claims: Mapping[str, Any], expected: Expected, now: float, *, introspected: bool = False) -> Person:
    """Whom the token with these claims speaks for; raises InvalidToken.

    `introspected`: the issuer itself was asked, so that it need not name itself, nor an end (RFC 7662, 2.2).
    """
    if introspected and claims.get("active") is not True:
        raise InvalidToken
    if claims.get("iss", expected.issuer if introspected else None) != expected.issuer:
        raise InvalidToken
    if not _words(claims.get("aud")) & expected.audiences or not _of_access(claims):
        raise InvalidToken
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST:
        raise InvalidToken
    until = _until(claims, now, optional=introspected)
    email = claims.get("email")
    verified = isinstance(email, str) and len(email) <= _LONGEST and claims.get("email_verified") is True
    scopes = _words(claims.get("scope")) | _words(claims.get("scp"))
    return Person(subject, cast("str", email) if verified else "", frozenset(" ".join(scopes).split()), until)


def _of_access(claims: Mapping[str, Any]) -> bool:
    """Whether it may be an access token that whoever has it may use.

    ID tokens name the client as their audience, never a resource (OpenID Connect Core, 2); this holds where somebody
    lets them name both. A nonce alone is none: there are servers that put it into access tokens, beside their scope.
    """
    if "cnf" in claims:  # good only with a proof that is not asked for here (RFC 9449, 7.1; RFC 8705, 3)
        return False
    if any(claim in claims for claim in _OF_ID_TOKENS) or ("nonce" in claims and not {"scope", "scp"} & set(claims)):
        return False
    return all(str(claims.get(claim, "")).lower() in {"", *kinds} for claim, kinds in _KINDS.items())


def _until(claims: Mapping[str, Any], now: float, *, optional: bool) -> float:
    for claim in ("nbf", "iat"):
        if claim in claims and not _number(claims[claim]) <= now + LEEWAY:
            raise InvalidToken
    if optional and "exp" not in claims:
        return math.inf
    until = _number(claims.get("exp"))
    if not now < until + LEEWAY:
        raise InvalidToken("The access token has expired.") if math.isfinite(until) else InvalidToken
    return until


def _number(value: object) -> float:
    """The number of seconds that a claim is; no number is neither before nor after anything."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value) if math.isfinite(value) else math.nan
    except OverflowError:
        return math.nan


def _words(value: object) -> frozenset[str]:
    """One word or several, as a claim may hold them."""
    if isinstance(value, str):
        return frozenset({value})
    held = cast("list[object]", value) if isinstance(value, list) else []
    return frozenset(word for word in held if isinstance(word, str))
