"""Values that are kept for a while, five minutes unless told otherwise, and dropped once they are older."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import anyio

V = TypeVar("V")

LIFETIME = 300.0
"""Seconds; the gateway keeps its own field lists as long (docs/entity-api, user fields in aggregates)."""


@dataclass(frozen=True, slots=True)
class Held(Generic[V]):
    """A kept value and the moment, in seconds of the event loop, from which on it is too old."""

    value: V
    until: float


class Kept(Generic[V]):
    """Values by their keys. Whoever keeps one drops those that are too old, so that it does not only grow.

    `lifetime`: seconds for which a value is kept.
    """

    def __init__(self, lifetime: float = LIFETIME) -> None:
        self.lifetime = lifetime
        self._held: dict[Hashable, Held[V]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, key: Hashable) -> bool:
        return self.fresh(key) is not None

    def fresh(self, key: Hashable) -> Held[V] | None:
        """What is kept under the key; None when there is nothing, or it is too old."""
        held = self._held.get(key)
        return held if held is not None and held.until > anyio.current_time() else None

    def keep(self, values: Mapping[Any, V], seconds: float | None = None) -> None:
        """Keeps the values under their keys from now on, for so many seconds where they are not good for longer."""
        now = anyio.current_time()
        for old in [each for each, held in self._held.items() if held.until <= now]:
            del self._held[old]
        until = now + (self.lifetime if seconds is None else seconds)
        self._held.update({key: Held(value, until) for key, value in values.items()})

    def clear(self) -> None:
        """Drops everything."""
        self._held.clear()


class Marks(Kept[bool]):
    """Keys that are marked, each for five minutes."""

    def add(self, key: Hashable) -> None:
        """Marks the key from now on."""
        self.keep({key: True})
