"""The Portal over Bitrix24's own REST: each question in the fewest calls, each answer checked for what was left out."""

from collections.abc import Sequence
from datetime import datetime

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import InvalidArguments, PortalError, quoted
from bitrix24_mcp.crm.portal_values import (
    Condition,
    FieldInfo,
    GroupCounts,
    RecordId,
    RecordPage,
    RecordQuery,
    Records,
)
from bitrix24_mcp.rest.about.answers import RestAbout
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.reads import Reads
from bitrix24_mcp.rest.items.listing import ItemListing, is_item
from bitrix24_mcp.rest.items.moments import Moments
from bitrix24_mcp.rest.kinds.table import kind_listing
from bitrix24_mcp.rest.reading.dialects import ROWS
from bitrix24_mcp.rest.reading.listing import Listing, search_together
from bitrix24_mcp.rest.reading.question import AT_MOST


class RestPortal(RestAbout):
    """A portal that is asked by its own REST, with the rights of a webhook's owner or of an application's user."""

    page_at_most = AT_MOST
    piece_at_most = ROWS
    figures_at_most = 0
    reads_at_once = 100
    reads_a_request = 50

    def __init__(self, client: RestClient) -> None:
        super().__init__(client, Reads(client))
        self._listings: dict[str, Listing] = {}
        self._moments = Moments()

    def requests_a_look(self, entity: Entity, conditions: Sequence[Condition]) -> int:
        """One, but where the entity's own list cannot choose by these conditions."""
        return self._listing(entity).requests(conditions)

    def now(self) -> datetime:
        """The portal's present moment."""
        return self._client.now()

    @property
    def heard(self) -> bool:
        """Whether the portal has answered yet."""
        return self._client.heard

    def fields_changed(self, entity: Entity) -> None:
        """Has the next question for its records read the fields again."""
        self._listings.pop(entity.name, None)

    async def fields(self, entity: Entity) -> tuple[FieldInfo, ...]:
        """`crm.item.fields`, or what the entity's own methods say."""
        return await self._listing(entity).fields()

    async def search(self, query: RecordQuery) -> RecordPage:
        """`crm.item.list` or the entity's own list."""
        return await self._listing(query.entity).search(query)

    async def searches(self, queries: Sequence[RecordQuery]) -> tuple[RecordPage | PortalError, ...]:
        """The same, those that one call answers in shared requests."""
        return await search_together(queries, self._listing, self._reads)

    async def count(self, entity: Entity, conditions: Sequence[Condition]) -> int:
        """The total of a list; counts that are asked at once share requests."""
        return await self._listing(entity).count(conditions)

    async def group_counts(
        self,
        entity: Entity,
        conditions: Sequence[Condition],  # noqa: ARG002 - whatever is asked, the answer is the same
        group_by: Sequence[str],
    ) -> GroupCounts:
        """Never: REST groups nothing."""
        raise InvalidArguments(
            f"Bitrix24's REST does not count {entity.plural} by {quoted(group_by)}.",
            advice="Count each value by itself.",
            code="NOT_COMPUTABLE",
        )

    async def records(self, entity: Entity, ids: Sequence[RecordId]) -> Records:
        """`crm.item.get`, several in one batch, or the entity's own method."""
        return await self._listing(entity).records(ids)

    def _listing(self, entity: Entity) -> Listing:
        known = self._listings.get(entity.name)
        if known is None:
            known = self._listings[entity.name] = self._made(entity)
        return known

    def _made(self, entity: Entity) -> Listing:
        if is_item(entity):
            return ItemListing(entity, self._client, self._reads, self._moments)
        return kind_listing(entity, self._client, self._reads)
