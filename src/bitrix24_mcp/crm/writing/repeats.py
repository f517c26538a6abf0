"""A write that nobody answered is not made again while it may still come, nor when it has come after all."""

from collections.abc import Sequence

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.portal_changes import Change
from bitrix24_mcp.crm.writing.journal import OPEN, Entry, Operation
from bitrix24_mcp.crm.writing.plan import Plan

_NAMED = 20


def check_repeats(plan: Plan, open_ones: Sequence[Operation]) -> None:
    """Raises InvalidArguments when the plan holds a change that an open operation holds as well."""
    for operation in open_ones:
        entries = [each for each in operation.entries if each.state in OPEN]
        if any(_alike(change, entry, plan) for change in plan.changes for entry in entries):
            raise InvalidArguments(
                f"The same was sent before as operation {operation.number}, and nobody knows yet what became of it.",
                advice="It may still come: look again in three minutes. If it stays unknown, look for it in the portal "
                f"and settle it with `bitrix24-mcp journal {operation.number} --settle done` or `not-done`.",
                code="OUTCOME_UNKNOWN",
            )


def check_found(plan: Plan, looked_up: Sequence[Operation]) -> None:
    """Raises InvalidArguments when the plan holds a change that was open until now and was found to be carried out.

    Whoever asks for it again does so because nobody could tell.
    """
    for operation in looked_up:
        entries = [each for each in operation.entries if each.state == "done"]
        found = [each for each in entries if any(_alike(change, each, plan) for change in plan.changes)]
        if found:
            ids = [str(each.after.get("workflow") or each.record_id) for each in found[:_NAMED]]
            raise InvalidArguments(
                f"The same was sent before as operation {operation.number} without an answer, and has come through: "
                f"{', '.join(ids)}{' …' if len(found) > _NAMED else ''}.",
                advice="Nothing was written now. Should it be written once more all the same, call again.",
                code="ALREADY_DONE",
            )


def _alike(change: Change, entry: Entry, plan: Plan) -> bool:
    record_id = None if entry.action == "create" else entry.record_id
    if (change.action, change.entity.name, change.id) != (entry.action, entry.entity, record_id):
        return False
    origin = set(plan.entity.origin) if any(plan.marks) else set[str]()
    ours = {name: value for name, value in change.values.items() if name not in origin}
    theirs = {name: value for name, value in entry.values.items() if name not in plan.entity.origin or not entry.mark}
    return ours == theirs
