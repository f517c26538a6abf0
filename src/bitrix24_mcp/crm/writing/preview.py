"""What would be changed, before and after, by name: for a model as data, for a person as lines."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, cast

from bitrix24_mcp.crm.dates import shown
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.labels import with_names
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_changes import Change
from bitrix24_mcp.crm.shape import compact, fitting
from bitrix24_mcp.crm.text import plain
from bitrix24_mcp.crm.writing.citing import cited, coded, exactly, labelled
from bitrix24_mcp.crm.writing.doubts import dismissed_people, unseen_records
from bitrix24_mcp.crm.writing.plan import Plan

_LINES = 20
"""Records that a person is shown one by one."""
_COMMON = 8
"""Most frequent new values that are counted where not every record is shown."""
VERBS = {
    "create": "Create", "update": "Change", "delete": "Delete for good", "start": "Start a workflow on",
    "terminate": "End", "complete": "Complete",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One change with names: what it is called, and by field what was and what will be; "" where a field is empty."""

    change: Change
    called: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    def as_data(self) -> dict[str, Any]:
        """The row for a model."""
        told = {"id": self.change.id, "called": self.called, "before": self.before, "after": self.after}
        return {name: _exactly(value) for name, value in told.items() if value not in (None, "", {})}


@dataclass(frozen=True, slots=True)
class Preview:
    """All changes of a plan with names.

    `labels`: what people call those fields that the portal's administrators added. `notes`: those of the plan, and
    what else must be known before it is confirmed.
    """

    plan: Plan
    rows: Sequence[Row]
    labels: Mapping[str, str]
    notes: Sequence[str]

    def as_data(self, budget: int) -> dict[str, Any]:
        """The preview for a model, as many rows as fit into the token budget; what is not shown is counted."""
        rows = [row.as_data() for row in self.rows]
        count = fitting(rows, budget)
        left = {"not_shown": len(rows) - count, "in_all": self._in_all()} if count < len(rows) else {}
        told = {
            "action": self.plan.action,
            "entity": self.plan.entity.name,
            "records": len(rows),
            "labels": dict(self.labels),
            "changes": rows[:count],
            **left,
            "unchanged": list(self.plan.unchanged),
            "undoes": self.plan.undoes,
            "notes": list(self.notes),
        }
        return {name: value for name, value in told.items() if value not in (None, [], {})}

    def as_text(self, whose: str) -> str:
        """The preview for a person who is asked; `whose` says on which portal, with whose rights."""
        undoing = f", which reverses operation {self.plan.undoes}" if self.plan.undoes else ""
        lines = [f"{VERBS[self.plan.action]} {len(self.rows):,} {self._what()} {whose}{undoing}:"]
        lines += [f"• {self._line(row)}" for row in self.rows[:_LINES]]
        if len(self.rows) > _LINES:
            lines.append(f"… and {len(self.rows) - _LINES:,} more. In all: {'; '.join(self._in_all()) or 'as above'}.")
        return "\n".join([*lines, *self.notes])

    def _what(self) -> str:
        entity = self.plan.entity
        what = entity.singular if len(self.rows) == 1 else "items" if entity.smart_process else entity.plural
        return f"{what} of {cited(entity.title)}" if entity.smart_process else what

    def _line(self, row: Row) -> str:
        known = f" {cited(row.called)}" if row.called else ""
        what = f"{row.change.entity.singular} {coded(row.change.id)}" if row.change.id is not None else "new"
        told = [f"{self._called(name)}: {_told(row, name)}" for name in _without_labels(row.after)]
        return f"{what}{known}: {'; '.join(told)}" if told else f"{what}{known}"

    def _called(self, name: str) -> str:
        return f"{cited(self.labels[name])} ({name})" if name in self.labels else name

    def _in_all(self) -> list[str]:
        counted = Counter(
            f"{self._called(name)}: {_said(row.after, name)}"
            for row in self.rows
            for name in _without_labels(row.after)
        )
        return [f"{told} ({count:,})" for told, count in counted.most_common(_COMMON) if count > 1]


