"""The connection to Redis: short questions, each answered by one script, or at once by nobody.

Redis is a help, never a condition: who asks goes on alone when it does not answer. It is left alone for a second then,
so that not every call waits for it.
"""

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

import anyio

if TYPE_CHECKING:
    from redis.asyncio import Redis  # of an optional extra

_PATIENCE = 1.0
"""Seconds in which Redis answers a script, or is taken for absent."""
_REST = 1.0
"""Seconds for which an absent Redis is not asked again."""
_LOG = logging.getLogger(__name__)


class Absent(Exception):
    """Redis does not answer now."""


class Link:
    """One process's connections to Redis; `opened` makes it and closes them.

    `losses` counts how often Redis was lost: what was agreed on through it may be gone since the last.
    """

    def __init__(self, client: "Redis", now: Callable[[], float]) -> None:
        self._client = client
        self._now = now
        self._asked_again_at = 0.0
        self._lost = False
        self.losses = 0

    @classmethod
    @asynccontextmanager
    async def opened(cls, address: str, now: Callable[[], float] = anyio.current_time) -> AsyncGenerator[Self]:
        """The link to the Redis of an address, which need not be there yet. Raises ImportError without the extra."""
        from redis.asyncio import Redis  # noqa: PLC0415 - of an optional extra
        from redis.asyncio.retry import Retry  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415

        client = Redis.from_url(  # pyright: ignore[reportUnknownMemberType] - its keyword arguments have no types
            address,
            decode_responses=True,
            socket_timeout=_PATIENCE,
            socket_connect_timeout=_PATIENCE,
            retry=Retry(NoBackoff(), 1),  # a connection that Redis closed since is only noticed when it is used
        )
        try:
            yield cls(client, now)
        finally:
            await client.aclose()

    @property
    def present(self) -> bool:
        """Whether Redis answered when it was asked last; True before it was."""
        return not self._lost

    async def run(self, script: str, keys: Sequence[str], arguments: Sequence[str | int | float] = ()) -> Any:
        """What a script of Lua answers, in texts, whole numbers and lists; raises Absent when Redis does not."""
        from redis.exceptions import RedisError  # noqa: PLC0415 - of an optional extra

        if self._lost and self._now() < self._asked_again_at:
            raise Absent
        try:
            answer: Any = await self._client.register_script(script)(keys=list(keys), args=list(arguments))
        except (RedisError, OSError) as error:
            self._note_loss(error)
            raise Absent from None
        if self._lost:
            self._lost = False
            _LOG.warning("Redis answers again.")
        return answer

    async def check(self) -> None:
        """Raises Absent when Redis does not answer."""
        await self.run("return 1", ())

    def _note_loss(self, error: Exception) -> None:
        self._asked_again_at = self._now() + _REST
        if not self._lost:
            self._lost = True
            self.losses += 1
            # The kind of the error and no more: its text may hold the address.
            _LOG.warning("Redis does not answer (%s); this replica goes on alone.", type(error).__name__)
