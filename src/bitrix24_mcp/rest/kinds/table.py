"""Which records are read in which way."""

from collections.abc import Mapping
from types import MappingProxyType

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.reads import Reads
from bitrix24_mcp.rest.kinds.crm import CRM_KINDS
from bitrix24_mcp.rest.kinds.drive import FileListing, FolderListing
from bitrix24_mcp.rest.kinds.kind import Kind
from bitrix24_mcp.rest.kinds.listing import KindListing
from bitrix24_mcp.rest.kinds.special import CalendarListing, CatalogueListing, CurrencyListing, TemplateListing
from bitrix24_mcp.rest.kinds.store import STORE_KINDS
from bitrix24_mcp.rest.kinds.tasks import TASKS
from bitrix24_mcp.rest.kinds.work import WORK_KINDS

KINDS: Mapping[str, Kind] = MappingProxyType(dict((*CRM_KINDS, ("tasks", TASKS), *WORK_KINDS, *STORE_KINDS)))
"""Every entity of the catalogue that is no item of the CRM."""
_UNLIKE: Mapping[str, type[KindListing]] = MappingProxyType(
    {
        "calendar-events": CalendarListing,
        "catalog-products": CatalogueListing,
        "currencies": CurrencyListing,
        "doc-templates": TemplateListing,
        "files": FileListing,
        "folders": FolderListing,
    }
)


def kind_listing(entity: Entity, client: RestClient, reads: Reads) -> KindListing:
    """The records of an entity that is no item of the CRM."""
    return _UNLIKE.get(entity.name, KindListing)(entity, KINDS[entity.name], client, reads)
