"""How far a question of several requests has got."""

from collections.abc import Awaitable, Callable

Report = Callable[[int, int | None, str], Awaitable[None]]
"""Takes what is done, the whole if it is known, and what is being done in words."""


async def silent(done: int, whole: int | None, what: str) -> None:
    """Reports to nobody."""
    del done, whole, what


class Growing:
    """A report that only ever grows, also where one way is left for another or a second part follows.

    `whole` is that of all parts together.
    """

    def __init__(self, report: Report, whole: int) -> None:
        self._report = report
        self._whole = whole
        self._last = 0
        self._before = 0

    def follow(self) -> None:
        """What is reported from now on comes on top."""
        self._before = self._last

    async def __call__(self, done: int, whole: int | None, what: str) -> None:
        """Passes on what goes beyond the last report."""
        del whole
        done += self._before
        if done > self._last:
            self._last = done
            await self._report(done, max(done, self._whole), what)
