"""What REST calls the fields that are to be written: read once, and again when a field is asked for that is not known.

A field that no method knows is passed over without a word (crm.item.update), so it is refused here.
"""

from collections.abc import Iterable

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import InvalidArguments, quoted
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.reads import Reads
from bitrix24_mcp.rest.items.fields import columns_of, described
from bitrix24_mcp.rest.items.listing import is_item
from bitrix24_mcp.rest.kinds.kind import KindColumns
from bitrix24_mcp.rest.kinds.table import KINDS, kind_listing
from bitrix24_mcp.rest.reading.columns import Columns


class FieldNames:
    """The columns of one portal's records, by entity."""

    def __init__(self, client: RestClient) -> None:
        self._client = client
        self._known: dict[str, Columns] = {}

    async def of(self, entity: Entity, names: Iterable[str]) -> Columns:
        """The columns of an entity, among them these if the portal has them. Raises PortalError."""
        known = self._known.get(entity.name) or self._unasked(entity)
        if known is None or any(name not in known for name in names):
            known = self._known[entity.name] = await self._asked(entity)
        return known

    @staticmethod
    def _unasked(entity: Entity) -> Columns | None:
        return None if is_item(entity) else KindColumns(KINDS[entity.name], KINDS[entity.name].fields)

    async def _asked(self, entity: Entity) -> Columns:
        if not is_item(entity):
            return await kind_listing(entity, self._client, Reads(self._client)).columns()
        answer = await self._client.call("crm.item.fields", {"entityTypeId": entity.entity_type_id})
        return columns_of(entity, described(answer.record("fields")))


def check_known(names: Iterable[str], columns: Columns, entity: Entity) -> None:
    """Raises InvalidArguments for a field that the portal does not have."""
    if unknown := [name for name in names if name not in columns]:
        raise InvalidArguments(
            f"Bitrix24 has no {quoted(unknown)} among the fields of {entity.plural} over REST.",
            advice="Leave it out.",
            code="UNKNOWN_FIELD",
        )
