"""A question about funnels against the portal: which records, in which funnels, through which stages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.fields import Fields, fold
from bitrix24_mcp.crm.filters.conditions import resolve_filter, translated
from bitrix24_mcp.crm.filters.conjunction import as_filter, conjoin
from bitrix24_mcp.crm.filters.syntax import parse_filter
from bitrix24_mcp.crm.metadata import Metadata, Stage
from bitrix24_mcp.crm.portal_values import Condition, Funnel
from bitrix24_mcp.crm.resolve import check_stages, resolve_entity, resolve_funnel

_CREATED = frozenset({"createdAt", "createdTime"})
_MOVED = "movedTime"
_OUTCOME = "stageSemanticId"
_USUAL = "this_quarter"
_EVERY = frozenset({"all", "any", "все"})


@dataclass(frozen=True, slots=True)
class FunnelQuestion:
    """What is asked, as the caller wrote it: `created` is what a filter takes for the moment of creation, or “all”.

    Without it, the period is that of the filter, or this quarter. `budget` counts tokens of the answer.
    """

    entity: str
    funnel: str | None = None
    created: Any = None
    filter: Mapping[str, Any] = field(default_factory=dict[str, Any])
    stuck_days: int = 30
    history: bool = False
    budget: int = 4_000


@dataclass(frozen=True, slots=True)
class Asked:
    """The question resolved. `funnels` are those that the conditions leave, none where the entity has no funnels.

    `now` is the moment up to which times are measured, in the portal's zone; `filter_used` is what of the filter
    means something else than its words.
    """

    fields: Fields
    conditions: tuple[Condition, ...]
    funnels: tuple[Funnel, ...]
    stages: tuple[Stage, ...]
    now: datetime
    stuck_days: int
    filter_used: dict[str, Any] | None = None

    @property
    def entity(self) -> Entity:
        """Whose records they are."""
        return self.fields.entity

    @property
    def created(self) -> dict[str, Any]:
        """The period of creation in the gateway's `$` form: `{"$gte": …, "$lt": …}`; empty for records of any age."""
        name = self.created_field
        bounds: dict[str, Any] = {name: {}, **as_filter([each for each in self.conditions if each.field == name])}
        return bounds[name] if isinstance(bounds[name], dict) else {"$eq": bounds[name]}

    @property
    def ageless(self) -> tuple[Condition, ...]:
        """The conditions without the period of creation."""
        return tuple(each for each in self.conditions if each.field != self.created_field)

    @property
    def created_field(self) -> str:
        """The field with the moment of a record's creation."""
        return _created_field(self.entity)

    @property
    def stage_field(self) -> str:
        """The field that holds a record's stage."""
        return self.entity.stage_fields[0]

    @property
    def funnel_field(self) -> str:
        """The field that holds a record's funnel; empty where the entity has no funnels."""
        return self.entity.funnel_field if self.entity.has_funnels and self.entity.funnel_field in self.fields else ""

    @property
    def moved_field(self) -> str:
        """The field with the moment at which a record came to its stage; empty where the portal keeps none."""
        return _MOVED if _MOVED in self.fields else ""

    @property
    def outcome_field(self) -> str:
        """The field with P, S or F for in progress, won or lost; empty where only the stage tells."""
        return _OUTCOME if _OUTCOME in self.fields else ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The fields that a record must show to be counted in."""
        wanted = ("id", self.stage_field, self.funnel_field, self.moved_field, self.outcome_field)
        return tuple(filter(None, (*wanted, *self.money)))

    @property
    def money(self) -> tuple[str, str]:
        """The field with a record's amount and that with its currency."""
        return next(iter(self.entity.money.items()))

    @property
    def stuck_before(self) -> datetime:
        """Who came to an open stage before this moment is stuck there."""
        return self.now - timedelta(days=self.stuck_days)


async def resolve(question: FunnelQuestion, metadata: Metadata) -> Asked:
    """The question against the portal's own fields, funnels and stages.

    Raises InvalidArguments for an entity without stages, and for whatever a filter may not say.
    """
    entity = await resolve_entity(question.entity, metadata)
    check_stages(entity, question.funnel)
    fields, now = await metadata.fields(entity), await metadata.now()
    raw = dict(question.filter)
    if question.funnel is not None:
        chosen, _ = await resolve_funnel(question.funnel, entity, metadata)
        raw = {entity.funnel_field: chosen.id, **raw}
        within = [Condition(entity.funnel_field, "eq", chosen.id)]
    else:
        within = []
    further = await resolve_filter(raw, fields, metadata, now)
    period = await resolve_filter(_period(question, fields), fields, metadata, now)
    multiple = {info.name for info in fields if info.multiple}
    conditions = conjoin((*within, *period, *further), multiple)
    return Asked(
        fields,
        conditions,
        _within(conditions, await metadata.funnels(entity) if entity.has_funnels else (), entity.funnel_field),
        await metadata.stages(entity),
        now,
        question.stuck_days,
        translated(raw, [each for each in further if each.field != _created_field(entity)]),
    )


def _created_field(entity: Entity) -> str:
    return next(name for name in entity.never_empty if name in _CREATED)


def _period(question: FunnelQuestion, fields: Fields) -> dict[str, Any]:
    """The filter for the period of creation; empty when the filter of the question has one, or none is wanted."""
    name, created = _created_field(fields.entity), question.created
    own = [term.name for term in parse_filter(question.filter) if fields.resolve(term.name) == name]
    if own and created is not None:
        raise InvalidArguments(
            f"The period of creation is given twice: as created, and as “{own[0][:60]}” in the filter.",
            advice="Leave one of them out.",
            code="INVALID_ARGUMENT",
        )
    if own or (isinstance(created, str) and fold(created) in _EVERY):
        return {}
    return {name: _USUAL if created is None else created}


def _within(conditions: Sequence[Condition], funnels: Sequence[Funnel], name: str) -> tuple[Funnel, ...]:
    """The funnels that the conditions leave."""
    for each in conditions:
        if each.field == name and each.operator in {"eq", "in", "ne", "nin"}:
            named = each.value if isinstance(each.value, tuple) else (each.value,)
            wanted = each.operator in {"eq", "in"}
            funnels = [funnel for funnel in funnels if (funnel.id in named) is wanted]
    return tuple(funnels)
