"""Single records and what belongs to them over the gateway, in shared requests where it offers a batch."""

from collections.abc import Sequence

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import KeyRefused, NotFound, PermissionRefused, PortalError
from bitrix24_mcp.crm.portal_values import Record, RecordId, RecordPage, RecordQuery, Records
from bitrix24_mcp.sending.failures import unexpected
from bitrix24_mcp.vibecode.answers import check_nothing_left_out
from bitrix24_mcp.vibecode.batching import Reads
from bitrix24_mcp.vibecode.calls import record_call, search_call
from bitrix24_mcp.vibecode.client import GatewayClient, Query
from bitrix24_mcp.vibecode.clients import contacts_with
from bitrix24_mcp.vibecode.envelope import Answer, Json
from bitrix24_mcp.vibecode.requests import AT_MOST, PAGE_BEHIND_AN_OFFSET, path_of

_OF_THIS_RECORD = frozenset({"ACCESS_DENIED", "BITRIX_ACCESS_DENIED"})
"""Refusals that mean a record, not a whole kind of records (docs/errors)."""
_PAGE = 200


class GatewaySingleReads:
    """The reads that share requests, and lists that belong to one record."""

    def __init__(self, client: GatewayClient) -> None:
        self._client = client
        self._reads = Reads(client)

    async def records(self, entity: Entity, ids: Sequence[RecordId]) -> Records:
        """`GET …/:id`, or several of them in one `POST /v1/batch`."""
        outcomes = await self._reads.read([record_call(entity, each) for each in ids])
        found: dict[RecordId, Record] = {}
        missing: list[RecordId] = []
        refused: list[RecordId] = []
        for record_id, outcome in zip(ids, outcomes, strict=True):
            if isinstance(outcome, PermissionRefused) and outcome.code in _OF_THIS_RECORD:
                refused.append(record_id)
            elif isinstance(outcome, NotFound) or (row := _record(_answer(outcome), record_id)) is None:
                missing.append(record_id)
            else:
                found[record_id] = row
        return Records(found, tuple(missing), tuple(refused))

    async def searches(self, queries: Sequence[RecordQuery]) -> tuple[RecordPage | PortalError, ...]:
        """A `POST …/search`, or several lists in one `POST /v1/batch`."""
        outcomes = await self._reads.read([search_call(query) for query in queries])
        return tuple(_page_or_error(outcome, query) for query, outcome in zip(queries, outcomes, strict=True))

    async def leads_in_use(self) -> bool | None:
        """Nobody knows: the gateway has no route for the CRM's mode."""
        return None

    async def contacts_with(self, phones: Sequence[str], emails: Sequence[str]) -> tuple[int, ...]:
        """Lists of contacts with parts of them, compared here (docs/filtering)."""
        return await contacts_with(phones, emails, self.searches)

    async def product_rows(self, entity: Entity, owner_id: int) -> tuple[Record, ...]:
        """`GET …/:id/products`."""
        return await self._all(f"{path_of(entity)}/{owner_id}/products", [], AT_MOST)

    async def stage_history(self, entity: Entity, owner_id: int) -> tuple[Record, ...]:
        """`GET /v1/stage-history`; it calls an entity by its singular (docs/stage-history)."""
        asked = [("entityType", entity.singular), ("ownerId", str(owner_id))]
        return await self._all("stage-history", asked, _PAGE)

    async def _all(self, path: str, query: Query, at_once: int) -> tuple[Record, ...]:
        """All rows of a list that belongs to one record, each id once; rows without one may well be equal.

        `at_once` rows are asked for, and fill a page of a list that says nothing else.
        """
        rows: list[Json] = []
        before: list[Json] = []
        known: set[str] = set()
        size, more = at_once, True
        while more:
            place = [("limit", str(size)), *([("offset", str(len(rows)))] if rows else [])]
            answer = await self._client.get(path, [*query, *place])
            check_nothing_left_out(answer)
            page = [row for row in answer.rows() if row.get("id") is None or str(row["id"]) not in known]
            more = answer.has_more(len(rows), size)
            if more and (not page or answer.rows() == before):
                raise unexpected("The portal says that there are more rows, and sends the same again.")
            rows += page
            known.update(str(row["id"]) for row in page if row.get("id") is not None)
            before, size = answer.rows(), min(at_once, PAGE_BEHIND_AN_OFFSET)
        return tuple(rows)


def page_of(answer: Answer, query: RecordQuery) -> RecordPage:
    """One page of records, with nothing left out of it."""
    check_nothing_left_out(answer)
    rows = answer.rows()
    if len(rows) > query.limit:
        raise unexpected("The portal sent more records than were asked for.")
    return RecordPage(tuple(rows), answer.total(query.offset), answer.has_more(query.offset, query.limit))


def _page_or_error(outcome: Answer | PortalError, query: RecordQuery) -> RecordPage | PortalError:
    """A refused key is no matter of one list, so it is raised."""
    if isinstance(outcome, KeyRefused):
        raise outcome
    try:
        return page_of(_answer(outcome), query)
    except PortalError as error:
        return error


def _answer(outcome: Answer | PortalError) -> Answer:
    if isinstance(outcome, PortalError):
        raise outcome
    return outcome


def _record(answer: Answer, record_id: RecordId) -> Record | None:
    """The record of an answer; None where it is empty. A user may come in a list of one (docs/batch)."""
    if not answer.data:
        return None
    [row, *others] = answer.rows()
    if others or str(row.get("id")) != str(record_id):
        raise unexpected("The portal sent another record than the one asked for.")
    return row
