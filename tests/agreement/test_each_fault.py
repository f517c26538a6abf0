"""One fault at the request that writes: what the caller is told, what the journal and the portal's database hold."""

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Literal

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from agreement.demanded import demanded
from agreement.noted import noted
from agreement.trial import Told, Trial, trial_of
from agreement.troubles import Circumstances, Trouble
from bitrix24_mcp.demo.faults import FaultKind
from writing_assistants import WRITING_DOORS, Door

Action = Literal["create", "update", "delete"]
WRITES: tuple[tuple[Action, int], ...] = (("create", 1), ("create", 3), ("update", 3), ("delete", 1), ("delete", 3))
"""What is written to how many records."""
LETTERS: Mapping[str, str] = MappingProxyType({"done": "d", "refused": "r", "unknown": "u", "not done": "n"})


@dataclass(frozen=True)
class Expected:
    """What becomes of a record alone, and of three that share a request: done, refused or unknown, a letter each.

    `requests`: how many writing requests there are for one, and for three. `later`: the letter that an unknown one gets
    when it is looked up once it cannot come any more.
    """

    one: str
    three: str
    requests: tuple[int, int] = (1, 1)
    later: str = "n"


DONE, UNKNOWN, REFUSED = Expected("d", "ddd"), Expected("u", "uuu"), Expected("r", "rrr")
WAITED_OUT = Expected("d", "ddd", (2, 2))
EVERYWHERE: Mapping[FaultKind, Expected] = MappingProxyType(
    {
        "rate_limit": WAITED_OUT,
        "server_error": UNKNOWN,
        "drop": UNKNOWN,
        "drop_after": DONE,
        "drop_midway": Expected("u", "duu"),
        "failed_after": DONE,
        "broken_json": UNKNOWN,
        "html": UNKNOWN,
        "html_502": UNKNOWN,
        "empty": UNKNOWN,
        "redirect": REFUSED,
        "expired_key": REFUSED,
        "access_denied": REFUSED,
        "bitrix_error": REFUSED,
        "limit_within": Expected("d", "ddd", (1, 2)),
    }
)
"""What is carried out without an answer is found at once, by looking it up."""
ONLY: Mapping[Door, Mapping[FaultKind, Expected]] = MappingProxyType(
    {
        "gateway": {"bad_gateway": UNKNOWN, "queue_timeout": UNKNOWN, "partial_batch": Expected("d", "drd")},
        "rest": {
            "overload": REFUSED,
            "expired_token": REFUSED,
            "partial_batch": Expected("d", "dud"),
        },
    }
)
CASES = [(door, kind, expected) for door in WRITING_DOORS for kind, expected in {**EVERYWHERE, **ONLY[door]}.items()]
LATE: Mapping[FaultKind, Expected] = MappingProxyType({"slow": Expected("u", "uuu", later="d"), "slow_after": DONE})


@dataclass(frozen=True)
class Case:
    """One write: what was told, the deals it concerned, and how many requests wrote."""

    trial: Trial
    action: Action
    told: Told
    ids: Sequence[int]
    names: Sequence[str]
    requests: int

    @property
    def noted(self) -> str:
        """The journal's states of them now, a letter each."""
        entries = noted(self.trial.folder)
        return "".join(LETTERS[each.state] for each in entries if each.operation == entries[-1].operation)

    @property
    def written(self) -> str:
        """What the database shows of each: "d" where it was written once, "-" where it was not."""
        rows = self.trial.witness.rows("deals")
        if self.action == "create":
            counted = Counter(str(row["title"]) for row in rows.values())
            return "".join("-d2"[counted[name]] for name in self.names)
        if self.action == "delete":
            return "".join("-" if number in rows else "d" for number in self.ids)
        return "".join(
            "d" if rows[number]["title"] == name else "-" for number, name in zip(self.ids, self.names, strict=True)
        )

    @property
    def counts(self) -> tuple[int, ...]:
        """How many the answer calls done, refused and unknown; an error means that all are refused."""
        if self.told.error:
            return (0, len(self.names), 0)
        return tuple(self.told.content.get(name, 0) for name in ("done", "refused", "unknown"))


