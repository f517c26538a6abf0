"""Which records are read in which way."""

from collections.abc import Mapping
from types import MappingProxyType

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.rest.client import RestClient
from bitrix24_mcp.rest.crm_kinds import CRM_KINDS
from bitrix24_mcp.rest.drive import FileListing, FolderListing
from bitrix24_mcp.rest.kind_listing import KindListing
from bitrix24_mcp.rest.known import Kind
from bitrix24_mcp.rest.reads import Reads
from bitrix24_mcp.rest.special_listings import CalendarListing, CatalogueListing, CurrencyListing, TemplateListing
from bitrix24_mcp.rest.store_kinds import STORE_KINDS
from bitrix24_mcp.rest.task_kind import TASKS
from bitrix24_mcp.rest.work_kinds import WORK_KINDS

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
