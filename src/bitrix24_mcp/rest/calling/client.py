"""HTTP to Bitrix24's REST: access, pacing, and answers or errors of the CRM. What only reads is repeated."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from bitrix24_mcp.crm.errors import KeyRefused, PortalError, UnexpectedAnswer
from bitrix24_mcp.pacing.bucket import Bucket
from bitrix24_mcp.pacing.operating import Operating
from bitrix24_mcp.rest.access.moving import Whereabouts
from bitrix24_mcp.rest.calling.batch import METHOD, MOST_CALLS, body_of, outcomes_of, timings_of
from bitrix24_mcp.rest.calling.envelope import Answer, Timing, read
from bitrix24_mcp.rest.calling.errors import OPERATING, RATE, RENEWABLE, Refusal, misread, moved, used_up
from bitrix24_mcp.sending.connection import PATIENCE, Connection, persistently
from bitrix24_mcp.sending.failures import ATTEMPTS, BELONGS_ELSEWHERE, LONGEST_WAIT, Failure, of_unexpected
from bitrix24_mcp.sending.words import Secrets

if TYPE_CHECKING:
    from datetime import tzinfo

    import httpx  # loaded with the first request

    from bitrix24_mcp.rest.access.protocol import Access
    from bitrix24_mcp.rest.calling.calls import RestCall

Params = Mapping[str, Any]
_MOVES = 2
"""Redirects that are followed for one request."""


class RestClient(Connection):
    """One access to one portal. Close it, or use it as a context manager; nothing is left running.

    `offset` is the one in which the portal wrote its latest answer's moments; None for UTC, or before the first.
    """

    def __init__(self, access: Access, *, budget: Bucket | None = None, patience: float = PATIENCE) -> None:
        setting = "BITRIX24_WEBHOOK_URL" if access.kind == "webhook" else "the portal's address"
        super().__init__(setting, _headers, patience, loopback=access.loopback)
        self.access = access
        self.budget = budget or Bucket()
        self.offset: tzinfo | None = None
        self._operating = Operating()
        self._portal = Whereabouts(access)
        self._secrets = Secrets(access.endpoint.split("/")[-2] if access.kind == "webhook" else "")

    @property
    def portal(self) -> str:
        """The portal's host, also where it has moved to; harmless."""
        return self._portal.host

    async def call(self, method: str, params: Params | None = None) -> Answer:
        """One method, asked again where that helps. Raises PortalError."""
        return await persistently(partial(self._once, method, params or {}, [method]), self.budget.clock)

    async def batch(self, calls: Sequence[RestCall], *, chained: bool = False) -> list[Answer | PortalError]:
        """The answer to each call, or the error in its place; up to fifty of them share a request.

        Only what failed in passing is asked again. `chained`: at most fifty calls, of which later ones refer to the
        results of earlier ones (`$result[c0][items][49][id]`); they end at the first that fails, whose error stands
        in the place of all that follow, and are asked again together. Raises KeyRefused, no matter of one call.
        """
        if chained:
            return await self._chain(calls)
        outcomes: list[Answer | PortalError] = []
        for start in range(0, len(calls), MOST_CALLS):
            outcomes += await self._each(calls[start : start + MOST_CALLS])
        return outcomes

    async def attempt(self, calls: Sequence[RestCall]) -> list[Answer | Failure]:
        """Asks each of up to fifty calls once: one of them by itself, more in one batch.

        What a batch would misread as a reference, such as a title that somebody searches for, goes by itself as well.
        """
        held = {place: failure for place, call in enumerate(calls) if (failure := self._held(call.method))}
        free = [place for place in range(len(calls)) if place not in held]
        together = [place for place in free if not calls[place].refers]
        found: dict[int, Answer | Failure] = {**held}
        if len(together) > 1:
            found |= zip(together, await self._together([calls[place] for place in together]), strict=True)
        for place in free:
            if place not in found:
                found[place] = await self._once(calls[place].method, calls[place].params, [calls[place].method])
        return [found[place] for place in range(len(calls))]

    async def once(self, call: RestCall) -> Answer | Failure:
        """Asks for one call by itself, once, but for a token that has to be renewed first."""
        return await self._once(call.method, call.params, [call.method])

    async def together(self, calls: Sequence[RestCall]) -> list[Answer | Failure]:
        """Asks for up to fifty calls in one request, each of them once, whatever becomes of the others."""
        return await self._together(calls)

    async def _each(self, calls: Sequence[RestCall]) -> list[Answer | PortalError]:
        outcomes: dict[int, Answer | PortalError] = {}
        waiting, failed = list(range(len(calls))), 0
        while waiting:
            attempted = dict(zip(waiting, await self.attempt([calls[place] for place in waiting]), strict=True))
            failed += 1
            again = {place: each for place, each in attempted.items() if _passing(each, failed)}
            outcomes |= {place: _final(each) for place, each in attempted.items() if place not in again}
            waiting = list(again)
            if again:
                await self.budget.clock.sleep(
                    max(each.rest(failed) for each in again.values() if isinstance(each, Failure))
                )
        return [outcomes[place] for place in range(len(calls))]

    async def _chain(self, calls: Sequence[RestCall]) -> list[Answer | PortalError]:
        if any(call.refers for call in calls[:1]):  # there is nothing yet that it could refer to
            return [misread()] * len(calls)
        try:
            tried = await persistently(partial(self._chain_once, calls), self.budget.clock)
        except KeyRefused:
            raise
        except PortalError as error:
            return [error] * len(calls)
        outcomes: list[Answer | PortalError] = []
        for each in tried:
            ended = outcomes[-1] if outcomes and isinstance(outcomes[-1], PortalError) else None
            outcomes.append(ended or _final(each))
        return outcomes

    async def _chain_once(self, calls: Sequence[RestCall]) -> list[Answer | Failure] | Failure:
        tried = await self._together(calls, halt=True)
        broken = next((each for each in tried if isinstance(each, Failure)), None)
        return broken if broken and broken.attempts > 1 else tried

    async def _together(self, calls: Sequence[RestCall], *, halt: bool = False) -> list[Answer | Failure]:
        methods = [call.method for call in calls]
        answer = await self._once(METHOD, body_of(calls, halt=halt), [METHOD, *methods])
        if isinstance(answer, Failure):
            return [answer] * len(calls)
        for place, timing in timings_of(answer, len(calls)).items():
            self._learn(methods[place], timing)
        outcomes = outcomes_of(answer, len(calls))
        return [await self._meaning(outcome, method) for outcome, method in zip(outcomes, methods, strict=True)]

    async def _once(self, method: str, params: Params, methods: Collection[str]) -> Answer | Failure:
        """One request, and once more with renewed access; `methods` are those whose time it takes."""
        if failure := await self._slowed(methods):
            return failure
        try:
            proof = await self.access.parameters()
            outcome = await self._send(method, params, proof)
            if isinstance(outcome, Refusal) and outcome.code in RENEWABLE and await self.access.renewed(proof):
                outcome = await self._send(method, params, await self.access.parameters())
        except PortalError as error:  # of the access itself, which has repeated what helps; nothing else raises one
            return Failure(error, sure=True)
        return await self._meaning(outcome, method)

    async def _send(self, method: str, params: Params, proof: Mapping[str, str]) -> Answer | Refusal | Failure:
        self._secrets.learn(proof.values())
        body = {**params, **proof}
        response = await self._post(method, body)
        moves = 0
        while not isinstance(response, Failure) and response.is_redirect:
            moves += 1
            location = response.headers.get("Location", "")
            if moves > _MOVES or not self._portal.follows(method, response.status_code, location):
                return Failure(moved(self.access.kind), sure=response.status_code in BELONGS_ELSEWHERE)
            response = await self._post(method, body)
        if isinstance(response, Failure):
            return response
        try:
            reply = read(response.status_code, response.content, self._secrets)
        except UnexpectedAnswer as error:
            return of_unexpected(error)
        if (offset := reply.timing.offset) is not None:
            self.offset = offset if offset.utcoffset(None) else None
        self._learn(method, reply.timing)
        return reply.meaning

    async def _post(self, method: str, body: Params) -> httpx.Response | Failure:
        async with self.budget.turn():
            return await self._exchange("POST", self._portal.address(method), body=body)

    async def _meaning(self, outcome: Answer | Refusal | Failure, method: str) -> Answer | Failure:
        """What a refusal is worth, with what it says of the portal's limits noted."""
        if not isinstance(outcome, Refusal):
            return outcome
        if outcome.code == OPERATING:
            wait = self._operating.refused(method, self.budget.clock.now())
            return Failure(used_up(wait), ATTEMPTS if wait <= LONGEST_WAIT else 1, wait, sure=True)
        if outcome.code == RATE:
            await self.budget.overflowed()
        error = outcome.error(self.access.kind, self._secrets, method)
        return Failure(error, outcome.attempts, sure=outcome.sure)

    def _held(self, method: str) -> Failure | None:
        """The failure of a method that the portal refuses for longer than somebody waits."""
        wait = self._operating.parked([method], self.budget.clock.now())
        return Failure(used_up(wait), sure=True) if wait > LONGEST_WAIT else None

    async def _slowed(self, methods: Collection[str]) -> Failure | None:
        """Waits as long as the time that these methods have taken asks for."""
        clock = self.budget.clock
        while (wait := self._operating.parked(methods, clock.now())) > 0:
            if wait > LONGEST_WAIT:
                return Failure(used_up(wait), sure=True)
            await clock.sleep(wait)
        if (wait := self._operating.slowed(methods, clock.now())) > 0:
            await clock.sleep(wait)
        return None

    def _learn(self, method: str, timing: Timing) -> None:
        self._operating.learn(method, timing.operating, timing.freed_in, self.budget.clock.now())


def _headers() -> dict[str, str]:
    return {"Accept": "application/json", "User-Agent": f"bitrix24-mcp/{version('bitrix24-mcp')}"}


def _passing(outcome: Answer | Failure, failed: int) -> bool:
    return isinstance(outcome, Failure) and failed < outcome.attempts


def _final(outcome: Answer | Failure) -> Answer | PortalError:
    if isinstance(outcome, Answer):
        return outcome
    if isinstance(outcome.error, KeyRefused):
        raise outcome.error
    return outcome.error
