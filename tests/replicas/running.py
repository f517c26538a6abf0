"""One run from start to verdict: parts are started, callers work while things go wrong, then all is compared."""

import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import anyio
import anyio.to_thread

from bitrix24_mcp.demo.recording import RecordedRequest
from replicas.calling import Connection, Record, connected
from replicas.judging import Evidence, Verdict, judged
from replicas.ledger import DOUBTFUL, Ledger
from replicas.parts import Plan, Team, assembled, journal_of
from replicas.troubles import Suffered, Trouble, bring
from replicas.working import Worker

Sample = tuple[float, int, int, float]
"""When a replica was looked at, its number, its process and that one's memory in megabytes."""
_LAST_WORDS = 150.0
"""Seconds in which all callers must be answered at the end: the portal may have its window full."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a run. `began` and `ended`: while callers worked, on the monotonic clock."""

    plan: Plan
    began: float
    ended: float
    evidence: Evidence
    verdict: Verdict
    record: Record
    ports: Sequence[int] = ()
    memory: Sequence[Sample] = ()

    @property
    def requests(self) -> Sequence[RecordedRequest]:
        return self.evidence.requests


@dataclass(frozen=True, slots=True)
class _Shift:
    """What is gathered while callers work."""

    record: Record = field(default_factory=Record)
    suffered: list[Suffered] = field(default_factory=list[Suffered])
    memory: list[Sample] = field(default_factory=list[Sample])
    unanswered: list[str] = field(default_factory=list[str])


async def played(plan: Plan, seconds: float, troubles: Sequence[Trouble], folder: Path, *, rest: float) -> Run:
    """A run of at least so many seconds, and what came of it. `rest`: the longest that a client waits between calls."""
    with assembled(plan, folder) as team:
        ledgers = [Ledger(each.name, each.person) for each in team.callers]
        shift = _Shift()
        async with AsyncExitStack() as stack:
            ports = [replica.port for replica in team.replicas]
            there = [await stack.enter_async_context(connected(each, ports, shift.record)) for each in team.callers]
            workers = _workers(there, ledgers)
            began = time.monotonic()
            await _work(team, workers, troubles, shift, seconds, rest)
            ended = time.monotonic()
            await _last_words(workers, shift)
        journal = await anyio.to_thread.run_sync(journal_of, team.replicas[0])
        requests = list(team.portal.requests)
        evidence = Evidence(
            ledgers, shift.record.calls, requests, team.witness.events(), journal, shift.suffered, shift.unanswered
        )
        return Run(plan, began, ended, evidence, judged(evidence), shift.record, ports, shift.memory)


def _workers(there: Sequence[Connection], ledgers: Sequence[Ledger]) -> list[Worker]:
    return [
        Worker(mine, there[(place + 1) % len(there)], ledger, Random(place))  # noqa: S311 - a drawn mix is no secret
        for place, (mine, ledger) in enumerate(zip(there, ledgers, strict=True))
    ]


async def _work(
    team: Team, workers: Sequence[Worker], troubles: Sequence[Trouble], shift: _Shift, seconds: float, rest: float
) -> None:
    """For so many seconds, or until the last trouble is over and has been followed by a calm as long as the others."""
    ends = time.monotonic() + seconds
    troubled = True

    def goes_on() -> bool:
        return troubled or time.monotonic() < ends

    async with anyio.create_task_group() as group:
        group.start_soon(_watch_memory, team, shift, goes_on)
        for worker in workers:
            group.start_soon(worker.work, goes_on, rest)
        await bring(team, troubles, shift.suffered)
        await anyio.sleep(troubles[-1].calm if troubles else 0)
        troubled = False


async def _watch_memory(team: Team, shift: _Shift, goes_on: Callable[[], bool]) -> None:
    while goes_on():
        for replica in team.replicas:
            if (told := replica.resident()) is not None:
                shift.memory.append((time.monotonic(), replica.number, *told))
        await anyio.sleep(0.5)


async def _last_words(workers: Sequence[Worker], shift: _Shift) -> None:
    """Whoever lost an answer looks up what became of it; all count their records a last time."""

    async def speak(worker: Worker) -> None:
        if any(each.fate in DOUBTFUL for each in worker.ledger.writes):
            await worker.list_operations()
        if await worker.count():
            silent.remove(worker.ledger.name)

    silent = [worker.ledger.name for worker in workers]
    with anyio.move_on_after(_LAST_WORDS):
        async with anyio.create_task_group() as group:
            for worker in workers:
                group.start_soon(speak, worker)
    shift.unanswered.extend(silent)
