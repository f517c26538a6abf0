"""What can be asked of an entity's fields, in a few words: filters, orders, groups and figures."""

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.figures.groups import BUCKETS
from bitrix24_mcp.crm.figures.measures import is_number

ALL = "all fields"
NOTHING = "nothing"
BY_THE_PORTAL = "what the portal's own aggregate takes"


def capabilities(fields: Fields) -> dict[str, str]:
    """What `filter`, `sort`, `group_by` and `sum` take: all fields, those named, or those of the types named."""
    entity = fields.entity
    return {
        "filter": _filter(entity),
        "sort": _sort(fields),
        "group_by": _groups(fields) if entity.keyset else _by_the_portal(entity.groupable),
        "sum": _figures(fields) if entity.keyset else NOTHING,
    }


def _filter(entity: Entity) -> str:
    taken = ALL if entity.filterable is None else ", ".join(entity.filterable)
    return f"{taken}; required: {', '.join(entity.required)}" if entity.required else taken


def _sort(fields: Fields) -> str:
    if fields.entity.sortable is not None:
        return f"{', '.join(fields.entity.sortable)}, upwards"
    return "all but those with several values" if any(info.multiple for info in fields) else ALL


def _groups(fields: Fields) -> str:
    dated = next((info.name for info in fields if fields.kind(info.name) == "datetime" and not info.multiple), "")
    others = ", ".join(bucket for bucket in BUCKETS if bucket != "month")
    taken = "all but files and phones" if any(fields.has_parts(info.name) for info in fields) else ALL
    return f"{taken}, dates as {dated}:month (or {others})" if dated else taken


def _figures(fields: Fields) -> str:
    kinds = dict.fromkeys(
        fields.kind(info.name) for info in fields if info.name != "id" and is_number(info.name, fields)
    )
    return ", ".join(kinds) or NOTHING


def _by_the_portal(named: tuple[str, ...] | None) -> str:
    return BY_THE_PORTAL if named is None else ", ".join(named) or NOTHING
