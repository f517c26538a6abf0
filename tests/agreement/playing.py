"""How steps are played, and what is held of each besides what the judge holds of all."""

from collections.abc import Mapping, Sequence
from typing import Any

from agreement import steps
from agreement.judge import Judge
from agreement.kinds import BY_ENTITY, Kind, Values
from agreement.noted import Noted
from agreement.reversal import check_reversed, moved, reversible
from agreement.trial import Told, Trial
from agreement.troubles import Circumstances
from agreement.witness import Key

_FIRST = 8
"""Records of the demo portal's own that are written to besides new ones."""


class Player:
    """Plays the steps of one sequence on a trial."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.judge = Judge(trial)
        self._last: tuple[str, Mapping[str, Any], Kind, Sequence[Key]] | None = None
        self._meddled = 0
        self.told: list[Told] = []

    async def play(self, step: steps.Step) -> None:
        """One step, and a look at all sources after it."""
        match step:
            case steps.Create():
                await self._create(step)
            case steps.Update():
                await self._update(step)
            case steps.Delete():
                ids = self._targets(step.kind, step.picks)
                await self._write(
                    "write_items", step.around, step.kind, ids, entity=step.kind.entity, action="delete", ids=ids
                )
            case steps.Comment():
                await self._comment(step)
            case steps.Start():
                await self._start(step)
            case steps.Terminate():
                await self._terminate(step)
            case steps.Undo():
                await self._undo(step)
            case steps.Repeat():
                await self._repeat(step)
            case _:
                await self._between(step)

    async def settle(self) -> None:
        """All is over: after some minutes nothing is open but what the portal cannot tell."""
        self.trial.calendar.passes(minutes=4)
        await self.trial.ask("undo")
        self.judge.look()
        await self.trial.restart()
        self.judge.look()
        for entry in self.judge.entries:
            assert not entry.open or self._cannot_be_told(entry), f"still open: {entry}"

    def _cannot_be_told(self, entry: Noted) -> bool:
        if entry.action == "create":
            return not BY_ENTITY[entry.entity].marked
        if entry.action == "update":
            return self.judge.neither_nor(entry)
        return entry.action == "start"

    async def _between(self, step: steps.LookUp | steps.Passes | steps.Restart) -> None:
        match step:
            case steps.LookUp():
                await self.trial.ask("undo")
            case steps.Passes():
                self.trial.calendar.passes(minutes=step.minutes)
            case steps.Restart():
                await self.trial.restart()
        self.judge.look()

    async def _create(self, step: steps.Create) -> None:
        items = [self._item(step.kind, place, step.fragments) for place in range(step.number)]
        await self._write(
            "write_items", step.around, step.kind, [], entity=step.kind.entity, action="create", items=items
        )

    def _item(self, kind: Kind, place: int, fragments: Sequence[int]) -> Values:
        self.trial.made += 1
        chosen = _merged(kind, fragments[place % len(fragments) :])
        return {kind.name: f"Agreement {self.trial.made}", **chosen}

    async def _update(self, step: steps.Update) -> None:
        ids = self._targets(step.kind, step.picks)
        items = [
            {"id": each, **_merged(step.kind, step.fragments[place % len(step.fragments) :])}
            for place, each in enumerate(ids)
        ]
        await self._write(
            "write_items", step.around, step.kind, ids, entity=step.kind.entity, action="update", items=items
        )

    async def _comment(self, step: steps.Comment) -> None:
        self.trial.made += 1
        [owner] = self._targets(step.kind, [step.pick])
        told = {"entity": step.kind.entity, "id": owner, "text": f"Agreement {self.trial.made}"}
        await self._write("add_comment", step.around, BY_ENTITY["timelines"], [], **told)

    async def _start(self, step: steps.Start) -> None:
        [owner] = self._targets(step.kind, [step.pick])
        told = {"template": str(step.kind.template), "entity": step.kind.entity, "id": owner}
        await self._write("run_workflow", step.around, step.kind, [], action="start", **told)

    async def _terminate(self, step: steps.Terminate) -> None:
        running = sorted(map(str, self.trial.witness.rows("workflows")))
        told = {"workflow": running[step.pick % len(running)], "forced": step.forced}
        await self._write("run_workflow", step.around, BY_ENTITY["workflows"], [], action="terminate", **told)

    async def _repeat(self, step: steps.Repeat) -> None:
        if self._last is None:
            return
        tool, arguments, kind, ids = self._last
        last = self.judge.entries[-1:]
        still_open = [each for each in self.judge.of_operation(last[0].operation) if each.open] if last else []
        told = await self._write(tool, step.around, kind, ids, **arguments)
        if still_open and tool != "undo" and not told.error:
            assert not told.content.get("operation") or told.content.get("done"), f"asked again, and accepted: {told}"

    async def _undo(self, step: steps.Undo) -> None:
        numbers = sorted({each.operation for each in self.judge.entries}, reverse=True)
        if not numbers:
            return
        number = numbers[step.pick % len(numbers)]
        entries = self.judge.of_operation(number)
        done = [each for each in entries if each.state == "done"]
        chosen = done[: (len(done) + 1) // 2] if step.partly else done
        which = {"ids": [each.record_id for each in chosen]} if step.partly and chosen else {}
        kind = BY_ENTITY[entries[0].entity]
        if step.moved and chosen and chosen[0].action in {"create", "update"}:
            self._move_on(kind, chosen[0])
        expected = reversible(entries, chosen, self.judge, self.trial.witness)
        told = await self._write(
            "undo", step.around, kind, [each.record_id for each in chosen], operation=number, **which
        )
        if step.around.quiet and expected is not None:
            assert told.code == expected, (
                f"undo of operation {number} should say {expected or 'done'}: {told} {entries}"
            )

    def _move_on(self, kind: Kind, entry: Noted) -> None:
        """Somebody changes what an entry wrote, or something else of its record."""
        events = self.judge.events[entry.key]
        written = [
            name for name in events[-1].changed if isinstance(events[-1].after[name], float) and name not in kind.own
        ] if events else []  # fmt: skip
        if written and entry.record_id is not None:
            value = float(events[-1].after[written[0]]) + 1
            self.trial.witness.meddle(kind.table, entry.record_id, **{written[0]: value})
        else:
            self._meddle(kind, entry.record_id)

    async def _write(
        self, tool: str, around: Circumstances, kind: Kind, concerned: Sequence[Key | None], **arguments: Any
    ) -> Told:
        targets = [each for each in concerned if each is not None and each in self.trial.witness.rows(kind.table)]
        told = await self.trial.write(tool, around, lambda: self._meddle(kind, *targets[:1]), **arguments)
        self.told.append(told)
        new = self.judge.look(told, around)
        check_reversed(new, self.judge, self.trial.witness)
        if around.meddled and self.trial.way != "at once":
            assert not {each.record_id for each in new} & set(targets[:1]), (
                f"changed meanwhile, and yet written: {told}"
            )
        if tool != "undo":
            self._last = (tool, arguments, kind, targets)
        return told

    def _meddle(self, kind: Kind, *keys: Key | None) -> None:
        """Somebody else changes a record."""
        for key in keys:
            self._meddled += 1
            if key is not None and kind.foreign:
                value = self._meddled if kind.foreign == "opportunity" else f"Meanwhile {self._meddled}"
                self.trial.witness.meddle(kind.table, key, **{kind.foreign: value})

    def _targets(self, kind: Kind, picks: Sequence[int]) -> list[Key]:
        """Records that are there now, each once: some that the portal began with, and all that are new."""
        rows = self.trial.witness.rows(kind.table)
        new = [key for key, row in rows.items() if str(row[kind.name]).startswith("Agreement ")]
        several = [key for key, row in rows.items() if "," in str(row.get("contactIds"))]
        offered = [*new, *list(rows)[:_FIRST], *several[:1]]
        return list(dict.fromkeys(offered[pick % len(offered)] for pick in picks))


def _merged(kind: Kind, fragments: Sequence[int]) -> Values:
    chosen: dict[str, Any] = {}
    for each in fragments:
        chosen |= kind.fragments[each % len(kind.fragments)]
    return chosen
