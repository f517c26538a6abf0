"""Calls that come at once share requests: the first goes out alone, what arrives meanwhile goes in one batch."""

from collections.abc import Sequence

from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.envelope import Answer
from bitrix24_mcp.sending.lane import Lane


class Reads:
    """The lane of one client. Equal calls are made once, also while the first is under way."""

    def __init__(self, client: RestClient) -> None:
        self._lane = Lane[RestCall, Answer](client.budget, client.attempt)

    async def read(self, calls: Sequence[RestCall]) -> list[Answer | PortalError]:
        """The answer to each call, or the error in its place."""
        return await self._lane.read(calls)
