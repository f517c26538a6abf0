"""What the questions of the evaluation take of a portal through both doors: requests, and calls of REST's methods.

    uv run python benchmarks/doors.py

Each question is asked of one server per door, which knows what the portal says of itself from the questions before it.
A request of REST can hold fifty calls, whose working time is limited apart from the number of requests.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import anyio

from bitrix24_mcp.demo import DemoPortal, RecordedRequest
from measuring import HERE, Figure, show

sys.path.insert(0, str(HERE.parent / "tests"))  # the ways to a portal
sys.path.insert(0, str(HERE.parent / "evals"))  # the questions

from assistants import DOORS
from cases import Question, questions
from replay import answers_of

MOST = 1.5
"""Times as many requests as through the gateway that are still well spent: it has figures of its own, REST has none."""
Costs = tuple[int, int]
"""Requests, and the calls that they hold."""


def costs(requests: Sequence[RecordedRequest]) -> Costs:
    return len(requests), sum(max(1, len(_commands(request.body))) for request in requests)


def _commands(body: Any) -> Mapping[str, Any]:
    commands = cast("Mapping[str, Any]", body).get("cmd") if isinstance(body, dict) else None
    return cast("Mapping[str, Any]", commands) if isinstance(commands, dict) else {}


async def asked(portal: DemoPortal, door: str, ask: Sequence[Question]) -> list[Costs]:
    found: list[Costs] = []
    async with DOORS[door](portal.url) as assistant:
        for question in ask:
            before = len(portal.requests)
            await answers_of(question, assistant.client.call_tool)
            found.append(costs(portal.requests[before:]))
    return found


def beside(what: str, through: Mapping[str, Sequence[Costs]], chosen: Callable[[int], bool]) -> Figure:
    """The sums of the questions chosen by their place."""
    sums = {
        door: [sum(each[kind] for place, each in enumerate(all_) if chosen(place)) for kind in (0, 1)]
        for door, all_ in through.items()
    }
    (requests, calls), (through_gateway, _) = sums["rest"], sums["gateway"]
    ratio = requests / through_gateway if through_gateway else 1.0
    budget = f"<= {MOST} x" if what.startswith("all") else ""
    return Figure(
        f"{what} over REST",
        f"{requests} requests of {calls} calls",
        f"{through_gateway} requests through the gateway ({ratio:.2f} x)",
        budget,
        ratio <= MOST if budget else None,
    )


def measure() -> list[Figure]:
    ask = questions()
    with DemoPortal.start(limits=False) as portal:
        through = {door: anyio.run(asked, portal, door, ask) for door in DOORS}
    by_tool: defaultdict[str, list[int]] = defaultdict(list)
    for place, question in enumerate(ask):
        by_tool[question.calls[-1].tool].append(place)
    return [
        beside(f"all {len(ask)} questions", through, lambda _: True),
        *(
            beside(f"{len(places)} of {tool}", through, lambda place, places=places: place in places)
            for tool, places in sorted(by_tool.items())
        ),
    ]


if __name__ == "__main__":
    show(measure())
