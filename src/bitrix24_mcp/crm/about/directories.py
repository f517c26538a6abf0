"""Directories: the values of one in their order, with what a stage means, and which directories there are."""

from dataclasses import dataclass
from typing import Any

from bitrix24_mcp.crm.catalogue.entities import CATALOGUE
from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import InvalidArguments, nearest, suggestion
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import Funnel, Status
from bitrix24_mcp.crm.resolve import check_stages, of_type, resolve_entity, resolve_funnel
from bitrix24_mcp.crm.text import plain

STAGES_OF_LEADS = "STATUS"
STATUSES_OF_OLD_INVOICES = "INVOICE_STATUS"


@dataclass(frozen=True, slots=True)
class Values:
    """A directory's values in order; for stages of a funnel also which funnel, and the entity's others."""

    directory: str
    items: list[dict[str, Any]]
    funnel: Funnel | None = None
    others: tuple[Funnel, ...] = ()


async def of_directory(name: str, metadata: Metadata, *, detail: bool = False) -> Values:
    """The values of a directory by its id; raises InvalidArguments with the nearest ids when there is none."""
    wanted = name.strip().upper()
    statuses = await _read(wanted, metadata, detail=detail)
    if not statuses:
        known = sorted(await metadata.directories())
        near = nearest(wanted, known)
        raise InvalidArguments(
            f"The portal has no directory “{name[:60]}”.",
            advice=suggestion(near, known),
            code="UNKNOWN_DIRECTORY",
            candidates=near,
            next_call={"tool": "get_status_items", "arguments": {}},
        )
    return Values(wanted, _items(statuses, detail=detail))


async def of_entity(written: str, funnel: str | None, metadata: Metadata, *, detail: bool = False) -> Values:
    """The stages of an entity, in one of its funnels or in the default one.

    Raises InvalidArguments when the entity has no stages or no such funnel.
    """
    entity = await resolve_entity(written, metadata)
    check_stages(entity, funnel)
    if not entity.has_funnels:
        stages = await _read(entity.stage_directory, metadata, detail=detail)
        return Values(entity.stage_directory, _items(stages, detail=detail))
    chosen, others = await resolve_funnel(funnel, entity, metadata)
    directory = entity.stages_of(chosen.id)
    stages = await _read(directory, metadata, detail=detail)
    return Values(directory, _items(stages, detail=detail), chosen, tuple(others))


async def _read(directory: str, metadata: Metadata, *, detail: bool) -> tuple[Status, ...]:
    """One directory; for `detail` from the list of all, the only one that always tells everything."""
    return (await metadata.directories()).get(directory, ()) if detail else await metadata.directory(directory)


async def kinds(metadata: Metadata) -> list[dict[str, Any]]:
    """Every directory with the number of its values, and for stages whose they are."""
    owners = {entity.stage_directory: entity.title for entity in CATALOGUE if entity.stage_directory}
    found: list[dict[str, Any]] = []
    directories = await metadata.directories()
    types = await metadata.smart_processes() if any(name.startswith("DYNAMIC_") for name in directories) else ()
    entities = [*CATALOGUE, *map(of_type, types)]
    for name, statuses in sorted(directories.items()):
        entity = owners.get(name) or _owner(name, entities)
        found.append({"directory": name, **({"stages_of": entity} if entity else {}), "values": len(statuses)})
    return found


def _owner(directory: str, entities: list[Entity]) -> str:
    for entity in entities:
        stem, _, _ = entity.stage_directory.partition("{funnel}")
        if entity.has_funnels and (directory.startswith(stem) or directory == stem.rstrip("_")):
            return plain(entity.title)
    return ""


def _items(statuses: tuple[Status, ...], *, detail: bool) -> list[dict[str, Any]]:
    return [
        {"code": status.code, "name": plain(status.name), **_meaning(status), **(_more(status) if detail else {})}
        for status in statuses
    ]


def _more(status: Status) -> dict[str, Any]:
    told = {"id": status.id, "initial_name": plain(status.initial_name), "color": plain(status.color)}
    return {name: value for name, value in told.items() if value not in {None, ""}}


def _meaning(status: Status) -> dict[str, str]:
    """What a stage means: any failure, an analysed one too, is lost. Other directories have no such meaning."""
    if not is_stage_directory(status.directory):
        return {}
    return {"semantics": {"S": "won", "F": "lost"}.get(status.semantics, "in progress")}


def is_stage_directory(name: str) -> bool:
    """Whether the directory holds stages rather than, say, sources (docs/statuses)."""
    return name in {STAGES_OF_LEADS, "QUOTE_STATUS", STATUSES_OF_OLD_INVOICES} or "_STAGE" in name
