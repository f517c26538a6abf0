"""A team's server in several copies under load, and while its parts die: speed, memory, and every safety promise.

    python benchmarks/team.py                                # one and two replicas, calm and troubled, 64 clients
    python benchmarks/team.py --auth key --scenario troubled
    python benchmarks/team.py --alone                        # replicas that share nothing: promises must be broken

Ends with 1 when a safety promise was broken. The portal keeps its limits of ten requests a second and 300 a minute and
key, so that clients mostly wait, as those of a team do.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import anyio

from measuring import HERE

sys.path.insert(0, str(HERE.parent / "tests"))  # the parts, the callers and the judge are the tests' own

from replicas.judging import PROMISES
from replicas.parts import Plan
from replicas.running import Run, played
from replicas.troubles import KINDS, Trouble, each_once
from team_figures import rows

_REST = 1.0
"""The longest that a client waits between two things it does, in seconds."""
_SHOWN = 3
"""Breaches of one promise that are shown in full."""


def troubles(seconds: float, replicas: int) -> list[Trouble]:
    """Every kind of trouble, and each replica killed once, with some of so many seconds left to see all recover."""
    each = seconds / (len(KINDS) + replicas + 2)
    return each_once(calm=each * 0.6, lasts=each * 0.4, replicas=replicas)


def run(plan: Plan, seconds: float, *, troubled: bool) -> Run:
    with tempfile.TemporaryDirectory(prefix="team-") as folder:
        wrong = troubles(seconds, plan.replicas) if troubled else []
        return anyio.run(partial(played, plan, seconds, wrong, Path(folder), rest=_REST))


def show(title: str, runs: Sequence[Run]) -> None:
    heads = [f"{each.plan.replicas} replica{'s' * (each.plan.replicas > 1)}" for each in runs]
    lines = [f"\n### {title}\n", f"| what | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
    lines += [f"| {what} | {' | '.join(cells)} |" for what, cells in rows(runs)]
    for promise, words in PROMISES.items():
        verdicts = ["BROKEN" if each.verdict[promise] else "kept" for each in runs]
        lines.append(f"| {words} | {' | '.join(verdicts)} |")
    for each, head in zip(runs, heads, strict=True):
        for promise, breaches in each.verdict.items():
            lines += [f"{head}, {promise}: {breach}" for breach in breaches[:_SHOWN]]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description="Load and failures of a server in several copies.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each run lasts")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--people", type=int, default=16, help="whose the clients are; each has a token or key")
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--auth", nargs="+", choices=["token", "key"], default=["token", "key"])
    parser.add_argument("--scenario", nargs="+", choices=["calm", "troubled"], default=["calm", "troubled"])
    parser.add_argument("--alone", action="store_true", help="let the replicas share nothing")
    options = parser.parse_args()
    kept = True
    for auth in options.auth:
        for scenario in options.scenario:
            runs: list[Run] = []
            for replicas in options.replicas:
                plan = Plan(replicas, options.clients, options.people, auth, shared=not options.alone, forgetful=False)
                runs.append(run(plan, options.seconds, troubled=scenario == "troubled"))
            show(f"AUTH={auth}, {scenario}", runs)
            kept = kept and not any(breaches for each in runs for breaches in each.verdict.values())
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
