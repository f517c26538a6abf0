"""The plan that adds a comment to the timeline of a record."""

from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.links import called
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_changes import Change
from bitrix24_mcp.crm.resolve import resolve_entity
from bitrix24_mcp.crm.writer import Writer
from bitrix24_mcp.crm.writing.plan import Plan
from bitrix24_mcp.crm.writing.values import LONGEST

TIMELINES = BY_NAME["timelines"]
_COMMENTED = frozenset({"deals", "leads", "contacts", "companies"})
"""Whose timeline takes comments, besides items of smart processes (docs/entities/timelines)."""


async def plan_comment(entity: str, record_id: int, text: str, writer: Writer, metadata: Metadata) -> Plan:
    """The plan. Raises InvalidArguments for a record that is not there, or whose timeline takes no comments."""
    owner = await resolve_entity(entity, metadata)
    if not (owner.smart_process or owner.name in _COMMENTED) or not writer.takes("create", TIMELINES):
        raise InvalidArguments(
            f"{owner.title} take no comments here.",
            advice="Comments go to deals, leads, contacts, companies and items of smart processes.",
            code="NOT_WRITABLE",
        )
    if not text.strip() or len(text) > LONGEST:
        raise InvalidArguments(
            f"A comment holds one to {LONGEST:,} characters.", advice="Give text.", code="INVALID_VALUE"
        )
    read = await metadata.portal.records(owner, [record_id])
    if record_id not in read.found:
        refused = record_id in read.refused
        raise InvalidArguments(
            f"This key may not see {owner.singular} {record_id}."
            if refused
            else f"There is no {owner.singular} {record_id}.",
            advice="Check the id.",
            code="ACCESS_DENIED" if refused else "NOT_FOUND",
        )
    kind = f"DYNAMIC_{owner.entity_type_id}" if owner.smart_process else owner.singular
    values = {"entityType": kind, "entityId": record_id, "comment": text}
    on = called(read.found[record_id], owner)
    return Plan("create", TIMELINES, (Change("create", TIMELINES, None, values),), called={0: f"comment on “{on}”"})
