"""Turns that all replicas take from Redis together, and each by itself while Redis is away."""

import math

from bitrix24_mcp.pacing.ledger import KeyWindow, Ledger
from bitrix24_mcp.pacing.turns import Turn

_POLL = 0.03
"""Seconds after which it is looked again whether another replica's request has left its place."""


class Shared:
    """Turns on one portal that all replicas take from Redis."""

    def __init__(self, ledger: Ledger, key: KeyWindow | None, in_flight_alone: int) -> None:
        self._ledger = ledger
        self._key = key
        self._in_flight_alone = in_flight_alone

    async def delay(self) -> float:
        """Seconds until a request may go out."""
        answer = await self._ledger.ask("look", self._key)
        told = self._delay_alone() if answer is None else _seconds(answer)
        return max(told, self._delay_of_key())

    async def take(self, turn: Turn) -> float:
        """Takes a turn and says 0, or says how long to wait."""
        places, delay = self._ledger.places, math.inf
        await places.acquire()
        try:
            delay = self._delay_of_key()
            if delay <= 0:
                delay = await self._taken(turn)
        finally:
            if delay > 0:
                places.release()
        return delay

    async def give_back(self, turn: Turn) -> None:
        """The request is answered."""
        turn.answered = self._ledger.clock.now()
        try:
            await self._ledger.ask("give_back", self._key, turn.token)
        finally:
            self._ledger.places.release()

    async def pause(self, seconds: float) -> None:
        """Nobody sends to the portal for so long."""
        await self._ledger.pause(seconds)

    async def _taken(self, turn: Turn) -> float:
        while (answer := await self._ledger.ask("take", self._key, turn.token)) == ["full"]:
            await self._ledger.clock.sleep(_POLL)
        if answer is None:
            return self._taken_alone(turn)
        if answer[0] == "wait":
            return _seconds(answer)
        self._note(turn)
        self._told(answer[1])
        return 0.0

    def _taken_alone(self, turn: Turn) -> float:
        if self._ledger.under_way() >= self._in_flight_alone:
            return _POLL
        if (delay := self._delay_alone()) <= 0:
            self._note(turn)
            if self._ledger.alone is not None:
                self._ledger.alone.note(turn)
        return delay

    def _delay_alone(self) -> float:
        alone = self._ledger.alone
        return alone.earliest() - self._ledger.clock.now() if alone is not None else 0.0

    def _delay_of_key(self) -> float:
        """Seconds for which the key is not used whatever Redis says."""
        return 0.0

    def _note(self, turn: Turn) -> None:
        self._ledger.note(turn)

    def _told(self, left: int) -> None:
        """Redis says how many requests are left in the key's window."""


def _seconds(answer: list[int]) -> float:
    return answer[1] / 1e6
