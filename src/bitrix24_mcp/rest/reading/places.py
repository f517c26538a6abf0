"""Lists by places, for any order: pages whose totals and ids must fit together, or the list changed as it was read."""

from collections.abc import Sequence

from bitrix24_mcp.crm.errors import PortalError, UnexpectedAnswer
from bitrix24_mcp.crm.portal_values import RecordPage
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.envelope import Answer
from bitrix24_mcp.rest.reading.dialects import ROWS
from bitrix24_mcp.rest.reading.question import NO_COUNTING, Question, ask
from bitrix24_mcp.sending.failures import unexpected


def starts_of(question: Question) -> list[int]:
    """The places at which the pages begin; the portal may count in whole pages, so they are multiples of fifty."""
    query = question.query
    first = query.offset // ROWS * ROWS
    if not query.counted and not query.offset and question.limit < ROWS and question.dialect.windows:
        return [NO_COUNTING]
    return list(range(first, query.offset + question.limit, ROWS))


async def read_by_place(question: Question, client: RestClient) -> RecordPage:
    """The page, read once more when its parts do not fit together. Raises PortalError, also when they never do."""
    page = await _placed_once(question, client)
    if page is None:
        page = await _placed_once(question, client)
    if page is None:
        raise _changed()
    return page


async def _placed_once(question: Question, client: RestClient) -> RecordPage | None:
    """The page, read once; None when its parts do not fit together."""
    starts = starts_of(question)
    answers = await ask(client, [question.call(start) for start in starts])
    return _page(question, starts, answers) if _fit_together(question, starts, answers) else None


def placed(question: Question, answer: Answer | PortalError) -> RecordPage:
    """The page that one answer makes. Raises PortalError, also when the answer does not fit its total."""
    starts = starts_of(question)
    if not _fit_together(question, starts, [answer]):
        raise _changed()
    return _page(question, starts, [answer])


def _changed() -> UnexpectedAnswer:
    return unexpected("Records came or went while the portal's pages were read.")


def _page(question: Question, starts: Sequence[int], answers: Sequence[Answer | PortalError]) -> RecordPage:
    pages = [question.rows(answer) for answer in answers]
    rows = [row for page in pages for row in page]
    last = answers[-1]
    total = last.total if isinstance(last, Answer) and starts[0] != NO_COUNTING else None
    following = isinstance(last, Answer) and last.next is not None
    shown = rows[question.query.offset % ROWS :]
    end = question.query.offset + len(shown)
    more = len(shown) > question.limit or (following if total is None else total > end)
    return question.page(shown, total, more=more, pieces=sum(map(bool, pages)))


def _fit_together(question: Question, starts: Sequence[int], answers: Sequence[Answer | PortalError]) -> bool:
    """Whether pages are of one list: no row twice, each as full as the total says, and the total the same in all."""
    pages = [question.rows(answer) for answer in answers]
    ids = [question.id_of(row) for page in pages for row in page]
    totals = {answer.total for answer in answers if isinstance(answer, Answer)}
    if len(set(ids)) < len(ids) or len(totals) > 1:
        return False
    [total] = totals
    if total is None or starts[0] == NO_COUNTING:
        return True
    return all(len(page) == max(0, min(ROWS, total - start)) for start, page in zip(starts, pages, strict=True))
