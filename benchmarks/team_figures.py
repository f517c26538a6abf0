"""The figures of runs of a team's server, side by side: speed, errors, requests, writes, memory and recovery."""

import statistics
from collections import Counter
from collections.abc import Callable, Sequence

from bitrix24_mcp.demo.recording import RecordedRequest
from replicas.calling import UNANSWERED, Call
from replicas.ledger import DOUBTFUL
from replicas.rates import most_in_a_minute, most_in_a_second
from replicas.running import Run
from replicas.troubles import Suffered

_ABOUT_ITSELF = frozenset({"me", "users/me", "deals/fields", "statuses", "currencies", "deal-categories"})
_FLAT = 1.05
"""How much more than in the middle third a replica may hold in the last, and still be flat."""


def rows(runs: Sequence[Run]) -> list[tuple[str, list[str]]]:
    """What was measured, and for each run its figure."""
    figures: dict[str, Callable[[Run], str]] = {
        "calls answered": lambda run: f"{len(_worked(run))} ({len(_worked(run)) / (run.ended - run.began):.1f}/s)",
        "latency of reads, p50 / p95 / p99": lambda run: _latency(run, "read"),
        "latency of previews": lambda run: _latency(run, "preview"),
        "latency of confirmed writes": lambda run: _latency(run, "confirm"),
        "errors": _errors,
        "refused to others, as they must be": _thefts,
        "requests to the portal": lambda run: str(len(run.requests)),
        "of these about the portal itself": lambda run: str(sum(_about_itself(each) for each in run.requests)),
        "most in any second": lambda run: str(most_in_a_second(run.requests)),
        "most of a key in any 60 s": lambda run: str(most_in_a_minute(run.requests)),
        "foreign or wrong answers": lambda run: str(len(run.verdict["apart"]) + len(run.verdict["right"])),
        "writes acknowledged": lambda run: str(_fates(run)["acknowledged"]),
        "in the portal": lambda run: str(len(run.evidence.events)),
        "in the journal as done": _noted,
        "unanswered or unknown": lambda run: str(sum(_fates(run)[fate] for fate in DOUBTFUL)),
        "lost / doubled / unreported": lambda run: " / ".join(
            str(len(run.verdict[promise])) for promise in ("kept", "once", "noted")
        ),
        "memory of each replica by thirds": _memory,
        "until the next write after each trouble": _recovery,
    }
    return [(what, [figure(run) for run in runs]) for what, figure in figures.items()]


def _worked(run: Run) -> Sequence[Call]:
    """Calls that were answered while callers worked."""
    return [each for each in run.evidence.calls if each.ended <= run.ended and each.code not in UNANSWERED]


def _latency(run: Run, purpose: str) -> str:
    times = sorted(each.ended - each.began for each in _worked(run) if each.purpose == purpose and not each.code)
    if not times:
        return "none"
    marks = [times[min(len(times) - 1, int(len(times) * part))] for part in (0.5, 0.95, 0.99)]
    return " / ".join(f"{mark:.2f}" for mark in marks) + " s"


def _errors(run: Run) -> str:
    codes = Counter(each.code for each in run.evidence.calls if each.code and each.code not in each.expected)
    return ", ".join(f"{code} {count}" for code, count in codes.most_common()) or "none"


def _thefts(run: Run) -> str:
    codes = Counter(each.code for each in run.evidence.calls if each.code and each.code in each.expected)
    return ", ".join(f"{code} {count}" for code, count in codes.most_common()) or "none"


def _about_itself(request: RecordedRequest) -> bool:
    """Whether it asks for what servers keep for a while: whose key it is, fields, stages, currencies."""
    return request.method == "GET" and request.path.removeprefix("/v1/") in _ABOUT_ITSELF


def _fates(run: Run) -> Counter[str]:
    return Counter(write.fate for ledger in run.evidence.ledgers for write in ledger.writes)


def _noted(run: Run) -> str:
    states = Counter(entry["state"] for operation in run.evidence.journal for entry in operation["entries"])
    done = states.pop("done", 0)
    others = ", ".join(f"{state} {count}" for state, count in states.items())
    return f"{done} (and {others})" if others else str(done)


def _memory(run: Run) -> str:
    return "; ".join(_memory_of(run, number) for number in range(run.plan.replicas))


def _memory_of(run: Run, number: int) -> str:
    """The medians of the thirds; of a replica that was killed, those of its last process."""
    samples = [each for each in run.memory if each[1] == number]
    of_last = [each[3] for each in samples if each[2] == samples[-1][2]]
    third = max(1, len(of_last) // 3)
    thirds = [statistics.median(part) for part in (of_last[:third], of_last[third : -third or None], of_last[-third:])]
    flat = "" if thirds[2] <= thirds[1] * _FLAT else " and growing"
    return " / ".join(f"{each:.0f}" for each in thirds) + f" MB{flat}"


def _recovery(run: Run) -> str:
    return "; ".join(f"{each.trouble.kind} {_recovered(run, each)}" for each in run.evidence.suffered) or "no trouble"


def _recovered(run: Run, suffered: Suffered) -> str:
    """Seconds from when all was there again to the next acknowledged write; of a replica also to its own answer."""
    good = (
        each.ended
        for each in run.evidence.calls
        if each.purpose == "confirm" and not each.code and each.ended >= suffered.ended
    )
    told = _after(min(good, default=None), suffered)
    if suffered.trouble.kind != "replica":
        return told
    port = run.ports[suffered.trouble.which]
    answers = (at for at, answered in run.record.answered if answered == port and at >= suffered.ended)
    return f"{told} (itself {_after(min(answers, default=None), suffered)})"


def _after(moment: float | None, suffered: Suffered) -> str:
    return "never" if moment is None else f"{moment - suffered.ended:.1f} s"
