"""A plan: what is to be changed, down to the stored values, and what the records were when it was made."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.portal_changes import Action, Change
from bitrix24_mcp.crm.portal_values import Record, RecordId

MOST = 500
"""Records of one plan; ten requests to the portal."""
RESTLESS = ("lastActivity", "lastCommunication", "lastUpdated")
"""Beginnings of fields that change when somebody only looks, or a robot runs (docs: crm/universal/object-fields)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes of one action and entity, in order.

    `unchanged`: records that already are as they should be, which are left alone. `undoes`: the operation that is
    reversed. `marks`: by place, the word by which a record that is created can be found again. `notes` are sentences
    that belong to what is confirmed.
    """

    action: Action
    entity: Entity
    changes: tuple[Change, ...]
    unchanged: tuple[RecordId, ...] = ()
    notes: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    undoes: int | None = None
    called: Mapping[int, str] = field(default_factory=dict[int, str])

    @property
    def destroys(self) -> bool:
        """Whether it takes away what cannot be put back, which is always confirmed."""
        return self.action in {"delete", "terminate"}

    @property
    def seal(self) -> str:
        """What a confirmation is bound to: the plan, and the records as they were read for it.

        Without the words by which new records can be found again: they are others each time a plan is made.
        """
        marked = set(self.entity.origin) if any(self.marks) else set[str]()
        told = [
            [
                each.action,
                each.entity.name,
                each.id,
                {name: value for name, value in each.values.items() if name not in marked},
                steady(each.before),
            ]
            for each in self.changes
        ]
        text = json.dumps(told, sort_keys=True, ensure_ascii=False, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def as_read(self, records: Mapping[RecordId, Record]) -> "Plan":
        """The same plan with the records as they are now; one that is gone is empty."""
        return replace(
            self,
            changes=tuple(
                each if each.id is None else replace(each, before=records.get(each.id, {})) for each in self.changes
            ),
        )


def steady(record: Record) -> dict[str, Any]:
    """The record without what changes by itself."""
    return {name: value for name, value in record.items() if not name.startswith(RESTLESS)}


def changed_since(plan: Plan, now: Plan) -> list[RecordId]:
    """The records that are not as they were when the plan was made."""
    return [
        was.id
        for was, is_now in zip(plan.changes, now.changes, strict=True)
        if was.id is not None and steady(was.before) != steady(is_now.before)
    ]


def check_number(count: int, what: str) -> None:
    """Raises InvalidArguments for no records, and for more than one plan holds."""
    if count == 0:
        raise InvalidArguments(f"There are no {what}.", advice=f"Give one to {MOST}.", code="INVALID_ARGUMENT")
    if count > MOST:
        raise InvalidArguments(
            f"{count:,} {what} are too many for one call.", advice=f"Give {MOST} at most.", code="INVALID_ARGUMENT"
        )
