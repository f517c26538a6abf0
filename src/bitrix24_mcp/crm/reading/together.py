"""Several reads under way at once, as many as the portal makes something of."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import anyio

from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.crm.portal import Portal

T = TypeVar("T")


async def read_each(wanted: Iterable[T], read: Callable[[T], Awaitable[None]], portal: Portal) -> None:
    """Has `read` done for each; the first PortalError there is ends all the others and is raised."""
    left = iter(wanted)
    failures: list[PortalError] = []

    async def read_on() -> None:
        try:
            for each in left:
                await read(each)
        except PortalError as error:
            failures.append(error)
            readers.cancel_scope.cancel()

    async with anyio.create_task_group() as readers:
        for _ in range(portal.reads_at_once):
            readers.start_soon(read_on)
    if failures:
        raise failures[0]
