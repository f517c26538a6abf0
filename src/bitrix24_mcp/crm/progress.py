"""How far a question of several requests has got."""

from collections.abc import Awaitable, Callable

Report = Callable[[int, int | None, str], Awaitable[None]]
"""Takes what is done, the whole if it is known, and what is being done in words."""


async def silent(done: int, whole: int | None, what: str) -> None:
    """Reports to nobody."""
    del done, whole, what
