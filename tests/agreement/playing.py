"""How steps are played, and what is held of each besides what the judge holds of all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agreement import steps
from agreement.judge import Judge
from agreement.kinds import BY_ENTITY, COMMENTS, WORKFLOWS, Kind, Values
from agreement.noted import Noted
from agreement.reversal import check_reversed, reversible
from agreement.trial import Told, Trial
from agreement.troubles import Circumstances
from agreement.witness import Key

_REFUSALS = frozenset(
    {"", "STAGE_OF_ANOTHER_FUNNEL", "CANNOT_UNDO", "RECORD_MOVED_ON", "OUTCOME_UNKNOWN", "ALREADY_DONE",
     "ENTITY_NOT_FOUND"}
)  # fmt: skip
"""Why a write that nothing disturbs may be refused."""
_FIRST = 8
"""Records of the demo portal's own that are written to besides new ones."""


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that writes: `kind` and `targets` are the records that it changes or deletes."""

    tool: str
    kind: Kind
    targets: Sequence[Key]
    arguments: Mapping[str, Any]


class Player:
    """Plays the steps of one sequence on a trial."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._witness = trial.witness
        self.judge = Judge(trial)
        self._made = 0
        self._meddled = 0
        self._last: _Call | None = None

    async def play(self, step: steps.Step) -> Told | None:
        """One step, and a look at all sources after it; what was told, if the step writes."""
        match step:
            case steps.LookUp() | steps.Passes() | steps.Restart():
                await self._between(step)
                return None
            case steps.Undo():
                return await self._undo(step)
            case steps.Repeat():
                return await self._write(self._last, step.around) if self._last else None
            case _:
                self._last = self._call(step)
                return await self._write(self._last, step.around)

    async def settle(self) -> None:
        """All is over: after some minutes nothing is open but what nobody can tell, whoever looks it up."""
        self._trial.calendar.passes(minutes=4)
        if self._made % 2:
            await self._trial.ask("undo")
        else:
            await self._trial.restart()
        self.judge.look()
        for entry in self.judge.entries:
            assert not entry.open or self._cannot_be_told(entry), f"still open: {entry}"

    def _cannot_be_told(self, entry: Noted) -> bool:
        match entry.action:
            case "create":
                return not BY_ENTITY[entry.entity].marked
            case "update":
                return self.judge.neither_nor(entry)
            case action:
                return action == "start"

    async def _between(self, step: steps.LookUp | steps.Passes | steps.Restart) -> None:
        match step:
            case steps.LookUp():
                await self._trial.ask("undo")
            case steps.Passes():
                self._trial.calendar.passes(minutes=step.minutes)
            case steps.Restart():
                await self._trial.restart()
        self.judge.look()

    def _call(self, step: steps.Create | steps.Update | steps.Delete | steps.Comment | steps.Workflow) -> _Call:
        match step:
            case steps.Create():
                items = [self._new(step.kind, place, step.fragments) for place in range(step.number)]
                return _items(step.kind, [], action="create", items=items)
            case steps.Update():
                ids = self._targets(step.kind, step.picks)
                items = [{"id": each, **_merged(step.kind, step.fragments, place)} for place, each in enumerate(ids)]
                return _items(step.kind, ids, action="update", items=items)
            case steps.Delete():
                ids = self._targets(step.kind, step.picks)
                return _items(step.kind, ids, action="delete", ids=ids)
            case steps.Comment():
                [owner] = self._targets(step.kind, [step.pick])
                told = {"entity": step.kind.entity, "id": owner, "text": self._name()}
                return _Call("add_comment", COMMENTS, [], told)
            case _:
                return self._workflow(step)

    def _workflow(self, step: steps.Start | steps.Terminate) -> _Call:
        if isinstance(step, steps.Start):
            [owner] = self._targets(step.kind, [step.pick])
            told = {"action": "start", "template": str(step.kind.template), "entity": step.kind.entity, "id": owner}
            return _Call("run_workflow", step.kind, [], told)
        running = sorted(map(str, self._witness.rows("workflows")))
        which = running[step.pick % len(running)]
        return _Call("run_workflow", WORKFLOWS, [], {"action": "terminate", "workflow": which, "forced": step.forced})

    async def _undo(self, step: steps.Undo) -> Told | None:
        numbers = sorted({each.operation for each in self.judge.entries}, reverse=True)
        if not numbers:
            return None
        entries = self.judge.of_operation(numbers[step.pick % len(numbers)])
        done = [each for each in entries if each.state == "done"]
        chosen = done[: (len(done) + 1) // 2] if step.partly else done
        ids = [each.record_id for each in chosen if each.record_id is not None]
        kind = BY_ENTITY[entries[0].entity]
        if step.moved and chosen:
            self._move_on(kind, chosen[0])
        expected = reversible(entries, chosen, self.judge, self._witness)
        which = {"operation": entries[0].operation, **({"ids": ids} if step.partly and ids else {})}
        told = await self._write(_Call("undo", kind, ids, which), step.around)
        if self._trial.quiet and expected is not None:
            assert told.code == expected, f"undoing should say {expected or 'done'}: {told} {entries}"
        return told

    async def _write(self, call: _Call, around: Circumstances) -> Told:
        there = [each for each in call.targets if each in self._witness.rows(call.kind.table)]
        told = await self._trial.write(call.tool, around, lambda: self._meddle(call.kind, *there[:1]), **call.arguments)
        new = self.judge.look(told, around)
        if any(each.kind == "operation_limit" for each in around.troubles):
            await self._trial.restart()  # a server that was told of a limit keeps to it for minutes
        check_reversed(new, self.judge, self._witness)
        gone = told.code == "NOT_FOUND" and len(there) < len(call.targets)
        assert not self._trial.quiet or gone or told.code in _REFUSALS, f"nothing went wrong, and yet: {told}"
        if self._trial.quiet and not told.error:
            assert all(each.state == "done" for each in new), f"nothing went wrong, and yet: {told}"
            asked = len(call.arguments.get("items") or call.arguments.get("ids") or call.targets or (None,))
            assert len(new) + told.content.get("unchanged", 0) == asked or call.tool == "undo", f"not all of it: {told}"
        if around.meddled and self._trial.way != "at once":
            assert not {each.record_id for each in new} & set(there[:1]), f"changed meanwhile, and yet written: {told}"
        return told

    def _move_on(self, kind: Kind, entry: Noted) -> None:
        """Somebody changes what an entry wrote, or something else of its record."""
        written = {name: each.after[name] for each in self.judge.events[entry.key] for name in each.changed}
        amounts = {name: value for name, value in written.items() if isinstance(value, float)}
        if amounts and entry.record_id is not None and entry.action == "update":
            name, value = next(iter(amounts.items()))
            self._witness.meddle(kind.table, entry.record_id, **{name: value + 1})
        else:
            self._meddle(kind, entry.record_id)

    def _meddle(self, kind: Kind, *keys: Key | None) -> None:
        """Somebody else changes records."""
        for key in keys:
            self._meddled += 1
            if key is not None and kind.foreign:
                value = self._meddled if kind.foreign == "opportunity" else f"Meanwhile {self._meddled}"
                self._witness.meddle(kind.table, key, **{kind.foreign: value})

    def _new(self, kind: Kind, place: int, fragments: Sequence[int]) -> Values:
        return {kind.name: self._name(), **_merged(kind, fragments, place)}

    def _name(self) -> str:
        """One that nothing else has."""
        self._made += 1
        return f"Agreement {self._made}"

    def _targets(self, kind: Kind, picks: Sequence[int]) -> list[Key]:
        """Records that are there now, each once: some that the portal began with, and all that are new."""
        rows = self._witness.rows(kind.table)
        new = [key for key, row in rows.items() if str(row[kind.name]).startswith("Agreement ")]
        several = [key for key, row in rows.items() if "," in str(row.get("contactIds"))]
        offered = [*new, *list(rows)[:_FIRST], *several[:1]]
        return list(dict.fromkeys(offered[pick % len(offered)] for pick in picks))


def _items(kind: Kind, targets: Sequence[Key], **arguments: Any) -> _Call:
    return _Call("write_items", kind, targets, {"entity": kind.entity, **arguments})


def _merged(kind: Kind, fragments: Sequence[int], place: int) -> Values:
    """The fragments of the record at a place: each has fewer than the one before, until they begin anew."""
    chosen: dict[str, Any] = {}
    for each in fragments[place % len(fragments) :]:
        chosen |= kind.fragments[each % len(kind.fragments)]
    return chosen
