"""The Writer protocol: what any backend can change. A server that only reads has none."""

from collections.abc import Sequence
from typing import Protocol

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.portal_changes import Action, Change, Outcome


class Writer(Protocol):
    """What any backend can change."""

    @property
    def changes_at_once(self) -> int:
        """Changes that one request carries at most."""
        ...

    def takes(self, action: Action, entity: Entity) -> bool:
        """Whether this portal can be asked for that at all; asks nothing."""
        ...

    async def send(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Asks for changes of one action and entity, at most `changes_at_once`; the outcome of each in its place.

        It repeats only what the portal surely did not carry out, and raises nothing but cancellation: an error stands
        in the outcome of what it concerns.
        """
        ...
