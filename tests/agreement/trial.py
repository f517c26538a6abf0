"""One portal, one journal and a server between them that may be ended at any time: where a sequence is played."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, cast

import anyio
from mcp_types import CallToolResult

from agreement.demanded import demanded
from agreement.noted import noted
from agreement.troubles import GONE, PATIENCE, SLOW, Circumstances
from agreement.watching import Requests, watched
from agreement.witness import Witness
from bitrix24_mcp.demo import DemoPortal, Fault
from writing_assistants import Asked, Calendar, Door, WritingAssistant, writing_assistant_for

Way = Literal["code", "asked", "asked anew", "at once"]
WAYS: tuple[Way, ...] = ("code", "asked", "asked anew", "at once")
"""How it is confirmed: by the preview's code, by a person in either form of the protocol, only what destroys."""
_OVERLAP = 0.1
"""Seconds for which a write is held up while another server looks up what is open."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a call was answered: its content or its error; neither where the caller gave it up."""

    content: Mapping[str, Any] = field(default_factory=dict[str, Any])
    error: Mapping[str, Any] = field(default_factory=dict[str, Any])
    given_up: bool = False

    @property
    def code(self) -> str:
        """The error's code; empty where there is no error."""
        return str(self.error.get("code", ""))


class Trial:
    """What steps are played on."""

    def __init__(self, door: Door, way: Way, portal: DemoPortal, folder: Path, patience: float = PATIENCE) -> None:
        self._patience = patience
        self.door: Door = door
        self.way: Way = way
        self.portal = portal
        self.folder = folder
        self.calendar = Calendar()
        self.witness = Witness(portal.database)
        self.requests: Requests = watched(portal, folder)
        self.quiet = True
        """Whether nothing went wrong with the last write, not even that this machine was too slow for the portal."""
        self._person = Asked() if way.startswith("asked") else None
        self._open = AsyncExitStack()
        self._assistant: WritingAssistant | None = None

    @property
    def assistant(self) -> WritingAssistant:
        """The server that is up now."""
        assert self._assistant is not None
        return self._assistant

    async def restart(self) -> None:
        """Ends the server, as a client does that closes the connection, and begins another one with its journal."""
        await self._open.aclose()
        self._assistant = await self._open.enter_async_context(self._server(self._person))

    async def end(self) -> None:
        """Ends the server."""
        await self._open.aclose()

    async def ask(self, tool: str, **arguments: Any) -> Told:
        """A call that nothing disturbs."""
        return _told(await self.assistant.raw(tool, **arguments))

    async def write(self, tool: str, around: Circumstances, meddle: Callable[[], None], **arguments: Any) -> Told:
        """A call that writes, previewed and confirmed in this trial's way, under these circumstances."""

        def written(number: int) -> None:
            for trouble in around.troubles:
                trouble.written(number, self.portal)

        self.requests.when_written(written)
        confirmed = anyio.Event()

        def between() -> None:
            confirmed.set()
            if around.meddled:
                meddle()
            for trouble in around.troubles:
                trouble.confirmed(self.portal)
            if around.looked_up:
                self.portal.inject(Fault("slow", times=None, seconds=_OVERLAP))

        first = len(self.requests)
        told = await self._confirmed(tool, arguments, around, between, confirmed)
        self.portal.clear_faults()
        await self._quiet(around)
        self.quiet = around.quiet and all(each.status for each in self.requests[first:])
        return told

    async def _confirmed(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        around: Circumstances,
        between: Callable[[], None],
        begun: anyio.Event,
    ) -> Told:
        if self._person is not None:
            self._person.meanwhile = between
            return await self._call(tool, arguments, around, begun)
        if self.way == "at once":
            between()
            first = await self._call(tool, arguments, around, begun)
            self.portal.clear_faults()
        else:
            first = _told(await self.assistant.raw(tool, **arguments))
        if "confirm" not in first.content:
            return first
        between()
        code = {"confirm": first.content["confirm"]}
        told = await self._call(tool, code, around, begun)
        if around.twice:
            assert _told(await self.assistant.raw(tool, **code)).code == "CONFIRMATION_UNKNOWN", "a code was good twice"
        return told

    async def _call(self, tool: str, arguments: Mapping[str, Any], around: Circumstances, begun: anyio.Event) -> Told:
        told = Told(given_up=True)
        over = anyio.Event()

        async def call() -> None:
            nonlocal told
            told = _told(await self.assistant.raw(tool, **arguments))
            over.set()

        async with anyio.create_task_group() as calls:
            calls.start_soon(call)
            if around.given_up is not None and await self._asked(begun, over, around.given_up):
                calls.cancel_scope.cancel()
            if around.looked_up:
                await self._look_up_meanwhile(begun, over)
        return told

    async def _asked(self, begun: anyio.Event, over: anyio.Event, number: int) -> bool:
        """Waits for the request of that number after the confirmation; whether it came before the call was over."""
        before = 0
        while not over.is_set():
            if not begun.is_set():
                before = len(self.requests)
            elif len(self.requests) > before + number:
                return True
            await anyio.sleep(0.001)
        return False

    async def _look_up_meanwhile(self, begun: anyio.Event, over: anyio.Event) -> None:
        """Another server looks up what is open as soon as a request that writes has arrived."""
        async with self._server(None) as other:
            before = len(self.requests)
            while not over.is_set():
                if begun.is_set() and any(demanded(each) for each in self.requests[before:]):
                    await other.raw("undo")
                    return
                await anyio.sleep(0.001)

    async def _quiet(self, around: Circumstances) -> None:
        """Waits until the portal works on nothing any more, nor the server on a call that was given up."""
        if any(each.slow for each in around.troubles) and self.requests:
            await anyio.sleep(max(0.0, self.requests[-1].at + SLOW + 0.1 - time.monotonic()))
        if around.given_up == GONE:
            await self.restart()
        if around.given_up is None:
            return
        still = 0
        while still < 5:
            before = len(self.requests)
            await anyio.sleep(0.01)
            last = self.requests[-1]
            waiting = not last.status and time.monotonic() - last.at < self._patience
            working = waiting or any(each.state == "sent" for each in noted(self.folder))
            still = 0 if working or len(self.requests) != before else still + 1

    def _server(self, person: Asked | None) -> Any:
        return writing_assistant_for(
            self.door,
            self.portal.url,
            self.folder,
            person=person,
            mode="2026-07-28" if self.way == "asked anew" else "legacy",
            patience=self._patience,
            calendar=self.calendar,
            BITRIX24_MCP_CONFIRM="deletes" if self.way == "at once" else "always",
        )


@asynccontextmanager
async def trial_of(door: Door, way: Way, patience: float = PATIENCE) -> AsyncGenerator[Trial]:
    """A small portal of its own, and a server in front of it."""
    with DemoPortal.start(deals=60, limits=False) as portal, TemporaryDirectory() as folder:
        trial = Trial(door, way, portal, Path(folder), patience)
        await trial.restart()
        try:
            yield trial
        finally:
            with suppress(RuntimeError):
                await trial.end()


def _told(result: CallToolResult) -> Told:
    content = cast("dict[str, Any]", result.structured_content)
    return Told(error=content["error"]) if result.is_error else Told(content)
