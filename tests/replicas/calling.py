"""One caller's connection: every call is noted with its time and its error, reads are asked again, writes never."""

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import anyio
import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CONNECTION_CLOSED, REQUEST_TIMEOUT

from replicas.balancing import LOST, Answered, Balanced
from replicas.parts import Caller

Json = dict[str, Any]
PATIENCE = 100.0
"""Seconds that a client waits for an answer: longer than the portal's window, for which a server may have to wait."""
_RESTS = (0.5, 0.5, 1.0, 1.0, *[2.0] * 30)
"""Seconds before each further attempt of a read whose connection was lost."""
UNANSWERED = frozenset({"LOST", "NO_ANSWER"})
"""Codes of calls of which nobody knows whether they were worked on: the connection was lost, or it took too long."""
_OF_THE_PROTOCOL = {LOST: "LOST", CONNECTION_CLOSED: "LOST", REQUEST_TIMEOUT: "NO_ANSWER"}


@dataclass(frozen=True, slots=True)
class Call:
    """One call: what for, when, on the monotonic clock, and the code of its error, empty where there is none.

    `expected` are codes that it is meant to bring.
    """

    caller: str
    tool: str
    purpose: str
    began: float
    ended: float
    code: str
    expected: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Record:
    """What all clients note: their calls, and when which replica answered."""

    calls: list[Call] = field(default_factory=list[Call])
    answered: list[Answered] = field(default_factory=list[Answered])


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, or the code of an error."""

    content: Json
    code: str = ""


class Connection:
    """What a caller calls through."""

    def __init__(self, caller: Caller, client: Client, record: Record) -> None:
        self.caller = caller
        self._client = client
        self._record = record

    async def read(self, tool: str, **arguments: Any) -> Told:
        """An answer; asked again while connections are lost."""
        told = await self.once("read", tool, **arguments)
        for rest in _RESTS:
            if told.code not in UNANSWERED:
                return told
            await anyio.sleep(rest)
            told = await self.once("read", tool, **arguments)
        return told

    async def once(self, purpose: str, tool: str, *, expected: Sequence[str] = (), **arguments: Any) -> Told:
        """An answer, asked for once, whatever comes of it."""
        began = time.monotonic()
        told = await self._told(tool, arguments)
        noted = Call(self.caller.name, tool, purpose, began, time.monotonic(), told.code, frozenset(expected))
        self._record.calls.append(noted)
        return told

    async def _told(self, tool: str, arguments: Json) -> Told:
        try:
            result = await self._client.call_tool(tool, arguments)
        except MCPError as error:
            return Told({}, _OF_THE_PROTOCOL.get(error.code, f"PROTOCOL {error.code} {error.message[:60]}"))
        except TimeoutError:
            return Told({}, "NO_ANSWER")
        content = cast("Json", result.structured_content or {})
        if not result.is_error:
            return Told(content)
        return Told(content, str(content.get("error", {}).get("code", "WITHOUT_CODE")))


@asynccontextmanager
async def connected(caller: Caller, ports: Sequence[int], record: Record) -> AsyncGenerator[Connection]:
    """A caller's connection to the replicas on these ports, each request to the next of them."""
    balanced = Balanced(ports, caller.number, record.answered)
    async with (
        httpx2.AsyncClient(headers=caller.headers, timeout=PATIENCE + 10, transport=balanced, trust_env=False) as http,
        Client(
            streamable_http_client(f"http://127.0.0.1:{ports[0]}/mcp", http_client=http),
            mode=cast("Any", caller.mode),
            read_timeout_seconds=PATIENCE,
        ) as client,
    ):
        yield Connection(caller, client, record)
