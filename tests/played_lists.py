"""A portal that a test plays: lists of numbered records, in answers of fifty, with the faults that a test asks for."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from bitrix24_mcp.crm.errors import PortalError, RequestRefused
from bitrix24_mcp.crm.portal_values import RecordQuery, Sort
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.envelope import Answer
from bitrix24_mcp.rest.reading.columns import Columns
from bitrix24_mcp.rest.reading.dialects import Column, Dialect
from bitrix24_mcp.rest.reading.question import Question

ITEMS = Dialect(method="crm.item.list", path=("items",), fixed={"entityTypeId": 2}, whole_rows=True)
COLUMNS = Columns((Column("id", "id", "id", "number"), Column("title", "title", "title")))
_REFERENCE = re.compile(r"\$result\[c(\d+)\]\[items\]\[(\d+)\]\[id\]")


def question(query: RecordQuery, chosen: Mapping[str, Any] | None = None) -> Question:
    return Question(query, ITEMS, COLUMNS, chosen or {})


def by_place(query: RecordQuery) -> RecordQuery:
    """The same query in an order that places alone can page."""
    return RecordQuery(
        query.entity,
        query.conditions,
        (Sort("title"),),
        query.select,
        query.limit,
        query.offset,
        query.counted,
        query.expected,
    )


@dataclass
class Played:
    """What a client answers for records with these ids; `requests` holds the calls of each request.

    `change` is called after every call that is answered; `nowhere`: what a reference to a row that is not there does,
    vanish with its condition or be refused; `instead`: what is answered to the call at a place of a request, whatever
    the records say.
    """

    ids: list[int]
    change: Callable[[], object] = lambda: None
    nowhere: str = "vanishes"
    instead: Mapping[int, Answer | PortalError] = field(default_factory=dict[int, Answer | PortalError])
    requests: list[list[RestCall]] = field(default_factory=list[list[RestCall]])

    @property
    def client(self) -> RestClient:
        return cast("RestClient", self)

    @property
    def starts(self) -> list[list[int]]:
        return [[int(call.params["start"]) for call in request] for request in self.requests]

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Answer:
        [answer] = self._all([RestCall(method, params or {})])
        if isinstance(answer, PortalError):
            raise answer
        return answer

    async def batch(self, calls: Sequence[RestCall], *, chained: bool = False) -> list[Answer | PortalError]:
        assert 2 <= len(calls) <= (50 if chained else 10_000)
        return self._all(calls)

    def _all(self, calls: Sequence[RestCall]) -> list[Answer | PortalError]:
        self.requests.append(list(calls))
        answers: list[Answer | PortalError] = []
        for call in calls:
            failed = next((each for each in answers if isinstance(each, PortalError)), None)
            other = failed or self.instead.get(len(answers))
            answers.append(other or self._answer(call, cast("list[Answer]", answers)))
            self.change()
        return answers

    def _answer(self, call: RestCall, before: Sequence[Answer]) -> Answer | PortalError:
        bounds = {key: value for key, value in call.params.get("filter", {}).items() if key.endswith("id")}
        chosen = {key: _resolved(value, before) for key, value in bounds.items()}
        if None in chosen.values() and self.nowhere == "refused":
            return RequestRefused("Invalid value.", advice="", code="INVALID_ARG_VALUE")
        low, high = chosen.get(">id"), chosen.get("<id")
        held = [each for each in self.ids if (low is None or each > low) and (high is None or each < high)]
        held.sort(reverse=call.params["order"].get("id") == "DESC")
        start = call.params["start"]
        rows = [{"id": each, "title": f"No. {each}"} for each in held[max(0, start) : max(0, start) + 50]]
        following = start + 50 if 0 <= start < len(held) - 50 else None
        return Answer({"items": rows}, len(held) if start >= 0 else 0, following)


def _resolved(value: Any, before: Sequence[Answer]) -> int | None:
    reference = _REFERENCE.fullmatch(str(value))
    if reference is None:
        return int(value)
    rows = before[int(reference[1])].rows("items")
    return rows[int(reference[2])]["id"] if int(reference[2]) < len(rows) else None
