"""One page of records as REST is asked for it: answers of fifty rows, from a place or from the beginning on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from bitrix24_mcp.crm.errors import InvalidArguments, PortalError, quoted
from bitrix24_mcp.crm.portal_values import RecordPage, RecordQuery
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.envelope import Answer, Json
from bitrix24_mcp.rest.reading.columns import Columns
from bitrix24_mcp.rest.reading.dialects import ROWS, Dialect
from bitrix24_mcp.rest.reading.filters import order_of
from bitrix24_mcp.sending.failures import unexpected

PAGES = 50
"""Pages that one batch holds."""
AT_MOST = PAGES * ROWS
"""Records that one search gives."""
NO_COUNTING = -1
"""The place at which a list begins without being counted."""


@dataclass(frozen=True, slots=True)
class Question:
    """A query in REST's words: its filter is written, its pages are calls of the dialect's method."""

    query: RecordQuery
    dialect: Dialect
    columns: Columns
    filter: Mapping[str, Any]

    @property
    def by_id(self) -> bool:
        """Whether it may be read behind ids; a list without an order is.

        Not where a text of the filter would pass for a reference: among real references it cannot be told apart.
        """
        sort = self.query.sort
        ordered_by_id = not sort or (len(sort) == 1 and sort[0].field == "id")
        return self.dialect.windows and ordered_by_id and not self.query.offset and not self.call(0).refers

    @property
    def limit(self) -> int:
        """How many records the page holds at most."""
        return min(self.query.limit, AT_MOST)

    def call(self, start: int, narrowed: Mapping[str, Any] | None = None) -> RestCall:
        """One page of fifty: from a place on, or from the beginning and without counting."""
        query, dialect = self.query, self.dialect
        selected = self.columns.selected(query.select, dialect.all_columns) if query.select else dialect.all_columns
        parts = {dialect.filter: {**self.filter, **(narrowed or {})}, dialect.select: list(selected)}
        given = {name: value for name, value in parts.items() if name and value}
        order = order_of(query.sort, self.columns) or [(self.columns["id"].asked, False)]
        return RestCall(dialect.method, {**dialect.fixed, **given, **dialect.order(order), "start": start})

    def rows(self, answer: Answer | PortalError) -> list[Json]:
        """The rows of a page. Raises the error in its place, and UnexpectedAnswer for more rows than a page has."""
        if isinstance(answer, PortalError):
            raise answer
        rows = answer.rows(*self.dialect.path)
        if len(rows) > ROWS:
            raise unexpected("The portal sent more records than a page of its lists holds.")
        return rows

    def id_of(self, row: Json) -> int:
        """The number by which a row is known."""
        text = str(row.get(self.columns["id"].read))
        if not text.isdecimal():
            raise unexpected("The portal sent a record without an id.")
        return int(text)

    @property
    def descending(self) -> bool:
        """Whether the order goes down."""
        return bool(self.query.sort) and self.query.sort[0].descending

    def check_order(self, rows: Sequence[Json]) -> None:
        """Raises UnexpectedAnswer when the ids do not go in one direction, or pages would be lost."""
        ids = [self.id_of(row) for row in rows]
        if any(first <= second if self.descending else first >= second for first, second in pairwise(ids)):
            raise unexpected("The portal sent records in another order than asked for.")

    def page(self, rows: Sequence[Json], total: int | None, *, more: bool, pieces: int = 1) -> RecordPage:
        """The page of the CRM, which begins with these rows."""
        if rows and self.dialect.whole_rows:
            self._check_columns(rows)
        shown = tuple(self.columns.row(row, self.query.select) for row in rows[: self.limit])
        return RecordPage(shown, total, more or len(rows) > self.limit, max(1, pieces))

    def _check_columns(self, rows: Sequence[Json]) -> None:
        told = {key for row in rows for key in row}
        absent = [name for name in self.query.select if self.columns[name].read not in told]
        if absent:
            raise InvalidArguments(
                f"Bitrix24 does not tell {quoted(absent)} of {self.query.entity.plural} over REST.",
                advice="Leave it out.",
                code="NOT_OVER_REST",
            )


async def ask(client: RestClient, calls: Sequence[RestCall], *, chained: bool = False) -> list[Answer | PortalError]:
    """The answers to the calls of a page, or the error in the place of one; a single call raises its own."""
    if len(calls) == 1:
        return [await client.call(calls[0].method, calls[0].params)]
    return await client.batch(calls, chained=chained)
