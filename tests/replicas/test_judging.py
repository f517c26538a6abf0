"""The judge of the runs finds each way in which a promise can be broken, and nothing where all are kept."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from agreement.witness import Event
from bitrix24_mcp.demo.recording import RecordedRequest
from replicas.calling import Call
from replicas.judging import PROMISES, Evidence, Promise, judged
from replicas.ledger import Ledger, Write
from replicas.rates import most_within
from replicas.troubles import Suffered, Trouble

MARK = "team c00-0001"
MADE = Event(1, "deals", "create", 61, {}, {"id": 61, "title": MARK, "comments": MARK})


def ledger(**told: Any) -> Ledger:
    """One caller's, who has made one record and was told so."""
    return Ledger("c00", "anna", [Write(MARK, "create", 1, 61, "acknowledged")], counted=1, **told)


def operation(state: str = "done", client: str = "anna, tests", mark: str = MARK) -> Mapping[str, Any]:
    return {"client": client, "user_id": 1, "entries": [{"state": state, "values": {"comments": mark}}]}


def request(at: float, status: int = 200, key: str = "one") -> RecordedRequest:
    return RecordedRequest("GET", "/v1/me", [], None, status, key, at)


def call(code: str = "", purpose: str = "read", began: float = 100.0, *expected: str) -> Call:
    return Call("c00", "aggregate", purpose, began, began + 1, code, frozenset(expected))


GOOD = Evidence(
    ledgers=[ledger()],
    calls=[call(), call("INVALID_CURSOR", "theft", 100.0, "INVALID_CURSOR"), call("JOURNAL_UNUSABLE")],
    requests=[request(at / 8) for at in range(200)],
    events=[MADE],
    journal=[operation()],
    suffered=[Suffered(Trouble("postgres", 1, 1), 95.0, 97.0)],
)
BREACHES: list[tuple[Promise, Callable[[], Evidence]]] = [
    ("pace", lambda: replace(GOOD, requests=[request(at / 16) for at in range(20)])),
    ("pace", lambda: replace(GOOD, requests=[request(at / 8) for at in range(302)])),
    ("pace", lambda: replace(GOOD, requests=[request(0, 429)])),
    ("apart", lambda: replace(GOOD, ledgers=[ledger(foreign=["somebody confirmed it"])])),
    ("apart", lambda: replace(GOOD, ledgers=[ledger(listed={61}), Ledger("c01", "boris", listed={61})])),
    ("right", lambda: replace(GOOD, ledgers=[ledger(wrong=["told 2 of 1"])])),
    ("right", lambda: replace(GOOD, events=[MADE, _another()], journal=[operation()], ledgers=[_doubtful()])),
    ("confirmed", lambda: replace(GOOD, calls=[call("CONFIRMATION_UNKNOWN", "confirm")])),
    ("kept", lambda: replace(GOOD, events=[], journal=[operation("sent")], ledgers=[_uncounted()])),
    ("once", lambda: replace(GOOD, events=[MADE, replace(MADE, deed="update", before=MADE.after)])),
    ("honest", lambda: replace(GOOD, ledgers=[Ledger("c00", "anna", [Write(MARK, "create", 1, 61, "refused")])])),
    ("honest", lambda: replace(GOOD, ledgers=[Ledger("c00", "anna", [Write(MARK, "create", 1)])])),
    ("noted", lambda: replace(GOOD, journal=[])),
    ("noted", lambda: replace(GOOD, journal=[operation("refused")])),
    ("noted", lambda: replace(GOOD, journal=[operation(), operation()])),
    ("noted", lambda: replace(GOOD, journal=[operation(client="boris, tests")])),
    ("noted", lambda: replace(GOOD, events=[MADE, replace(MADE, key=62, after={"comments": "a stranger"})])),
    ("expected", lambda: replace(GOOD, calls=[call("JOURNAL_UNUSABLE", began=200.0)])),
    ("expected", lambda: replace(GOOD, calls=[call("INTERNAL")])),
    ("alive", lambda: replace(GOOD, unanswered=["c00"])),
]


def _another() -> Event:
    return replace(MADE, key=62, after={**MADE.after, "id": 62, "comments": "team c00-0002"})


def _doubtful() -> Ledger:
    """Of a caller who was not told of its second record, and not shown it either."""
    return Ledger(
        "c00",
        "anna",
        [Write(MARK, "create", 1, 61, "acknowledged"), Write("team c00-0002", "create", 2, None, "asked")],
        counted=1,
    )


def _uncounted() -> Ledger:
    return Ledger("c00", "anna", [Write(MARK, "create", 1, 61, "acknowledged")])


def broken(evidence: Evidence) -> set[Promise]:
    return {promise for promise, breaches in judged(evidence).items() if breaches}


def test_nothing_is_found_where_all_promises_are_kept() -> None:
    assert judged(GOOD) == {promise: [] for promise in PROMISES}


@pytest.mark.parametrize(("promise", "evidence"), BREACHES)
def test_a_broken_promise_is_named(promise: Promise, evidence: Callable[[], Evidence]) -> None:
    found = broken(evidence())

    assert promise in found
    assert found <= {promise, "noted"}  # what the journal lacks besides is told too


def test_every_promise_can_be_broken() -> None:
    assert {promise for promise, _ in BREACHES} == set(PROMISES)


def test_a_write_whose_answer_was_lost_may_be_there_or_not() -> None:
    lost = Ledger("c00", "anna", [Write(MARK, "create", 1, None, "asked")])

    there = replace(GOOD, ledgers=[lost], journal=[operation("sent")])
    not_there = replace(there, events=[], journal=[operation("unknown")])

    assert (broken(there), broken(not_there)) == (set(), set())


@pytest.mark.parametrize(
    ("moments", "most"), [([], 0), ([5.0], 1), ([0.0, 0.5, 0.999], 3), ([0.0, 1.0, 2.0], 1), ([1.4, 0.5, 1.6], 2)]
)
def test_the_most_in_any_stretch_is_counted_wherever_it_begins(moments: list[float], most: int) -> None:
    assert most_within(moments, 1.0) == most
