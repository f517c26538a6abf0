"""Changes are never repeated blindly: only what was surely not carried out, and may pass, is asked for again."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from bitrix24_mcp.crm.errors import KeyRefused, PortalError, PortalUnavailable
from bitrix24_mcp.crm.portal_changes import Outcome
from bitrix24_mcp.pacing.turns import Clock
from bitrix24_mcp.sending.failures import Failure
from bitrix24_mcp.sending.lane import Mark

C = TypeVar("C")
A = TypeVar("A")


@dataclass(frozen=True)
class Sender(Generic[C, A]):
    """How calls that change something go out, each of them once.

    `alone` makes one by itself, `together` several in one request, `shares` says which may do that; Mark.ALONE in the
    place of a call means that it was not carried out because the request they shared cannot do it.
    """

    clock: Clock
    alone: Callable[[C], Awaitable[A | Failure]]
    together: Callable[[Sequence[C]], Awaitable[Sequence[A | Failure | Mark]]]
    shares: Callable[[C], bool]

    async def send(self, calls: Sequence[C]) -> list[A | Failure]:
        """The answer to each call, or the failure that stays: what shares a request first, then the others in turn.

        Once the portal does not answer a request, the rest is not sent.
        """
        sharing = [place for place, call in enumerate(calls) if self.shares(call)]
        found: dict[int, A | Failure] = {}
        if len(sharing) > 1:
            found |= await self._shared(calls, sharing)
        ends = [_end(each) for each in found.values()]
        ended = ends[0] if ends and all(ends) else None
        for place, call in enumerate(calls):
            if place not in found:
                found[place] = ended or await self._persistently(call)
                ended = ended or _end(found[place])
        return [found[place] for place in range(len(calls))]

    async def _shared(self, calls: Sequence[C], places: Sequence[int]) -> dict[int, A | Failure]:
        """What calls in shared requests bring, without those that must go alone."""
        found: dict[int, A | Failure] = {}
        waiting, failed = list(places), 0
        while waiting:
            told = await self._once([calls[place] for place in waiting])
            failed += 1
            again: dict[int, Failure] = {}
            for place, each in zip(waiting, told, strict=True):
                if isinstance(each, Failure) and _passes(each, failed):
                    again[place] = each
                elif not isinstance(each, Mark):
                    found[place] = each
            waiting = list(again)
            if again:
                await self.clock.sleep(max(each.rest(failed) for each in again.values()))
        return found

    async def _once(self, calls: Sequence[C]) -> Sequence[A | Failure | Mark]:
        return await self.together(calls) if len(calls) > 1 else [await self.alone(calls[0])]

    async def _persistently(self, call: C) -> A | Failure:
        failed = 1
        while isinstance(outcome := await self.alone(call), Failure) and _passes(outcome, failed):
            await self.clock.sleep(outcome.rest(failed))
            failed += 1
        return outcome


def outcome_of(failure: Failure) -> Outcome:
    """What became of a change whose request failed: refused where that is sure, else nobody knows."""
    if failure.sure:
        return Outcome("refused", error=_unchanged(failure.error))
    return Outcome("unknown", error=_unknown(failure.error))


def _unchanged(error: PortalError) -> PortalError:
    """A refusal says by itself that nothing was done; a portal that is away or asks for patience does not."""
    if not isinstance(error, PortalUnavailable):
        return error
    return PortalUnavailable(f"{error.message} The change was not made.", advice=error.advice, code=error.code)


def _unknown(error: PortalError) -> PortalError:
    """The error with the one advice that does no harm: asking for the same again may do it twice."""
    return type(error)(
        f"{error.message} Whether the change was made is not known.",
        advice="Look in the portal before asking for it again.",
        code=error.code,
    )


def _passes(failure: Failure, failed: int) -> bool:
    return failure.sure and failed < failure.attempts


def _end(outcome: object) -> Failure | None:
    """The failure of all that follow one that the portal did not answer, or answered that the key is refused."""
    if not isinstance(outcome, Failure):
        return None
    if isinstance(outcome.error, KeyRefused):
        return replace(outcome, attempts=1, sure=True)
    if isinstance(outcome.error, PortalUnavailable):
        return Failure(_not_sent(outcome.error), sure=True)
    return None


def _not_sent(error: PortalError) -> PortalError:
    return PortalUnavailable(
        "The change before this one did not come through, so the rest was not sent.",
        advice="See what became of that one first, then ask for this one again.",
        code=error.code,
    )
