"""A page of any length is whole: no record twice, none left out, and whether more follow is exact."""

from functools import partial
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistants import TestTime, sql_over
from bitrix24_mcp.crm.catalogue.sales import DEALS
from bitrix24_mcp.crm.errors import InvalidArguments, PortalUnavailable, UnexpectedAnswer
from bitrix24_mcp.crm.portal_values import Condition, Record, RecordPage, RecordQuery, Sort
from bitrix24_mcp.crm.reading.scan import scan
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.pacing.bucket import Bucket
from bitrix24_mcp.rest.access.webhook import Webhook
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.envelope import Answer
from bitrix24_mcp.rest.portal import RestPortal
from bitrix24_mcp.rest.reading.page import page_of, read_page, single
from played_lists import Played, by_place, question

UP, DOWN = (Sort("id"),), (Sort("id", descending=True),)


def ids_of(page: RecordPage) -> list[int]:
    return [row["id"] for row in page.rows]


@given(
    ids=st.sets(st.integers(1, 400), max_size=260),
    limit=st.integers(1, 230),
    offset=st.integers(0, 120),
    expected=st.none() | st.integers(0, 300),
    counted=st.booleans(),
    descending=st.booleans(),
    nowhere=st.sampled_from(["vanishes", "refused"]),
)
def test_any_page_of_any_list_is_whole(
    *, ids: set[int], limit: int, offset: int, expected: int | None, counted: bool, descending: bool, nowhere: str
) -> None:
    """By ids and by places, counted or not, however many rows were expected: the rows, the total, whether more follow.

    Only where more come by id than were expected may it end early, behind as many as those, and says so. Nothing is
    counted unasked, but where as many are expected as fill the answers to the last row.
    """
    ordered = sorted(ids, reverse=descending)
    query = RecordQuery(DEALS, (), DOWN if descending else UP, ("title",), limit, offset, counted, expected)
    played = Played(list(ids), nowhere=nowhere)
    page = anyio.run(partial(read_page, question(query), played.client))
    whole = ordered[offset : offset + limit]
    least = len(whole) if offset or expected is None else min(len(whole), expected)
    assert ids_of(page) == whole[: max(least, len(page.rows))]
    assert page.has_more == (len(ordered) > offset + len(page.rows))
    assert page.total == len(ordered) or (page.total is None and not counted)
    if not offset and not counted and (expected is None or expected % 50):
        assert {start for request in played.starts for start in request} <= {-1}


@given(ids=st.sets(st.integers(1, 400), max_size=120), limit=st.integers(1, 60), counted=st.booleans())
def test_a_page_of_one_call_is_the_same_through_the_lane(*, ids: set[int], limit: int, counted: bool) -> None:
    """A call that may share a request gives what the page read by itself gives; there is none for a longer page."""
    asked = question(RecordQuery(DEALS, (), UP, ("title",), limit, 0, counted))
    played = Played(list(ids))
    page = anyio.run(partial(read_page, asked, played.client))
    call = single(asked)
    assert (call is None) == (limit > 50 or (limit == 50 and not counted))
    if call is not None:
        assert page_of(asked, anyio.run(partial(played.call, call.method, call.params))) == page


