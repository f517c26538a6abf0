"""Why nothing was found, checked with a few counts: a condition too many, a value in another field, no right at all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.links import names_of
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Condition
from bitrix24_mcp.crm.records.absent import absent
from bitrix24_mcp.crm.resolve import resolve_entity

MOST_COUNTS = 3
_OUTCOMES = ("closed", "completed", "active", "stageSemanticId", "status")
"""Fields that part what is over from what is not; one half is easily left out without meaning to."""
_TEXTS = ("title", "name", "lastName", "companyTitle")
_VALUES = frozenset({"eq", "in"})
_LAST = 10


async def why_empty(conditions: Sequence[Condition], fields: Fields, portal: Portal, metadata: Metadata) -> str:
    """A sentence on why no record meets the conditions, all of it checked; empty when there is nothing to say.

    Takes three counts at most. What the portal refuses or fails to count is left unsaid.
    """
    try:
        return await _unseen(conditions, fields, metadata) or await _Counts(conditions, fields, portal).reason()
    except PortalError:
        return ""


async def _unseen(conditions: Sequence[Condition], fields: Fields, metadata: Metadata) -> str:
    """Which person or linked record of the conditions the key cannot see."""
    if nobody := await absent(conditions, fields, metadata):
        return nobody
    for each in conditions:
        target = fields.entity.target(each.field)
        values = each.value if isinstance(each.value, tuple) else (each.value,)
        ids = [value for value in values if type(value) is int and value > 0]
        if target and ids and each.operator in _VALUES:
            seen = await names_of(target, ids, metadata)
            if missing := [str(value) for value in ids if value not in seen]:
                singular = (await resolve_entity(target, metadata)).singular
                return f"There is no {singular} {', '.join(missing)} that this key can see."
    return ""


@dataclass(slots=True)
class _Counts:
    """The counts that find the reason, the likeliest first, until something is known."""

    conditions: Sequence[Condition]
    fields: Fields
    portal: Portal
    left: int = MOST_COUNTS

    async def reason(self) -> str:
        entity = self.fields.entity
        optional = [each for each in self._by_likelihood() if each not in entity.required]
        if optional == ["id"] and all(each.operator in _VALUES for each in self.conditions):
            return f"There is no {entity.singular} with that id that this key can see."
        # With a single condition, what is left without it is all that there is.
        suspects = optional[: MOST_COUNTS - 1] if len(optional) > 1 else []
        for name in suspects:
            if found := await self._count(self._without(name)):
                return await self._too_narrow(name, found)
        everything = [each for each in self.conditions if each.field in entity.required]
        found = await self._count(everything) if optional else 0
        if not found:
            given = f" with that {' and '.join(entity.required)}" if entity.required else " at all"
            return f"This key sees no {entity.plural}{given}: there are none, or it has no right to them."
        if len(optional) == 1:
            return await self._too_narrow(optional[0], found)
        left_out = " or the one on ".join(suspects)
        return f"None of {found:,} {entity.plural} meets all conditions, not even without the one on {left_out}."

    async def _too_narrow(self, name: str, found: int) -> str:
        head = f"Without the condition on {name}, {found:,} match"
        kept = self._without(name)
        for other, words in self._elsewhere(name):
            if self.left and (count := await self._count([*kept, other])):
                return f"{head}; {count:,} have that value {words}."
        return f"{head}."

    def _elsewhere(self, name: str) -> Iterator[tuple[Condition, str]]:
        """The same value where it may have been meant: within the text, in another field of people or of names."""
        own = [each for each in self.conditions if each.field == name]
        if len(own) != 1 or own[0].operator not in {*_VALUES, "contains"}:
            return
        condition, kind, taken = own[0], self.fields.kind(name), {each.field for each in self.conditions}
        if kind == "string" and condition.operator == "eq":
            yield replace(condition, operator="contains"), f"as a part of {name} ($contains)"
        siblings = _TEXTS if name in _TEXTS else self.fields.entity.user_fields if kind == "user" else ()
        for sibling in siblings:
            if sibling not in taken and sibling in self.fields and self.fields.kind(sibling) == kind:
                yield replace(condition, field=sibling), f"in {sibling}"

    def _by_likelihood(self) -> list[str]:
        names = dict.fromkeys(each.field for each in self.conditions)
        return sorted(names, key=self._likelihood)

    def _likelihood(self, name: str) -> int:
        """How soon to leave a condition out: what hides records without being what was asked for comes first."""
        match self.fields.kind(name):
            case _ if name in _OUTCOMES:
                return _OUTCOMES.index(name)
            case "boolean":
                return 5
            case "funnel":
                return _LAST if self._has_stage() else 6
            case "stage":
                return 7
            case "date" | "datetime":
                return 8
            case _:
                return _LAST if name == "id" else 9

    def _has_stage(self) -> bool:
        """Whether a stage is asked for, which stands in the funnel asked for: that is checked beforehand."""
        return any(each.operator in _VALUES and self.fields.kind(each.field) == "stage" for each in self.conditions)

    def _without(self, name: str) -> list[Condition]:
        return [each for each in self.conditions if each.field != name]

    async def _count(self, conditions: Sequence[Condition]) -> int:
        self.left -= 1
        return await self.portal.count(self.fields.entity, conditions)
