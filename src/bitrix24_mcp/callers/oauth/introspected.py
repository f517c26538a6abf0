"""Access tokens about which the issuer is asked (RFC 7662): those that mean nothing to others, and can be revoked."""

import base64
import hashlib
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

import anyio
from pydantic import SecretStr

from bitrix24_mcp.callers.oauth.claims import Expected, InvalidToken, Person, person_of
from bitrix24_mcp.callers.oauth.fetching import Fetching, Json, Unusable
from bitrix24_mcp.callers.oauth.issuer import metadata_of
from bitrix24_mcp.callers.oauth.lasting import SHORT_PAUSE, Lasting, Now
from bitrix24_mcp.callers.oauth.signed import present

_LOG = logging.getLogger(__name__)
_KEPT = 60.0
"""Seconds for which an answer counts, and so in which a revoked token may still be taken."""
_REFUSALS_KEPT = 5.0
_MOST_KEPT = 10_000
_AT_ONCE = 8
"""Questions to the issuer under way: whoever sends made-up tokens must not overrun it through this server."""
_PATIENCE = 15.0
"""Seconds in which a question must be put and answered."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the issuer said, until when that counts; without a person the token is refused with the text."""

    until: float
    person: Person | None
    refusal: str = ""


class IntrospectedTokens:
    """Tells whose a token is by asking the issuer, in the name of a client that the operator registered there."""

    def __init__(
        self,
        expected: Expected,
        fetching: Fetching,
        client: tuple[str, SecretStr],
        *,
        today: Callable[[], float] = present,
        now: Now = anyio.current_time,
    ) -> None:
        """`today` is the time that tokens tell; `now` only measures how old answers are."""
        self._expected = expected
        self._fetching = fetching
        self._client = client
        self._today = today
        self._now = now
        self._metadata = Lasting(partial(metadata_of, expected.issuer, "introspection_endpoint", fetching), now=now)
        self._answers: dict[bytes, _Answer] = {}
        self._turns = anyio.Semaphore(_AT_ONCE)
        self._silent_until = -math.inf

    async def person(self, token: str) -> Person:
        """Whom it speaks for; raises InvalidToken, and Unusable while the issuer does not answer."""
        digest = hashlib.sha256(token.encode()).digest()  # a token itself is kept nowhere
        answer = self._answers.get(digest)
        if answer is None or self._now() >= answer.until:
            answer = self._judged(await self._asked(token))
            self._keep(digest, answer)
        if answer.person is None:
            raise InvalidToken(answer.refusal)
        return answer.person

    def _judged(self, told: Json) -> _Answer:
        try:
            person = person_of(told, self._expected, self._today(), introspected=True)
        except InvalidToken as error:
            return _Answer(self._now() + _REFUSALS_KEPT, None, str(error))
        return _Answer(self._now() + min(_KEPT, person.until - self._today()), person)

    def _keep(self, digest: bytes, answer: _Answer) -> None:
        self._answers.pop(digest, None)
        self._answers[digest] = answer
        if len(self._answers) > _MOST_KEPT:
            now = self._now()
            self._answers = {key: kept for key, kept in self._answers.items() if kept.until > now}
            while len(self._answers) > _MOST_KEPT:
                del self._answers[next(iter(self._answers))]

    async def _asked(self, token: str) -> Json:
        if self._now() < self._silent_until:
            raise Unusable("it did not answer a moment ago")
        try:
            with anyio.fail_after(_PATIENCE):
                async with self._turns:
                    return await self._question(token)
        except TimeoutError:
            raise Unusable("too many tokens are asked about") from None

    async def _question(self, token: str) -> Json:
        metadata = await self._metadata.value()
        form = {"token": token, "token_type_hint": "access_token"}
        id_, secret = self._client[0], self._client[1].get_secret_value()
        ways = metadata.get("introspection_endpoint_auth_methods_supported") or ["client_secret_basic"]
        headers: dict[str, str] = {}
        if "client_secret_basic" not in ways and "client_secret_post" in ways:
            form |= {"client_id": id_, "client_secret": secret}
        else:
            words = f"{quote(id_, safe='')}:{quote(secret, safe='')}"  # coded first (RFC 6749, 2.3.1)
            headers["Authorization"] = f"Basic {base64.b64encode(words.encode()).decode()}"
        try:
            return await self._fetching.post(str(metadata["introspection_endpoint"]), form, headers)
        except Unusable as error:
            _LOG.warning("The authorization server cannot be asked about tokens: %s.", error)
            self._silent_until = self._now() + SHORT_PAUSE
            raise
