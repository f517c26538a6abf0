"""Many calls in one request, and what comes back for each of them (docs: settings/how-to-call-rest-api/batch).

Keys are letters with a number: under plain numbers PHP would print a list, in which a failed call leaves no gap.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.envelope import Answer, Json, Timing, number, timing_of
from bitrix24_mcp.rest.calling.errors import Refusal, refusal_of
from bitrix24_mcp.sending.failures import Failure, of_unexpected, unexpected

MOST_CALLS = 50
METHOD = "batch"


def body_of(calls: Sequence[RestCall], *, halt: bool = False) -> Json:
    """The parameters of a batch; with `halt` it ends at the first call that fails."""
    return {"halt": int(halt), "cmd": {f"c{place}": call.command for place, call in enumerate(calls)}}


def outcomes_of(answer: Answer, count: int) -> list[Answer | Refusal | Failure]:
    """What a batch of so many calls says of each. A call without answer or error is a failure, never an empty one."""
    told = _map(answer.result)
    results, totals, pages = (_placed(told.get(name), count) for name in ("result", "result_total", "result_next"))
    errors = _errors(told.get("result_error"), [place for place in range(count) if place not in results])
    return [
        refusal_of(errors[place])
        if place in errors
        else Answer(results[place], number(totals.get(place)), number(pages.get(place)))
        if place in results
        else of_unexpected(unexpected("The portal left a call of a batch unanswered."))
        for place in range(count)
    ]


def timings_of(answer: Answer, count: int) -> Mapping[int, Timing]:
    """What the portal says of the work on each call, by its place."""
    return {place: timing_of(time) for place, time in _placed(_map(answer.result).get("result_time"), count).items()}


def _placed(held: object, count: int) -> dict[int, Any]:
    """What stands under each key, by the place of its call. A list says that only where it is complete."""
    if isinstance(held, list):
        values = cast("list[Any]", held)
        return dict(enumerate(values)) if len(values) == count else {}
    told = _map(held)
    return {place: told[f"c{place}"] for place in range(count) if f"c{place}" in told}


def _errors(held: object, unanswered: Sequence[int]) -> dict[int, Any]:
    """The refusals by the place of their call. PHP keeps the order of the calls, also in a list without keys."""
    if isinstance(held, list):
        refused = cast("list[Any]", held)
        return dict(zip(unanswered, refused, strict=True)) if len(refused) == len(unanswered) else {}
    return {int(key[1:]): told for key, told in _map(held).items() if key[:1] == "c" and key[1:].isdecimal()}


def _map(held: object) -> Json:
    return cast("Json", held) if isinstance(held, dict) else {}
