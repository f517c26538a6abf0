"""Lists that are read whole, through the lane: fifty rows a page, the pages behind the first one together."""

from collections.abc import Sequence

from bitrix24_mcp.crm.errors import InvalidArguments, PortalError
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.envelope import Answer, Json
from bitrix24_mcp.rest.calling.reads import Reads
from bitrix24_mcp.sending.failures import unexpected

PAGE = 50
"""Rows of every page, which cannot be changed (docs: settings/how-to-call-rest-api/list-methods-pecularities)."""
_ATTEMPTS = 3


class Lists:
    """Whole lists of one connection."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def answers(self, *calls: RestCall) -> list[Answer]:
        """The answers to calls that share requests. Raises the first error among them."""
        return [answered(outcome) for outcome in await self._reads.read(calls)]

    async def outcomes(self, calls: Sequence[RestCall]) -> list[Answer | PortalError]:
        """The answers, or the error in the place of one that failed."""
        return await self._reads.read(calls)

    async def all(self, call: RestCall, *path: str, key: str = "ID", most: int | None = None) -> list[Json]:
        """Every row of a list that is sorted by its `key`, each once; read again when it changed under the pages.

        Raises InvalidArguments for more rows than `most`, and UnexpectedAnswer for a list that never held still.
        """
        for _ in range(_ATTEMPTS):
            rows, total = await self._pass(call, path, most)
            ids = {str(row.get(key)) for row in rows}
            if len(ids) == len(rows) and total in {None, 0, len(rows)}:  # some methods send 0 for “not counted”
                return rows
        raise unexpected("The portal's list kept changing while it was read.")

    async def _pass(self, call: RestCall, path: Sequence[str], most: int | None) -> tuple[list[Json], int | None]:
        [first] = await self.answers(call)
        rows, total = first.rows(*path), first.total
        if most is not None and (total or 0) > most:
            raise too_many(total or 0)
        if first.next is None or not rows:
            return rows, total
        if total is not None:
            for answer in await self.answers(*pages_behind(call, first)):
                rows = [*rows, *answer.rows(*path)]
            return rows, total
        following: int | None = first.next
        while following is not None:
            [answer] = await self.answers(_behind(call, following))
            rows = [*rows, *answer.rows(*path)]
            if most is not None and len(rows) > most:
                raise too_many(len(rows))
            following = answer.next if answer.next is None or answer.next > following else None
        return rows, None


def pages_behind(call: RestCall, first: Answer) -> list[RestCall]:
    """The calls for all pages behind the first of a list; none where it says of no more, or not of how many."""
    if first.next is None or first.total is None:
        return []
    return [_behind(call, start) for start in range(first.next, first.total, PAGE)]


def _behind(call: RestCall, start: int) -> RestCall:
    return RestCall(call.method, {**call.params, "start": start})


def too_many(total: int) -> InvalidArguments:
    """The error for rows that would have to be looked through one by one."""
    return InvalidArguments(
        f"Bitrix24's REST cannot choose or order by that itself, and {total:,} records are too many to look through.",
        advice="Add a condition that it can choose by, such as dates or the responsible person.",
        code="NOT_OVER_REST",
    )


def answered(outcome: Answer | PortalError) -> Answer:
    """The answer; raises the error that came in its place."""
    if isinstance(outcome, PortalError):
        raise outcome
    return outcome