SINGLE: dict[str, tuple[RecordQuery, dict[str, Any]]] = {
    "the first fifty": (RecordQuery(DEALS, (), UP, ("title",)), {"order": {"id": "ASC"}, "start": 0}),
    "not counted": (
        RecordQuery(DEALS, (), DOWN, ("title",), 20, counted=False), {"order": {"id": "DESC"}, "start": -1}
    ),
    "no order": (RecordQuery(DEALS, (), (), ("title",), 5), {"order": {"id": "ASC"}, "start": 0}),
    "from a place": (RecordQuery(DEALS, (), UP, ("title",), 10, 60), {"order": {"id": "ASC"}, "start": 50}),
    "by title": (
        RecordQuery(DEALS, (), (Sort("title"), *UP), ("title",), 10),
        {"order": {"title": "ASC", "id": "ASC"}, "start": 0},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("query", "asked"), SINGLE.values(), ids=SINGLE)
def test_up_to_fifty_rows_take_one_call(query: RecordQuery, asked: dict[str, Any]) -> None:
    """Its parameters are those of crm.item.list and no others; a place is a multiple of fifty."""
    played = Played([*range(1, 200)])
    anyio.run(partial(read_page, question(query, {"=stageId": "NEW", ">id": 3}), played.client))
    [[call]] = played.requests
    assert call.method == "crm.item.list"
    chosen = {"=stageId": "NEW", ">id": 3}
    assert call.params == {"entityTypeId": 2, "filter": chosen, "select": ["id", "title"], **asked}


def test_a_long_list_is_one_batch_in_which_each_page_follows_the_last_row_of_the_one_before() -> None:
    """The reference takes the place of the caller's own lower bound, which the pages behind the first lie above."""
    played = Played([*range(1, 400)])
    query = RecordQuery(DEALS, (), UP, ("title",), 120, counted=True)
    page = anyio.run(partial(read_page, question(query, {">id": 7, "<=id": 300}), played.client))
    [request] = played.requests
    assert [call.params["filter"] for call in request] == [
        {">id": 7, "<=id": 300},
        {">id": "$result[c0][items][49][id]", "<=id": 300},
        {">id": "$result[c1][items][49][id]", "<=id": 300},
    ]
    assert played.starts == [[0, -1, -1]]
    assert (ids_of(page), page.total, page.pieces) == ([*range(8, 128)], 392, 3)


def test_a_list_ends_early_when_more_rows_come_than_were_expected() -> None:
    """With the last row but one, since the last one is how it is known that more follow."""
    played = Played([*range(1, 261)])
    query = RecordQuery(DEALS, (), UP, ("title",), 2_500, counted=False, expected=70)
    page = anyio.run(partial(read_page, question(query), played.client))
    assert (ids_of(page), page.has_more, page.pieces) == ([*range(1, 100)], True, 2)
    assert played.starts == [[-1, -1]]


@pytest.mark.parametrize(("records", "more"), [(2_499, False), (2_500, False), (2_501, True)])
def test_the_longest_page_knows_whether_it_is_the_last(records: int, *, more: bool) -> None:
    """There is no room for one more row, so that the last of its fifty answers counts what is left."""
    played = Played([*range(1, records + 1)])
    query = RecordQuery(DEALS, (), UP, ("title",), 2_500, counted=False)
    page = anyio.run(partial(read_page, question(query), played.client))
    assert (len(page.rows), page.has_more, page.total) == (min(records, 2_500), more, None)
    assert played.starts == [[-1] * 49 + [0]]


def test_a_text_that_looks_like_a_reference_is_never_sent_in_a_chain() -> None:
    played = Played([*range(1, 161)])
    chosen = {"%title": "$result[c0]"}
    query = RecordQuery(DEALS, (), UP, ("title",), 120)
    page = anyio.run(partial(read_page, question(query, chosen), played.client))
    assert ids_of(page) == [*range(1, 121)]
    assert played.starts == [[0, 50, 100]]


def test_pages_out_of_order_are_an_error() -> None:
    """As where a reference inside the chain was lost, and a page begins from the first record again."""
    first = Answer({"items": [{"id": each} for each in range(1, 51)]}, 99)
    played = Played([], instead={0: first, 1: first})
    with pytest.raises(UnexpectedAnswer, match="another order"):
        anyio.run(partial(read_page, question(RecordQuery(DEALS, (), UP, (), 60)), played.client))


@pytest.mark.parametrize("sort", [UP, (Sort("title"),)])
def test_more_rows_than_a_page_holds_are_an_error(sort: tuple[Sort, ...]) -> None:
    """Nobody knows what such a portal means by a place."""
    long = Answer({"items": [{"id": each} for each in range(1, 60)]}, 59)
    played = Played([], instead={0: long})
    with pytest.raises(UnexpectedAnswer, match="more records than"):
        anyio.run(partial(read_page, question(RecordQuery(DEALS, (), sort, (), 40)), played.client))


def test_a_column_that_the_portal_does_not_give_is_an_error() -> None:
    played = Played([1, 2])
    with pytest.raises(InvalidArguments) as refused:
        anyio.run(partial(read_page, question(RecordQuery(DEALS, (), UP, ("previousStageId",))), played.client))
    assert (refused.value.code, "previousStageId" in refused.value.message) == ("NOT_OVER_REST", True)


@pytest.mark.parametrize("happens", ["a record comes", "a record goes"])
def test_a_list_that_changes_between_its_places_is_read_again(happens: str) -> None:
    """Once; what it then is is given whole."""
    ids = [*range(10, 190)]
    played = Played(ids)

    def change() -> None:
        if len(played.requests) == 1 and len(ids) == 180:
            ids.insert(0, 1) if happens == "a record comes" else ids.remove(12)

    played.change = change
    query = by_place(RecordQuery(DEALS, (), (), ("title",), 120))
    page = anyio.run(partial(read_page, question(query), played.client))
    assert (ids_of(page), page.total) == (sorted(ids)[:120], len(ids))
    assert [len(request) for request in played.requests] == [3, 3]


def test_a_record_that_moves_from_page_to_page_is_not_given_twice() -> None:
    """One goes and one comes, so that the total is the same; the list is read again."""
    ids = [*range(10, 190)]
    played = Played(ids)

    def change() -> None:
        if ids[0] == 10 and len(played.requests) == 1:
            ids[:] = [1, *ids[:-1]]

    played.change = change
    query = by_place(RecordQuery(DEALS, (), (), ("title",), 120))
    page = anyio.run(partial(read_page, question(query), played.client))
    assert (ids_of(page), page.total) == (ids[:120], 180)
    assert len(played.requests) == 2


def test_a_list_by_ids_that_grows_as_it_is_read_counts_what_was_read() -> None:
    ids = [*range(1, 61)]
    played = Played(ids)
    played.change = lambda: ids.append(ids[-1] + 1)
    page = anyio.run(partial(read_page, question(RecordQuery(DEALS, (), UP, ("title",), 100)), played.client))
    assert (ids_of(page), page.total, page.has_more) == ([*range(1, 62)], 61, False)


def test_a_list_that_never_holds_still_is_an_error() -> None:
    ids = [*range(1, 180)]
    played = Played(ids)
    played.change = lambda: ids.remove(ids[0])
    query = by_place(RecordQuery(DEALS, (), (), ("title",), 120))
    with pytest.raises(UnexpectedAnswer, match="came or went"):
        anyio.run(partial(read_page, question(query), played.client))
    assert len(played.requests) == 2


@pytest.mark.parametrize("sort", [UP, (Sort("title"),)])
def test_an_error_of_one_page_is_the_error_of_the_whole(sort: tuple[Sort, ...]) -> None:
    failed = PortalUnavailable("The portal failed.", advice="Try again.", code="INTERNAL_SERVER_ERROR")
    played = Played([*range(1, 180)], instead={1: failed})
    with pytest.raises(PortalUnavailable):
        anyio.run(partial(read_page, question(RecordQuery(DEALS, (), sort, (), 120)), played.client))


@pytest.mark.anyio
@pytest.mark.parametrize("chosen", [(), (Condition("stageSemanticId", "eq", "S"), Condition("id", "gt", 100))])
async def test_a_scan_of_thousands_reads_each_record_once(chosen: tuple[Condition, ...]) -> None:
    """Over the demo portal, against SQL: 2,500 records a request."""
    with DemoPortal.start(deals=5_300, limits=False) as demo:
        bucket = Bucket(clock=TestTime().clock)
        async with RestClient(Webhook(f"{demo.url}/rest/1/demo-admin/"), budget=bucket) as client:
            portal, read = RestPortal(client), list[Record]()
            total = await portal.count(DEALS, chosen)
            demo.requests.clear()
            query = RecordQuery(DEALS, chosen, select=("amount",))
            count, pieces = await scan(query, total, portal, read.extend)
        where = 'WHERE "stageSemanticId" = \'S\' AND "id" > 100' if chosen else ""
        stored = sql_over(demo.database)(f'SELECT "id", "amount" FROM "deals" {where}')
    assert sorted((row["id"], row["amount"]) for row in read) == sorted(stored)
    assert (count, count) == (total, len(stored))
    assert len(demo.requests) < 8
    assert pieces >= total // 50
