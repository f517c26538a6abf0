"""Whether the safety promises were kept: what callers were told, the portal's own data and the journal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agreement.witness import Event
from bitrix24_mcp.demo.recording import RecordedRequest
from replicas.calling import Call
from replicas.ledger import Ledger, Write
from replicas.rates import PER_MINUTE, PER_SECOND, most_in_a_minute, most_in_a_second
from replicas.troubles import EXPLAINED, Suffered

Promise = Literal["pace", "apart", "right", "confirmed", "kept", "once", "honest", "noted", "expected", "alive"]
PROMISES: Mapping[Promise, str] = {
    "pace": f"the portal gets at most {PER_SECOND} requests in any second, {PER_MINUTE} of a key in any 60 seconds",
    "apart": "nobody sees, confirms or goes on with what is another's",
    "right": "figures and records are those that were written",
    "confirmed": "a confirmation is good at every replica",
    "kept": "no acknowledged write is lost",
    "once": "nothing is written twice",
    "honest": "what is said not to be written is not, and nothing is written that was not confirmed",
    "noted": "the journal has every change that is in the portal, as it is, under the name of who made it",
    "expected": "every error is one that a trouble of that moment explains",
    "alive": "all callers are answered at the end, with right figures",
}
_GRACE = 10.0
"""Seconds after a trouble in which its errors may still come: connections are made anew, what waits is given up."""
_UNKNOWN = "CONFIRMATION_UNKNOWN"


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of a run. `unanswered`: callers who were not answered at the end."""

    ledgers: Sequence[Ledger]
    calls: Sequence[Call]
    requests: Sequence[RecordedRequest]
    events: Sequence[Event]
    journal: Sequence[Mapping[str, Any]]
    suffered: Sequence[Suffered] = ()
    unanswered: Sequence[str] = ()


Verdict = Mapping[Promise, Sequence[str]]
"""How each promise was broken; nothing where it was kept."""


def judged(evidence: Evidence) -> Verdict:
    """How each promise was broken."""
    traces = _traces(evidence)
    ways: Mapping[Promise, Callable[[], Sequence[str]]] = {
        "pace": lambda: _pace(evidence.requests),
        "apart": lambda: [*(each for ledger in evidence.ledgers for each in ledger.foreign), *_listed(evidence)],
        "right": lambda: [*(each for ledger in evidence.ledgers for each in ledger.wrong), *_miscounted(evidence)],
        "confirmed": lambda: _confirmed(evidence),
        "kept": lambda: [f"{each.write} is not in the portal" for each in traces if each.lost],
        "once": lambda: [f"{each.write} was written {len(each.events)} times" for each in traces if each.doubled],
        "honest": lambda: [f"{each.write} is in the portal all the same" for each in traces if each.denied],
        "noted": lambda: [fault for each in traces if (fault := each.misnoted)] + _strangers(evidence),
        "expected": lambda: _unexpected(evidence),
        "alive": lambda: [f"{name} was not answered at the end" for name in evidence.unanswered],
    }
    return {promise: way() for promise, way in ways.items()}


@dataclass(frozen=True, slots=True)
class _Trace:
    """One write: what its caller was told, what happened in the portal, what the journal has."""

    write: Write
    person: str
    events: Sequence[Event]
    noted: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]

    @property
    def lost(self) -> bool:
        return self.write.fate == "acknowledged" and not self.events

    @property
    def doubled(self) -> bool:
        return len(self.events) > 1

    @property
    def denied(self) -> bool:
        return self.write.fate in {"refused", "previewed"} and bool(self.events)

    @property
    def misnoted(self) -> str:
        """What is wrong with the journal; empty where it is right. An outcome may be open, a wrong one not."""
        states = [entry["state"] for _, entry in self.noted]
        if self.write.fate in {"acknowledged", "unknown"} and not states:
            return f"{self.write} is not in the journal"
        if self.events and not {"done", "sent", "unknown"} & set(states):
            return f"{self.write} is in the portal, and in the journal as {states}"
        if "done" in states and not self.events:
            return f"{self.write} is done in the journal, and not in the portal"
        if len(states) > 1:
            return f"{self.write} is in the journal {len(states)} times"
        return next((f"{self.write} is noted as {whose}'s" for whose in self._owners() if whose != self.person), "")

    def _owners(self) -> Sequence[str]:
        if self.person.isdecimal():  # a person of the portal, with a key of their own
            return [str(operation["user_id"]) for operation, _ in self.noted]
        return [str(operation["client"]).split(",")[0] for operation, _ in self.noted]


