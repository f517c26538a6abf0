"""The CRM's items over REST: leads, deals, contacts, companies, quotes, invoices, items of smart processes."""

from collections.abc import Sequence
from typing import Any

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.crm.portal_values import Condition, FieldInfo
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.lists import Lists
from bitrix24_mcp.rest.calling.reads import Reads
from bitrix24_mcp.rest.items.fields import columns_of, described, fields_of
from bitrix24_mcp.rest.items.labels import completed, titles_call, titles_of
from bitrix24_mcp.rest.items.moments import Moments
from bitrix24_mcp.rest.items.multifields import requests_for_ids, with_ids
from bitrix24_mcp.rest.items.names import MULTIFIELDS
from bitrix24_mcp.rest.reading.columns import Columns
from bitrix24_mcp.rest.reading.dialects import Dialect, Single
from bitrix24_mcp.rest.reading.filters import filter_of
from bitrix24_mcp.rest.reading.listing import DialectListing

_ITEMS = frozenset({"leads", "deals", "contacts", "companies", "quotes", "invoices"})


def is_item(entity: Entity) -> bool:
    """Whether the universal methods read the entity (crm.item.list)."""
    return entity.smart_process or entity.name in _ITEMS


def dialect_of(entity: Entity) -> Dialect:
    """How items of one type are listed (crm.item.list) and read (crm.item.get)."""
    of_type = {"entityTypeId": entity.entity_type_id}
    return Dialect(
        method="crm.item.list",
        path=("items",),
        fixed=of_type,
        whole_rows=True,
        single=Single(method="crm.item.get", fixed=of_type, path=("item",)),
    )


class ItemListing(DialectListing):
    """Items of one type."""

    def __init__(self, entity: Entity, client: RestClient, reads: Reads, moments: Moments) -> None:
        """`moments`: what is known of the portal's filters, shared by all its items."""
        super().__init__(entity, client, reads, dialect_of(entity), self._describe)
        self._lists = Lists(reads)
        self._moments = moments

    async def narrowed(self, conditions: Sequence[Condition]) -> Sequence[Condition] | None:
        """Conditions on phones and the like become one on ids."""
        return await with_ids(conditions, MULTIFIELDS.get(self.entity.name, ()), self.entity, self._lists)

    def requests(self, conditions: Sequence[Condition]) -> int:
        """One, and those that find the records with a phone or the like."""
        return 1 + requests_for_ids(conditions, MULTIFIELDS.get(self.entity.name, ()))

    def chosen_by(self, conditions: Sequence[Condition], columns: Columns) -> dict[str, Any]:
        """The conditions as the list's filter, moments in the form that the portal takes."""
        dated = any(columns[each.field].form == "moment" for each in conditions)
        plain = dated and self._moments.form == "plain"
        return filter_of(conditions, columns, self._dialect, self._client.offset, plain=plain)

    async def _describe(self) -> tuple[tuple[FieldInfo, ...], Columns]:
        call = RestCall("crm.item.fields", {"entityTypeId": self.entity.entity_type_id})
        titles, probe = titles_call(self.entity), self._probe()
        first, *others = await self._lists.outcomes([call, *titles, *probe])
        if isinstance(first, PortalError):
            raise first
        while probe and self._moments.learn(others[len(titles) :]):
            probe = self._probe()
            others[len(titles) :] = await self._lists.outcomes(probe)
        fields = await completed(self.entity, described(first.record("fields")), self._lists)
        return fields_of(self.entity, fields, titles_of(others[: len(titles)])), columns_of(self.entity, fields)

    def _probe(self) -> list[RestCall]:
        return self._moments.probe(self.entity.entity_type_id, self._client.offset)