class Bench:
    """A portal behind one door, and deals of its own for each case."""

    def __init__(self, loop: BlockingPortal, trial: Trial) -> None:
        self._loop = loop
        self._trial = trial
        self._made = 0

    def write(self, action: Action, number: int, kind: FaultKind) -> Case:
        """What happens when so many deals are written while the portal fails so."""
        self._made += 1
        names = [f"Case {self._made} {place}" for place in range(number)]
        ids = [self._deal() for _ in names] if action != "create" else []
        trial = self._trial
        before = len(trial.requests)
        around = Circumstances((Trouble(kind),))
        told = self._loop.call(partial(trial.write, "write_items", around, _nobody, **_arguments(action, ids, names)))
        requests = sum(any(each.action == action for each in demanded(one)) for one in trial.requests[before:])
        return Case(trial, action, told, ids, names, requests)

    def look_up_later(self) -> None:
        """Four minutes go by, and what is open is looked up."""
        self._trial.calendar.passes(minutes=4)
        self._loop.call(partial(self._trial.ask, "undo"))

    def _deal(self) -> int:
        """A new deal, of which nobody knows."""
        sql = self._trial.witness.sql
        [(number,)] = sql("select max(id) + 1 from deals")
        columns = "id, title, amount, categoryId, stageId, stageSemanticId, contactIds, observers, closed, opened"
        sql(f"insert into deals ({columns}) values (?, 'Old', 1, 0, 'NEW', 'P', '[]', '[]', 0, 1)", number)
        return int(number)


@pytest.fixture(scope="module")
def loop() -> Generator[BlockingPortal]:
    with start_blocking_portal() as started:
        yield started


@pytest.fixture(scope="module")
def benches(loop: BlockingPortal) -> Generator[Mapping[Door, Bench]]:
    """Both doors, each with a server that waits for answers as long as it takes."""
    with (
        loop.wrap_async_context_manager(trial_of("gateway", "code", patience=30)) as gateway,
        loop.wrap_async_context_manager(trial_of("rest", "code", patience=30)) as rest,
    ):
        yield {"gateway": Bench(loop, gateway), "rest": Bench(loop, rest)}


@pytest.mark.parametrize(("action", "number"), WRITES)
@pytest.mark.parametrize(("door", "kind", "expected"), CASES, ids=[f"{door}-{kind}" for door, kind, _ in CASES])
def test_a_fault_is_told_and_noted_as_what_the_database_shows(
    door: Door, kind: FaultKind, expected: Expected, action: Action, number: int, benches: Mapping[Door, Bench]
) -> None:
    check(benches[door], kind, expected, action, number)


@pytest.mark.parametrize(("action", "number"), WRITES)
def test_a_method_whose_time_is_used_up_writes_nothing(action: Action, number: int, loop: BlockingPortal) -> None:
    """A server of its own: it does not ask for that method again for minutes."""
    with loop.wrap_async_context_manager(trial_of("rest", "code", patience=30)) as trial:
        check(Bench(loop, trial), "operation_limit", REFUSED, action, number)


@pytest.fixture(scope="module")
def impatient(loop: BlockingPortal) -> Generator[Mapping[Door, Bench]]:
    """Both doors, each with a server that does not wait for a portal that is slow."""
    with (
        loop.wrap_async_context_manager(trial_of("gateway", "code")) as gateway,
        loop.wrap_async_context_manager(trial_of("rest", "code")) as rest,
    ):
        yield {"gateway": Bench(loop, gateway), "rest": Bench(loop, rest)}


@pytest.mark.parametrize(("action", "number"), [("create", 3), ("update", 1), ("delete", 1)])
@pytest.mark.parametrize("kind", LATE)
@pytest.mark.parametrize("door", WRITING_DOORS)
def test_an_answer_that_comes_too_late_is_found_by_looking_it_up(
    door: Door, kind: FaultKind, action: Action, number: int, impatient: Mapping[Door, Bench]
) -> None:
    check(impatient[door], kind, LATE[kind], action, number)


def check(bench: Bench, kind: FaultKind, expected: Expected, action: Action, number: int) -> None:
    """The answer, the journal and the database tell the same, at once and later; nothing is asked for twice blindly."""
    fates = expected.one if number == 1 else expected.three
    later = fates.replace("u", expected.later)
    written = "".join("d" if fate == "d" else "-" for fate in later)
    case = bench.write(action, number, kind)

    assert (case.counts, case.noted, case.written, case.requests) == (
        tuple(fates.count(letter) for letter in "dru"),
        fates,
        written,
        expected.requests[number > 1],
    ), case.told

    bench.look_up_later()
    assert (case.noted, case.written) == (later, written)


def _nobody() -> None:
    """Nobody else changes anything."""


def _arguments(action: Action, ids: Sequence[int], names: Sequence[str]) -> dict[str, Any]:
    if action == "delete":
        return {"entity": "deals", "action": action, "ids": list(ids)}
    items = [{"title": name} for name in names]
    if action == "update":
        items = [{"id": number, **item} for number, item in zip(ids, items, strict=True)]
    return {"entity": "deals", "action": action, "items": items}