def _traces(evidence: Evidence) -> Sequence[_Trace]:
    events: dict[str, list[Event]] = {}
    for event in evidence.events:
        events.setdefault(str(event.after.get("comments")), []).append(event)
    noted: dict[str, list[tuple[Mapping[str, Any], Mapping[str, Any]]]] = {}
    for operation in evidence.journal:
        for entry in operation["entries"]:
            noted.setdefault(str(entry["values"].get("comments")), []).append((operation, entry))
    return [
        _Trace(write, ledger.person, events.get(write.mark, ()), noted.get(write.mark, ()))
        for ledger in evidence.ledgers
        for write in ledger.writes
    ]


def _strangers(evidence: Evidence) -> list[str]:
    """Changes that no caller asked for."""
    marks = {write.mark for ledger in evidence.ledgers for write in ledger.writes}
    return [f"nobody asked for {event}" for event in evidence.events if event.after.get("comments") not in marks]


def _listed(evidence: Evidence) -> list[str]:
    """Records of others among the operations that somebody was listed."""
    titles = {event.key: str(event.after.get("title")) for event in evidence.events}
    whose = {ledger.title: ledger.person for ledger in evidence.ledgers}
    found: list[str] = []
    for ledger in evidence.ledgers:
        for id_ in sorted(ledger.listed):
            title = titles.get(id_, "")
            if not any(title.startswith(begin) for begin, person in whose.items() if person == ledger.person):
                found.append(f"{ledger.name} was listed an operation on {id_} ({title})")
    return found


def _miscounted(evidence: Evidence) -> list[str]:
    """Callers who were told at the end another number of records than the portal has."""
    titles = [str(each.after.get("title")) for each in evidence.events if each.deed == "create"]
    there = {ledger.name: sum(title.startswith(ledger.title) for title in titles) for ledger in evidence.ledgers}
    return [
        f"{ledger.name} was told at the end of {ledger.counted} records, and there are {there[ledger.name]}"
        for ledger in evidence.ledgers
        if ledger.counted not in {None, there[ledger.name]}
    ]


def _pace(requests: Sequence[RecordedRequest]) -> list[str]:
    second, minute = most_in_a_second(requests), most_in_a_minute(requests)
    refused = sum(each.status == 429 for each in requests)
    return [
        *([f"{second} requests in one second"] if second > PER_SECOND else []),
        *([f"{minute} requests of one key in 60 seconds"] if minute > PER_MINUTE else []),
        *([f"the portal refused {refused} requests over its limits"] if refused else []),
    ]


def _confirmed(evidence: Evidence) -> list[str]:
    unknown = [each for each in evidence.calls if each.purpose == "confirm" and each.code == _UNKNOWN]
    confirmed = sum(each.purpose == "confirm" for each in evidence.calls)
    return [f"{len(unknown)} of {confirmed} confirmations were not known"] if unknown else []


def _unexpected(evidence: Evidence) -> list[str]:
    """Errors that nothing explains, counted by tool and code; confirmations that are not known are judged elsewhere."""
    counted: dict[str, int] = {}
    for call in evidence.calls:
        elsewhere = call.purpose == "confirm" and call.code == _UNKNOWN
        if call.code and call.code not in call.expected and not elsewhere and not _explained(call, evidence.suffered):
            what = f"{call.tool} ({call.purpose}) failed with {call.code}"
            counted[what] = counted.get(what, 0) + 1
    return [f"{what}, {count} times" for what, count in counted.items()]


def _explained(call: Call, suffered: Sequence[Suffered]) -> bool:
    return any(
        call.code in EXPLAINED[each.trouble.kind] and call.began <= each.ended + _GRACE and call.ended >= each.began
        for each in suffered
    )
