"""What one call takes, counted where it is taken and read where the call ends.

A request that several calls share counts for the one that sends it.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Usage:
    """Requests to the portal, seconds waited for its pace, and what it told before: found among what is kept or not."""

    requests: int = 0
    waited: float = 0.0
    kept: int = 0
    read: int = 0


_present: ContextVar[Usage | None] = ContextVar("usage", default=None)


@contextmanager
def counted() -> Generator[Usage]:
    """Counts what is taken within, also by tasks that are started there."""
    usage = Usage()
    token = _present.set(usage)
    try:
        yield usage
    finally:
        _present.reset(token)


def sent() -> None:
    """A request goes out."""
    if (usage := _present.get()) is not None:
        usage.requests += 1


def waited(seconds: float) -> None:
    """A request waits for the portal's pace."""
    if (usage := _present.get()) is not None:
        usage.waited += seconds


def looked_up(*, kept: bool) -> None:
    """Something that the portal says of itself is wanted: it is kept, or must be read."""
    if (usage := _present.get()) is not None:
        usage.kept += kept
        usage.read += not kept
