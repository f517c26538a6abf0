"""From what the caller calls an entity or a funnel to the one that is meant."""

import re

from bitrix24_mcp.crm.catalogue.entities import BY_NAME, BY_NUMBER, CATALOGUE, OLD_INVOICES
from bitrix24_mcp.crm.catalogue.entity import Entity, smart_process
from bitrix24_mcp.crm.choices import Choice, choose, single
from bitrix24_mcp.crm.errors import InvalidArguments, PermissionRefused, nearest, suggestion
from bitrix24_mcp.crm.fields import fold
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import Funnel, Record
from bitrix24_mcp.crm.text import plain

_BY_WORD = {word: entity for entity in CATALOGUE for word in (entity.singular.replace(" ", "-"), *entity.also)}
_OF_OTHER_TOOLS = {
    "statuses": ("get_status_items", "Directories and stages are read with get_status_items."),
    "deal-categories": ("get_status_items", "Funnels are named by get_status_items for deals."),
    "smart-processes": ("list_smart_processes", "Types are listed by list_smart_processes."),
    "workflows": ("list_workflows", "Running workflows are listed by list_workflows."),
}


async def resolve_entity(written: str, metadata: Metadata) -> Entity:
    """The entity for a catalogue name, an entityTypeId, or a smart process's title.

    Raises InvalidArguments with the nearest names when there is none, when several share the name, or when its
    records cannot be asked for.
    """
    word = re.sub(r"[\s_]+", "-", fold(written))
    if entity := BY_NAME.get(written) or _numbered(written):
        return entity
    entity = BY_NAME.get(word) or _BY_WORD.get(word)
    types = await _types(metadata, needed=entity is None)
    titles = {str(each["entityTypeId"]): plain(str(each.get("title") or ""), 80) for each in types}
    found = [each for each in types if written.strip() == str(each["entityTypeId"])]
    found = found or [each for each in types if fold(titles[str(each["entityTypeId"])]) == fold(plain(written, 80))]
    if entity and not found:
        return entity
    if len(found) == 1 and not entity:
        return of_type(found[0])
    if found:
        names = [*([entity.name] if entity else []), *(str(each["entityTypeId"]) for each in found)]
        raise InvalidArguments(
            f"Several entities are called “{written[:60]}”.",
            advice=f"Use the name or the entityTypeId: {', '.join(names)}.",
            code="AMBIGUOUS_ENTITY",
            candidates=names,
        )
    raise _unknown(written, _OF_OTHER_TOOLS.get(word), list(titles.values()))


def _numbered(written: str) -> Entity | None:
    number = int(written) if written.strip().isdecimal() else None
    if number == OLD_INVOICES:
        raise InvalidArguments(
            f"Invoices of the old kind (entityTypeId {OLD_INVOICES}) have no funnels and cannot be asked for.",
            advice="Those of today are invoices, entityTypeId 31. Where a portal still has old ones, get_status_items "
            "gives their statuses: directory INVOICE_STATUS.",
            code="UNSUPPORTED_ENTITY",
            candidates=["invoices"],
            next_call={"tool": "describe_entity", "arguments": {"entity": "invoices"}},
        )
    return None if number is None else BY_NUMBER.get(number)


async def _types(metadata: Metadata, *, needed: bool) -> tuple[Record, ...]:
    """The smart processes; none where the key may not see them, unless they are needed."""
    try:
        return await metadata.smart_processes()
    except PermissionRefused:
        if needed:
            raise
        return ()


def _unknown(written: str, elsewhere: tuple[str, str] | None, titles: list[str]) -> InvalidArguments:
    near = nearest(written, [*BY_NAME, *titles])
    own = f" The smart processes are {', '.join(titles[:8])}." if titles else ""
    tool, advice = elsewhere or ("list_smart_processes", f"{suggestion(near, list(BY_NAME))}{'' if near else own}")
    return InvalidArguments(
        f"There is no entity “{written[:60]}”.",
        advice=advice,
        code="UNKNOWN_ENTITY",
        candidates=near or titles[:8],
        next_call={"tool": tool, "arguments": {}},
    )


def of_type(record: Record) -> Entity:
    """The entity for the items of a smart-process type."""
    return smart_process(
        int(record["entityTypeId"]),
        str(record.get("title") or ""),
        stages=bool(record.get("isStagesEnabled")),
        funnels=bool(record.get("isCategoriesEnabled")),
    )


async def resolve_funnel(written: str | None, entity: Entity, metadata: Metadata) -> tuple[Funnel, list[Funnel]]:
    """The funnel with this id or name, and the entity's others; without one, the default funnel.

    Raises InvalidArguments when the entity has no such funnel.
    """
    funnels = await metadata.funnels(entity)
    if not funnels:
        raise InvalidArguments(
            f"The portal shows no funnels for {entity.title}.",
            advice="Without a funnel there are no stages; check that the key may see them.",
            code="NO_FUNNELS",
        )
    if written is None:
        chosen = next((funnel for funnel in funnels if funnel.default), funnels[0])
    else:
        offered = [Choice(funnel.id, funnel.name) for funnel in funnels]
        choice = single(choose(written, offered, f"The funnel of {entity.title}"), written, "the funnel")
        chosen = next(funnel for funnel in funnels if funnel.id == choice.code)
    return chosen, [funnel for funnel in funnels if funnel != chosen]


def check_stages(entity: Entity, funnel: str | None) -> None:
    """Raises InvalidArguments for an entity without stages, or for a funnel of an entity that has none."""
    if not entity.stage_directory:
        raise InvalidArguments(
            f"{entity.title} have no stages.",
            advice="Stages exist for deals, leads, quotes, invoices and smart processes that switched them on.",
            code="NO_STAGES",
        )
    if funnel is not None and not entity.has_funnels:
        raise InvalidArguments(
            f"{entity.title} have stages but no funnels.", advice="Leave funnel out.", code="NO_FUNNELS"
        )