async def preview_of(plan: Plan, metadata: Metadata) -> Preview:
    """The plan's changes with names beside codes."""
    if plan.action in {"start", "terminate", "complete"}:
        rows = [_of_a_workflow(place, each, plan) for place, each in enumerate(plan.changes)]
        return Preview(plan, rows, {}, plan.notes)
    fields = await metadata.fields(plan.entity)
    zone = await metadata.zone()
    columns = _columns(plan, fields)
    was = [_shaped(each.before, columns, fields, zone) for each in plan.changes]
    will = [
        _shaped(each.values, [name for name in columns if name in each.values], fields, zone) for each in plan.changes
    ]
    named = await with_names([*was, *will], fields, columns, metadata)
    before, after = named[: len(was)], named[len(was) :]
    rows = [
        Row(each, plan.called.get(place, ""), _of_fields(before[place], each, plan), after[place])
        for place, each in enumerate(plan.changes)
    ]
    labels = {name: plain(fields[name].title) for name in columns if fields.is_user_field(name) and fields[name].title}
    doubts = [*await dismissed_people(plan, fields, metadata), *unseen_records(plan, after, fields)]
    return Preview(plan, rows, labels, [*plan.notes, *doubts])


def _columns(plan: Plan, fields: Fields) -> list[str]:
    """What is shown: of a record that is deleted what it is known by, else what is written, without our mark."""
    if plan.action == "delete":
        return [name for name in plan.entity.select if name in fields]
    hidden = set(plan.entity.origin) if any(plan.marks) else set[str]()
    written = dict.fromkeys(name for each in plan.changes for name in each.values)
    return [name for name in written if name in fields and name not in hidden]


def _of_fields(row: Mapping[str, Any], change: Change, plan: Plan) -> Mapping[str, Any]:
    """What was in the fields that change; of a record that is deleted, what it is known by."""
    if plan.action == "delete":
        return {name: value for name, value in row.items() if value != ""}
    if plan.action == "create":
        return {}
    return {name: value for name, value in row.items() if name.removesuffix("_name") in change.values}


def _shaped(values: Mapping[str, Any], columns: Sequence[str], fields: Fields, zone: tzinfo) -> dict[str, Any]:
    return {name: _shown(values.get(name), name, fields, zone) for name in columns}


def _shown(value: Any, name: str, fields: Fields, zone: tzinfo) -> Any:
    match value:
        case None | []:
            return ""
        case list():
            return [_shown(each, name, fields, zone) for each in cast("list[Any]", value)]
        case dict():
            return _with_parts(cast("dict[str, Any]", value))
        case str() if fields.kind(name) == "datetime":
            return shown(value, zone)
        case str() if fields.kind(name) == "date":
            return value[:10]
        case _:
            return value


def _with_parts(held: Mapping[str, Any]) -> str:
    """A phone or an address with what it is for; any other object as it is."""
    if "VALUE" not in held:
        return compact(held)
    kind = held.get("VALUE_TYPE")
    return f"{held['VALUE']} ({kind})" if kind else str(held["VALUE"])


def _exactly(value: Any) -> Any:
    """A value with every text in it as `exactly` writes it."""
    match value:
        case str():
            return exactly(value)
        case list():
            return [_exactly(each) for each in cast("list[Any]", value)]
        case dict():
            return {name: _exactly(each) for name, each in cast("dict[str, Any]", value).items()}
        case _:
            return value


def _without_labels(row: Mapping[str, Any]) -> list[str]:
    return [name for name in row if not name.endswith("_name") or name.removesuffix("_name") not in row]


def _told(row: Row, name: str) -> str:
    """What the field will hold; of what is changed, also what it held."""
    after = _said(row.after, name)
    return f"{_said(row.before, name)} → {after}" if row.change.action == "update" else after


def _said(row: Mapping[str, Any], name: str) -> str:
    """A value for a person: its name with the code."""
    label = row.get(f"{name}_name", "")
    return labelled(row.get(name, ""), label) if label else cited(row.get(name, ""))


def _of_a_workflow(place: int, change: Change, plan: Plan) -> Row:
    coded = "status" if change.action == "complete" else ""  # the plan's note has the word for it
    kept = {
        name: value for name, value in change.values.items() if value not in (None, "", {}, False) and name != coded
    }
    return Row(change, plan.called.get(place, ""), {}, kept)
