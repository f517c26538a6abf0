"""One kind of record over REST: what a portal is asked of its records, in the words of its dialect."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import KeyRefused, PortalError
from bitrix24_mcp.crm.portal_values import Condition, FieldInfo, RecordId, RecordPage, RecordQuery, Records
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.envelope import Answer
from bitrix24_mcp.rest.calling.reads import Reads
from bitrix24_mcp.rest.reading.by_ids import listed, singly
from bitrix24_mcp.rest.reading.columns import Columns
from bitrix24_mcp.rest.reading.dialects import ROWS, Dialect
from bitrix24_mcp.rest.reading.filters import filter_of
from bitrix24_mcp.rest.reading.page import page_of, read_page, single
from bitrix24_mcp.rest.reading.question import Question
from bitrix24_mcp.sending.failures import unexpected

Outcome = Answer | PortalError
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Planned:
    """A page that one call makes, with what its answer means (raises PortalError); `page` where no call is needed."""

    call: RestCall | None
    read: Callable[[Outcome], RecordPage]


class Listing(Protocol):
    """One kind of record. `RestPortal` asks nothing else of it; every method raises PortalError."""

    async def fields(self) -> tuple[FieldInfo, ...]:
        """The fields, user fields included, under the names of tools."""
        ...

    async def plan(self, query: RecordQuery) -> Planned | None:
        """The page by one call, which may share a request with others; None when it takes more."""
        ...

    async def search(self, query: RecordQuery) -> RecordPage:
        """The page."""
        ...

    async def count(self, conditions: Sequence[Condition]) -> int:
        """How many records match."""
        ...

    async def records(self, ids: Sequence[RecordId]) -> Records:
        """The records with all their fields."""
        ...

    def requests(self, conditions: Sequence[Condition]) -> int:
        """The most requests that one count, or one page ordered by id, takes."""
        ...


class DialectListing:
    """A kind of record that its dialect says all about."""

    def __init__(
        self,
        entity: Entity,
        client: RestClient,
        reads: Reads,
        dialect: Dialect,
        described: Callable[[], Awaitable[tuple[tuple[FieldInfo, ...], Columns]]],
    ) -> None:
        """`described`: reads the fields for tools, with the columns that they are for REST."""
        self.entity = entity
        self._client = client
        self._reads = reads
        self._dialect = dialect
        self._described = described
        self._columns: Columns | None = None

    async def fields(self) -> tuple[FieldInfo, ...]:
        """As the portal describes them now."""
        fields, self._columns = await self._described()
        return fields

    async def columns(self) -> Columns:
        """The columns as described when fields were last read."""
        if self._columns is None:
            _, self._columns = await self._described()
        return self._columns

    async def narrowed(self, conditions: Sequence[Condition]) -> Sequence[Condition] | None:
        """The conditions as the list takes them; None when no record can meet them."""
        return conditions

    def chosen_by(self, conditions: Sequence[Condition], columns: Columns) -> dict[str, Any]:
        """The conditions as the list's filter."""
        return filter_of(conditions, columns, self._dialect, self._client.offset)

    async def question(self, query: RecordQuery) -> Question | None:
        """The query in REST's words; None when no record can match."""
        columns, conditions = await self.columns(), await self.narrowed(query.conditions)
        if conditions is None:
            return None
        chosen = self.chosen_by(conditions, columns)
        return Question(_no_longer_than_ids(query, conditions), self._dialect, columns, chosen)

    async def plan(self, query: RecordQuery) -> Planned | None:
        """One call for what fits into one answer."""
        question = await self.question(query)
        if question is None:
            return Planned(None, lambda _: NONE)
        call = single(question)
        return Planned(call, lambda outcome: page_of(question, outcome)) if call else None

    async def search(self, query: RecordQuery) -> RecordPage:
        """One call for up to fifty rows, one batch for more."""
        question = await self.question(query)
        return NONE if question is None else await read_page(question, self._client)

    async def count(self, conditions: Sequence[Condition]) -> int:
        """The total of a list of ids, by a call that shares requests with those under way."""
        query = RecordQuery(self.entity, tuple(conditions), select=("id",), limit=ROWS)
        question = await self.question(query)
        if question is None:
            return 0
        [answer] = await self._reads.read([question.call(0)])
        rows = question.rows(answer)
        if not isinstance(answer, Answer) or answer.total is None or answer.total < len(rows):
            raise unexpected("The portal did not say how many records match.")
        return answer.total

    async def records(self, ids: Sequence[RecordId]) -> Records:
        """Each by a call of its own, which share requests; without such a method by lists that name the ids."""
        if self._dialect.single is None:
            return await listed(self.entity, ids, self.search)
        return await singly(ids, self._dialect.single, await self.columns(), self._reads)

    def requests(self, conditions: Sequence[Condition]) -> int:  # noqa: ARG002 - the list chooses by all of them
        """One."""
        return 1


NONE = RecordPage((), 0, has_more=False)
"""The page of a question that no record can match."""


def _no_longer_than_ids(query: RecordQuery, conditions: Sequence[Condition]) -> RecordQuery:
    """The query for no more records than its conditions name, so that no empty pages are asked for."""
    named = [each.value for each in conditions if each.field == "id" and each.operator in {"eq", "in"}]
    most = min((len(value) if isinstance(value, tuple) else 1 for value in named), default=query.limit)
    return replace(query, limit=max(1, min(query.limit, most)))


async def search_together(
    queries: Sequence[RecordQuery], listing_of: Callable[[Entity], Listing], reads: Reads
) -> tuple[RecordPage | PortalError, ...]:
    """A page for each query, those of one call in shared requests; in the place of a page that failed, the error.

    Raises KeyRefused, which is no matter of one page.
    """
    plans = [await _or_error(listing_of(query.entity).plan(query)) for query in queries]
    calls = [plan.call for plan in plans if isinstance(plan, Planned) and plan.call]
    answers = iter(await reads.read(calls) if calls else ())
    pages: list[RecordPage | PortalError] = []
    for query, plan in zip(queries, plans, strict=True):
        if isinstance(plan, PortalError):
            pages.append(plan)
        elif plan is None:
            pages.append(await _or_error(listing_of(query.entity).search(query)))
        elif plan.call is None:
            pages.append(NONE)
        else:
            pages.append(_read(plan, next(answers)))
    return tuple(pages)


def _read(plan: Planned, outcome: Outcome) -> RecordPage | PortalError:
    if isinstance(outcome, KeyRefused):
        raise outcome
    try:
        return plan.read(outcome)
    except PortalError as error:
        return error


async def _or_error(reading: Awaitable[T]) -> T | PortalError:
    try:
        return await reading
    except KeyRefused:
        raise
    except PortalError as error:
        return error
