"""Access tokens that are JWTs (RFC 9068), checked here with the issuer's keys."""

from collections.abc import Callable
from datetime import UTC, datetime

import anyio
import jwt

from bitrix24_mcp.callers.oauth.claims import Expected, InvalidToken, Person, person_of
from bitrix24_mcp.callers.oauth.fetching import Fetching, Json
from bitrix24_mcp.callers.oauth.issuer import metadata_of
from bitrix24_mcp.callers.oauth.keys import ALGORITHMS, Key, fitting, keys_in
from bitrix24_mcp.callers.oauth.lasting import Lasting, Now
from bitrix24_mcp.sending.bodies import json_object

_TYPES = {"", "at+jwt", "jwt"}
"""What an access token may call itself: many servers do not yet use the `at+jwt` that RFC 9068 asks for."""
_SIGNATURES = jwt.PyJWS(algorithms=list(ALGORITHMS))


def present() -> float:
    """Seconds since 1970, as tokens count them."""
    return datetime.now(UTC).timestamp()


class SignedTokens:
    """Tells whose a token is, without asking the issuer about each."""

    def __init__(
        self,
        expected: Expected,
        fetching: Fetching,
        *,
        today: Callable[[], float] = present,
        now: Now = anyio.current_time,
    ) -> None:
        """`today` is the time that tokens tell; `now` only measures how old keys are."""
        self._expected = expected
        self._fetching = fetching
        self._today = today
        self._keys = Lasting(self._read_keys, now=now)

    async def person(self, token: str) -> Person:
        """Whom it speaks for; raises InvalidToken, and Unusable while the issuer's keys are not to be had."""
        algorithm, id_ = _header(token)
        keys = await self._keys.value()
        key = fitting(keys, id_, algorithm)
        claims = _signed(token, key, algorithm)
        if claims is None and (key is None or id_ is None):  # the issuer may have begun to sign with another
            claims = _signed(token, fitting(await self._keys.anew(keys), id_, algorithm), algorithm)
        if claims is None:
            raise InvalidToken
        return person_of(claims, self._expected, self._today())

    async def _read_keys(self) -> tuple[Key, ...]:
        metadata = await metadata_of(self._expected.issuer, "jwks_uri", self._fetching)
        return keys_in(await self._fetching.get(str(metadata["jwks_uri"])))


def _header(token: str) -> tuple[str, str | None]:
    """The algorithm and the id of the key."""
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, RecursionError):
        raise InvalidToken from None
    algorithm, id_ = header.get("alg"), header.get("kid")
    type_ = str(header.get("typ", "")).lower().removeprefix("application/")
    # What `crit` names must be understood (RFC 7515, 4.1.11), and nothing is.
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS or type_ not in _TYPES or "crit" in header:
        raise InvalidToken
    return algorithm, id_


def _signed(token: str, key: Key | None, algorithm: str) -> Json | None:
    """The claims, if this key signed them."""
    if key is None:
        return None
    try:
        found = _SIGNATURES.decode_complete(token, key.public, algorithms=[algorithm])
    except jwt.PyJWTError:
        return None
    return json_object(found["payload"])
