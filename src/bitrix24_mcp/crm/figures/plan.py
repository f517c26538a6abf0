"""A question for figures, resolved: what is measured, by what it is split, and what the portal can do of it itself."""

from dataclasses import dataclass
from datetime import tzinfo

from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.figures.groups import Group
from bitrix24_mcp.crm.figures.measures import Measure, currency_source, measured
from bitrix24_mcp.crm.portal_values import Condition


@dataclass(frozen=True, slots=True)
class Plan:
    """A figure question resolved. `split` is the field that tells currencies apart; empty when no money is involved."""

    fields: Fields
    conditions: tuple[Condition, ...]
    measures: tuple[Measure, ...]
    groups: tuple[Group, ...]
    zone: tzinfo

    @property
    def split(self) -> str:
        """The currency field of the money measured or grouped by, or a money user field itself."""
        sources = {currency_source(measure, self.fields) for measure in self.measures}
        currencies = set(self.fields.entity.money.values())
        sources |= {group.field for group in self.groups if group.field in currencies}
        return next(iter(sorted(sources - {""})), "")

    @property
    def measured(self) -> tuple[str, ...]:
        """The fields that are measured, each once."""
        return measured(self.measures)

    @property
    def columns(self) -> tuple[str, ...]:
        """The fields that a record must show to be counted in."""
        wanted = ("id", *(group.field for group in self.groups), *self.measured, self.split)
        return tuple(dict.fromkeys(filter(None, wanted)))

    @property
    def counts_only(self) -> bool:
        """Whether nothing but records is counted."""
        return not self.measured

    @property
    def by_portal(self) -> bool:
        """Whether these are counts by groups that the gateway's own aggregate takes (docs/entity-api, aggregation)."""
        return self.counts_only and all(map(self._groups_by, self.groups))

    def _groups_by(self, group: Group) -> bool:
        entity, name = self.fields.entity, group.field
        if group.bucket or self.fields.kind(name) in {"date", "datetime"}:
            return False
        standard = entity.groupable is None or name in entity.groupable
        return standard or self.fields.is_user_field(name) or name == self.split
