"""Which stage is meant, and that it stands in the record's funnel: a portal may silently take another."""

from collections.abc import Mapping, Sequence
from typing import Any

from bitrix24_mcp.crm.choices import Choice, choices, choose, described, said, single
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.filters.outcomes import with_outcomes
from bitrix24_mcp.crm.filters.syntax import Term
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import Record


async def with_stage(
    values: Mapping[str, Any], name: str, written: Any, fields: Fields, metadata: Metadata, before: Record | None
) -> dict[str, Any]:
    """The values with the stage's code, and with its funnel where that follows from the stage.

    `before`: the record that is changed; None for a new one, which the stage may put into a funnel. A stage may be
    named by its code, its name, or by what it means where only one of the funnel does: won, lost.
    Raises InvalidArguments for a stage that the funnel does not have, or that is none.
    """
    offered = await choices(fields, name, metadata)
    if not offered:
        raise InvalidArguments(
            f"{fields.entity.title} have no stages, so {name} holds none.", advice="Leave it out.", code="NO_STAGES"
        )
    held = fields.entity.funnel_field
    if not fields.entity.has_funnels or not held:
        return {**values, name: _meant(written, offered, name).code}
    given = values.get(held, (before or {}).get(held))
    funnel = int(given) if given is not None and str(given).isdecimal() else None
    if funnel is None:
        default = await _default(fields, metadata)
        inside = [each for each in offered if each.funnel == default]
        stage = _found(written, inside, name) or _meant(written, offered, name)
        return {**values, held: stage.funnel, name: stage.code}
    inside = [each for each in offered if each.funnel == funnel]
    if stage := _found(written, inside, name):
        return {**values, name: stage.code}
    elsewhere = said(written, offered) or choose(written, inside, name)  # choosing names this funnel's nearest
    raise InvalidArguments(
        f"{name} {described(elsewhere[0])} is not in the record's funnel.",
        advice=f"That funnel's stages are {', '.join(map(described, inside[:12]))}. To move the record to another "
        f"funnel, give {held} as well.",
        code="STAGE_OF_ANOTHER_FUNNEL",
        candidates=[str(each.code) for each in inside],
    )


async def with_first_stage(
    values: Mapping[str, Any], fields: Fields, metadata: Metadata, before: Record
) -> dict[str, Any]:
    """The values with the stage that a record comes to which is moved to another funnel without one (crm.item.update).

    Sent as well, so that it is seen before and can be reversed.
    """
    entity = fields.entity
    funnel, stage = entity.funnel_field, entity.stage_fields[0] if entity.stage_fields else ""
    moved = funnel in values and stage in fields and stage not in values and values[funnel] != before.get(funnel)
    if not moved or not entity.has_funnels:
        return dict(values)
    inside = [each for each in await choices(fields, stage, metadata) if each.funnel == values[funnel]]
    return {**values, stage: inside[0].code} if inside else dict(values)


def _found(written: Any, inside: Sequence[Choice], name: str) -> Choice | None:
    """The stage that is meant among those of one funnel; None where none is."""
    codes = with_outcomes(Term(name, "eq", written), inside, None).values
    meant = [each for each in inside if each.code in codes] or said(written, inside)
    return single(meant, written, name) if meant else None


def _meant(written: Any, offered: Sequence[Choice], name: str) -> Choice:
    return _found(written, offered, name) or single(choose(written, offered, name), written, name)


async def _default(fields: Fields, metadata: Metadata) -> int | None:
    """The funnel of a new record that is put into none (crm.item.add)."""
    funnels = await metadata.funnels(fields.entity)
    return next((each.id for each in funnels if each.default), funnels[0].id if funnels else None)
