"""The ASGI application: `/v1` requests through faults, keys, limits and routes; REST, OAuth, controls."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import json
import time
from typing import TYPE_CHECKING, Any, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bitrix24_mcp.demo import keys, times
from bitrix24_mcp.demo.calls import Call, as_list, as_object, query_pairs, unfold
from bitrix24_mcp.demo.connections import Connections
from bitrix24_mcp.demo.envelope import FAILED, Answer, from_error, from_fault, from_reply
from bitrix24_mcp.demo.errors import GatewayError
from bitrix24_mcp.demo.faults import AFTERWARDS, INSTEAD, ConnectionDropped, Fault, Faults
from bitrix24_mcp.demo.gateway import Gateway, Switches
from bitrix24_mcp.demo.limits import Limits
from bitrix24_mcp.demo.recording import RecordedRequest, Recorder
from bitrix24_mcp.demo.rest import oauth
from bitrix24_mcp.demo.rest.app import RestApp
from bitrix24_mcp.demo.rest.tokens import Tokens
from bitrix24_mcp.demo.routes import dispatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from bitrix24_mcp.demo.database import Database

_NO_SESSION = frozenset({"me", "guide"})


@dataclasses.dataclass(frozen=True, slots=True)
class Parts:
    """What an application is put together from; the owner keeps hold of the parts."""

    faults: Faults = dataclasses.field(default_factory=Faults)
    recorder: Recorder = dataclasses.field(default_factory=Recorder)
    connections: Connections = dataclasses.field(default_factory=Connections)
    clock: Callable[[], float] = time.monotonic
    limits: bool = True
    switches: Switches = dataclasses.field(default_factory=Switches)
    tokens: Tokens = dataclasses.field(default_factory=lambda: Tokens(time.monotonic))


def create_app(database: Database, parts: Parts | None = None) -> Starlette:
    """The portal over this database as an ASGI application."""
    chosen = parts or Parts()
    controls = _Controls(chosen)
    gateway = Gateway(database, chosen.switches)
    return Starlette(
        routes=[
            Route("/v1/{path:path}", _GatewayApp(gateway, chosen)),
            Route("/rest/{path:path}", RestApp(gateway, chosen)),
            *oauth.routes(chosen.tokens, database, chosen.recorder),
            Route("/__demo__/faults", controls.inject, methods=["POST"]),
            Route("/__demo__/faults", controls.clear, methods=["DELETE"]),
            Route("/__demo__/requests", controls.requests, methods=["GET"]),
        ]
    )


class _GatewayApp:
    """Answers `/v1` requests."""

    def __init__(self, gateway: Gateway, parts: Parts) -> None:
        self._parts = parts
        self._gateway = gateway
        self._limits = Limits(parts.clock, enabled=parts.limits)
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await _body(request)
        recorded = self._parts.recorder.begin(
            RecordedRequest(
                method=request.method,
                path=request.url.path,
                query=query_pairs(request.url.query),
                body=None if body is _MALFORMED else body,
                status=0,
                key=keys.sent_key(request.headers),
                at=time.monotonic(),
            )
        )
        answer = await self._answer(request, recorded, body)
        if answer is None:
            self._parts.connections.cut(scope)
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        self._parts.recorder.finish(recorded, answer.status)
        headers = {
            "Date": times.HTTP_DATE,
            "X-Request-Id": f"demo-{next(self._numbers):08d}",
            **self._limits.headers(recorded.key),
            **answer.headers,
        }
        await Response(answer.body, answer.status, headers)(scope, receive, send)

    async def _answer(self, request: Request, recorded: RecordedRequest, body: object) -> Answer | None:
        faults = self._parts.faults
        fault = faults.take(INSTEAD, recorded.method, recorded.path)
        if fault is not None:
            return from_fault(fault, str(request.url), recorded.key)
        try:
            answer = await self._served(request, recorded, body)
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

    async def _served(self, request: Request, recorded: RecordedRequest, body: object) -> Answer:
        looped = (recorded.key, recorded.method, recorded.path)
        try:
            call = self._call(request, recorded, body)
            self._limits.check_loop(looped)
            self._limits.admit(recorded.key, _units(call))
            async with self._limits.slot():
                slow = self._parts.faults.take(frozenset({"slow"}), recorded.method, recorded.path)
                if slow is not None:
                    await asyncio.sleep(slow.seconds)
                if call.segments[-1] != "batch" and call.fault("drop_midway"):
                    raise ConnectionDropped
                answer = from_reply(dispatch(self._gateway, call))
        except GatewayError as error:
            answer = from_error(error)
        self._limits.note(looped, answer.code)
        return answer

    def _call(self, request: Request, recorded: RecordedRequest, body: object) -> Call:
        path = recorded.path.removeprefix("/v1/").rstrip("/")
        segments = tuple(path.split("/"))
        key = keys.authenticate(request.headers, session_needed=segments[0] not in _NO_SESSION)
        if body is _MALFORMED:
            raise GatewayError("INVALID_REQUEST", "Request body is not valid JSON")

        def fault(kind: str) -> bool:
            return self._parts.faults.take(frozenset({kind}), recorded.method, recorded.path) is not None

        return Call(recorded.method, segments, unfold(recorded.query), body, key, fault)


_MALFORMED = object()


async def _body(request: Request) -> object:
    raw = await request.body()
    if not raw:
        return None
    try:
        return cast("object", json.loads(raw))
    except ValueError:
        return _MALFORMED


def _units(call: Call) -> int:
    """One unit a request; an entity batch costs one per fifty records (docs/optimization)."""
    if call.segments[-1] != "batch" or len(call.segments) == 1:
        return 1
    longest = max((len(as_list(part)) for part in as_object(call.body).values()), default=0)
    return max(1, -(-longest // 50))


def _fault(raw: object) -> Fault:
    entry: dict[str, Any] = as_object(raw)
    return Fault(**entry)


class _Controls:
    """Routes of the portal's own, outside the gateway and without a key."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def inject(self, request: Request) -> Response:
        """Take one fault or a list of them."""
        try:
            raw = cast("object", await request.json())
            faults = [_fault(entry) for entry in (as_list(raw) or [raw])]
        except (TypeError, ValueError) as wrong:
            return JSONResponse({"error": str(wrong)}, status_code=400)
        for fault in faults:
            self._parts.faults.inject(fault)
        return JSONResponse({"injected": len(faults)}, status_code=201)

    async def clear(self, _request: Request) -> Response:
        """Forget all faults."""
        self._parts.faults.clear()
        return Response(status_code=204)

    async def requests(self, _request: Request) -> Response:
        """Everything that was asked."""
        return JSONResponse([dataclasses.asdict(request) for request in self._parts.recorder.requests])
