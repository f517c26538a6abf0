"""Lists by id: each page behind the last id of the one before, all of them in one batch (docs: huge-data)."""

from collections.abc import Sequence

from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.crm.portal_values import RecordPage
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.envelope import Answer, Json
from bitrix24_mcp.rest.reading.dialects import ROWS
from bitrix24_mcp.rest.reading.question import NO_COUNTING, PAGES, Question
from bitrix24_mcp.sending.failures import unexpected


def _most(question: Question) -> int:
    """Pages to read at most: those that hold the records asked for, and one more row to know whether others follow."""
    beyond = 0 if question.query.counted else 1
    return min(PAGES, -(-(question.limit + beyond) // ROWS))


def _pages(question: Question) -> int:
    """Pages to ask for."""
    expected = question.query.expected
    return _most(question) if expected is None else min(_most(question), max(1, -(-expected // ROWS)))


def _counts_at_the_end(question: Question) -> bool:
    """Whether the last page is counted: no further row could tell there whether others follow."""
    query = question.query
    full = question.limit if query.expected is None else min(question.limit, query.expected)
    return not query.counted and _pages(question) * ROWS <= full


def chain(question: Question) -> list[RestCall]:
    """The pages by id, each behind the last row of the one before.

    Counting is left out but where the total is wanted, and on the last of pages that hold no row more than expected.
    """
    number = _pages(question)
    bound = f"{'<' if question.descending else '>'}{question.columns['id'].asked}"
    path = "".join(f"[{name}]" for name in (*question.dialect.path, str(ROWS - 1), question.columns["id"].read))
    calls: list[RestCall] = []
    for place in range(number):
        last = place == number - 1 and _counts_at_the_end(question)
        counted = last or (question.query.counted and not place)
        behind = {bound: f"$result[c{place - 1}]{path}"} if place else {}
        calls.append(question.call(0 if counted else NO_COUNTING, behind))
    return calls


def windowed(question: Question, answers: Sequence[Answer | PortalError]) -> RecordPage:
    """The page that such a chain brought; raises PortalError.

    What follows the first short answer says nothing: it is bound to a row that is not there.
    """
    pages: list[list[Json]] = []
    total = left = None
    for place, answer in enumerate(answers):
        pages.append(question.rows(answer))
        if not place and question.query.counted:
            total = _counted(answer, len(pages[0]))
        if place == len(answers) - 1 and _counts_at_the_end(question):
            left = _counted(answer, len(pages[-1])) - len(pages[-1])
        if len(pages[-1]) < ROWS:
            break
    rows = [row for page in pages for row in page]
    question.check_order(rows)
    if total is not None:  # more than was read: records went meanwhile, or the portal left some out
        return question.page(rows, max(total, len(rows)), more=total > len(rows), pieces=len(pages))
    if len(pages[-1]) < ROWS:
        return question.page(rows, None, more=False, pieces=len(pages))
    if left is not None:
        return question.page(rows, None, more=left > 0, pieces=len(pages))
    return question.page(rows[:-1], None, more=True, pieces=len(pages))  # the last row proves that more follow


def _counted(answer: Answer | PortalError, seen: int) -> int:
    """How many records match. Raises UnexpectedAnswer where the portal did not count, or left some out of the page."""
    if not isinstance(answer, Answer) or answer.total is None or answer.total < seen:
        raise unexpected("The portal did not say how many records match.")
    if seen < min(answer.total, ROWS):
        raise unexpected("The portal sent fewer records than it counted.")
    return answer.total
