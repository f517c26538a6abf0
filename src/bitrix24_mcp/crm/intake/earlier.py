"""What an earlier attempt at the same answer left: records with its mark, and those that this server noted."""

from dataclasses import replace

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.intake.keeping import intake_of
from bitrix24_mcp.crm.intake.rule import TARGETS, Target
from bitrix24_mcp.crm.intake.rules import Answered
from bitrix24_mcp.crm.intake.steps import Found
from bitrix24_mcp.crm.links import called
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import Condition, Record, RecordPage, RecordQuery, Sort
from bitrix24_mcp.crm.writing.desk import Desk
from bitrix24_mcp.crm.writing.items import ORIGINATOR

_MARKED = "was made by an earlier attempt"
_MOST = 20


async def made_before(answered: Answered, desk: Desk, metadata: Metadata) -> dict[Target, Found]:
    """The records of earlier attempts by kind, of each the oldest.

    A record may be there although the key cannot find it by its mark: what was noted when it was made is asked for by
    its id, and only one that is gone does not count.
    """
    found = await _marked(answered, metadata)
    for target, made in (await intake_of(desk).made(answered)).items():
        if target in found:
            same = found[target].id == made.id
            found[target] = replace(found[target], operation=made.operation if same else None)
            continue
        read = await metadata.portal.records(TARGETS[target], [made.id])
        if made.id not in read.missing:
            name = called(read.found.get(made.id, {}), TARGETS[target])
            found[target] = Found(target, made.id, name, _MARKED, made.operation)
    return found


def can_be_marked(fields: Fields) -> bool:
    """Whether new records have the fields in which a mark stands."""
    names = fields.entity.origin
    return bool(names) and all(name in fields and not fields[name].read_only for name in names)


def origin(answered: Answered, fields: Fields) -> dict[str, str]:
    """The mark as it is written; nothing where there is no place for it."""
    if not can_be_marked(fields):
        return {}
    return dict(zip(fields.entity.origin, (ORIGINATOR, answered.mark), strict=True))


async def _marked(answered: Answered, metadata: Metadata) -> dict[Target, Found]:
    marked: list[Target] = [each for each in TARGETS if can_be_marked(await metadata.fields(TARGETS[each]))]
    pages = await metadata.portal.searches([_query(answered, TARGETS[target]) for target in marked]) if marked else ()
    found: dict[Target, Found] = {}
    for target, page in zip(marked, pages, strict=True):
        rows = [row for row in _rows(page) if row.get(TARGETS[target].origin[-1]) == answered.mark]
        if rows:
            found[target] = Found(target, int(rows[0]["id"]), called(rows[0], TARGETS[target]), _MARKED)
    return found


def _query(answered: Answered, entity: Entity) -> RecordQuery:
    conditions = tuple(
        Condition(name, "eq", value) for name, value in zip(entity.origin, (ORIGINATOR, answered.mark), strict=True)
    )
    columns = ("id", *entity.origin, *entity.name_fields)
    return RecordQuery(entity, conditions, (Sort("id"),), columns, _MOST, counted=False)


def _rows(page: RecordPage | PortalError) -> tuple[Record, ...]:
    if isinstance(page, PortalError):
        raise page
    return page.rows
