"""A page of records made of REST's small answers, which hold fifty rows whatever is asked for.

A list ordered by id alone is read behind ids, without counting; any other order by places.
"""

from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.crm.portal_values import RecordPage
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.envelope import Answer
from bitrix24_mcp.rest.reading.places import placed, read_by_place, starts_of
from bitrix24_mcp.rest.reading.question import Question, ask
from bitrix24_mcp.rest.reading.windows import chain, windowed


def single(question: Question) -> RestCall | None:
    """The one call that makes the page; None when it takes more."""
    calls = chain(question) if question.by_id else [question.call(start) for start in starts_of(question)]
    return calls[0] if len(calls) == 1 else None


def page_of(question: Question, answer: Answer | PortalError) -> RecordPage:
    """The page that the one call brought; raises PortalError."""
    if question.by_id:
        return windowed(question, [answer])
    return placed(question, answer)


async def read_page(question: Question, client: RestClient) -> RecordPage:
    """The page, in one batch.

    When more records come than the query expects, it may be shorter than the limit, and says that more follow.
    """
    if not question.by_id:
        return await read_by_place(question, client)
    return windowed(question, await ask(client, chain(question), chained=True))
