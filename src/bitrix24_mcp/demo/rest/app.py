"""The routes under `/rest/`: who calls, what is asked, what goes wrong on request."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from bitrix24_mcp.demo import times
from bitrix24_mcp.demo.calls import query_pairs
from bitrix24_mcp.demo.faults import AFTERWARDS, ConnectionDropped
from bitrix24_mcp.demo.recording import RecordedRequest
from bitrix24_mcp.demo.rest.calls import Call, RestError
from bitrix24_mcp.demo.rest.credentials import address, sent_token, webhook_caller
from bitrix24_mcp.demo.rest.envelope import failure, success
from bitrix24_mcp.demo.rest.faults import FAILED, INSTEAD, from_fault
from bitrix24_mcp.demo.rest.limits import RestLimits
from bitrix24_mcp.demo.rest.parameters import from_body, from_query
from bitrix24_mcp.demo.rest.service import Service

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from bitrix24_mcp.demo.app import Parts
    from bitrix24_mcp.demo.envelope import Answer
    from bitrix24_mcp.demo.gateway import Gateway
    from bitrix24_mcp.demo.rest.calls import Caller, Json
    from bitrix24_mcp.demo.rest.credentials import Address

# What goes wrong within a batch, and within any other request.
_WITHIN = {True: frozenset({"partial_batch", "limit_within", "drop_midway"}), False: frozenset({"drop_midway"})}


class RestApp:
    """Answers `/rest/` requests."""

    def __init__(self, gateway: Gateway, parts: Parts) -> None:
        self._gateway = gateway
        self._parts = parts
        switches = gateway.switches.rest
        self._limits = RestLimits(parts.clock, switches, enabled=parts.limits)
        self._service = Service(self._limits, switches.scope_status)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Record the request, answer it, or cut the connection when a fault asks for that."""
        request = Request(scope, receive)
        where = address(request.url.path.removeprefix("/rest/"))
        body = await _body(request)
        params = {**from_query(request.url.query), **body}
        recorded = self._parts.recorder.begin(
            RecordedRequest(
                method=request.method,
                path=request.url.path,
                query=query_pairs(request.url.query),
                body=body or None,
                status=0,
                key=where.code or str(params.get("auth", "")),
                at=time.monotonic(),
            )
        )
        answer = await self._answer(request, recorded, where, params)
        if answer is None:
            self._parts.connections.cut(scope)
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        self._parts.recorder.finish(recorded, answer.status)
        headers = {"Date": times.HTTP_DATE, **answer.headers}
        await Response(answer.body, answer.status, headers)(scope, receive, send)

    async def _answer(self, request: Request, recorded: RecordedRequest, where: Address, params: Json) -> Answer | None:
        faults = self._parts.faults
        fault = faults.take(INSTEAD, recorded.method, recorded.path)
        if fault is not None:
            return from_fault(fault, request.url, recorded.key)
        slow = faults.take(frozenset({"slow"}), recorded.method, recorded.path)
        if slow is not None:
            await asyncio.sleep(slow.seconds)
        try:
            answer = self._served(request, recorded, where, params)
        except ConnectionDropped:
            return None
        return await self._afterwards(recorded, answer)

    async def _afterwards(self, recorded: RecordedRequest, answer: Answer) -> Answer | None:
        """The answer of work that is done, unless a fault keeps it back, delays it or puts another in its place."""
        fault = self._parts.faults.take(AFTERWARDS, recorded.method, recorded.path)
        if fault is None:
            return answer
        if fault.kind == "slow_after":
            await asyncio.sleep(fault.seconds)
            return answer
        return FAILED if fault.kind == "failed_after" else None

    def _served(self, request: Request, recorded: RecordedRequest, where: Address, params: Json) -> Answer:
        try:
            self._limits.admit(request.client.host if request.client else "")
            caller = self._caller(where, params)
            root = f"{request.base_url}rest/" + (f"{where.owner}/{where.code}/" if where.code else "")
            token = "" if where.code else recorded.key
            call = Call(where.method, params, caller, self._gateway, root, token)
            fault = self._parts.faults.take(_WITHIN[where.method == "batch"], recorded.method, recorded.path)
            # Seconds are counted per webhook, or for the application as a whole.
            done = self._service.perform(call, where.code or "application", fault.kind if fault else None)
        except RestError as error:
            return failure(error)
        return success(done.result, done.time)

    def _caller(self, where: Address, params: Json) -> Caller:
        if where.owner is not None:
            return webhook_caller(where)
        found = self._parts.tokens.caller_of(sent_token(params))
        if isinstance(found, RestError):
            raise found
        return found


async def _body(request: Request) -> Json:
    """The parameters in the body; that of a GET is not read."""
    if request.method != "POST":
        return {}
    return from_body(await request.body(), request.headers.get("content-type", ""))
