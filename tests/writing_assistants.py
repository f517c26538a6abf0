"""Assistants that may write: through both doors, with a journal of the test's own, and a person who can be asked."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from mcp import Client
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from assistants import Assistant, TestTime
from bitrix24_mcp.crm.intake.rule import IntakeRule
from bitrix24_mcp.crm.writing.desk import Desk, Rules
from bitrix24_mcp.crm.writing.pending import Confirmations
from bitrix24_mcp.intake.store import StoredIntake
from bitrix24_mcp.journal.store import StoredJournal
from bitrix24_mcp.pacing.bucket import Bucket
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.pacing.turns import Clock
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal
from bitrix24_mcp.rest.writing.writer import RestWriter
from bitrix24_mcp.server import build_server
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.tools.writing import writing_tools
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.portal import GatewayPortal
from bitrix24_mcp.vibecode.writing import GatewayWriter
from bitrix24_mcp.writing import Writing, writing_for

Door = Literal["gateway", "rest"]
SPECIFIED_PORTAL = "company.bitrix24.com"
"""Which portal the examples of the specs come from."""
WRITING_DOORS: tuple[Door, ...] = ("gateway", "rest")


class Calendar:
    """The journal's clock, which stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 7, 15, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Asked:
    """A person who is asked through the client: what they were shown, and what they answer."""

    answer: ElicitResult = field(default_factory=lambda: ElicitResult(action="accept", content={"confirm": True}))
    questions: list[str] = field(default_factory=list[str])
    meanwhile: Callable[[], None] = lambda: None

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        del context
        self.questions.append(params.message)
        self.meanwhile()
        return self.answer


@dataclass(frozen=True)
class WritingAssistant(Assistant):
    """An assistant that may write. `journal` is what the server keeps."""

    journal: StoredJournal
    calendar: Calendar

    async def write(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Calls a tool that writes, and confirms the preview it gives, if it gives one."""
        answer = await self.ask(tool, **arguments)
        return await self.ask(tool, confirm=answer["confirm"]) if "confirm" in answer else answer


@asynccontextmanager
async def writing_assistant_for(
    door: Door,
    url: str,
    folder: Path,
    *,
    key: str = "",
    person: Asked | None = None,
    mode: str = "legacy",
    clock: Clock | None = None,
    patience: float = 60,
    calendar: Calendar | None = None,
    confirmations: Callable[[], Confirmations] | None = None,
    **settings: str,
) -> AsyncGenerator[WritingAssistant]:
    """An assistant for the portal at a URL that may write, deletions included; the journal is kept in `folder`.

    `person`: whom the client can ask; without one it cannot. `mode`: "legacy" for revisions up to 2025-11-25,
    "2026-07-28" for that one. `key`: the gateway's key, or the webhook as `1/demo-admin`. `confirmations`: what keeps
    codes, if not the server.
    """
    passing, time = calendar or Calendar(), clock or TestTime().clock
    async with (
        _opened(door, url, key, time, patience, settings) as (chosen, portal, writer),
        _opened(door, url, key, time, 60, settings) as (_, patient, _),  # what is offered hangs on no busy machine
    ):
        journal = StoredJournal.in_folder(folder, now=passing)
        writing: Writing | None = await writing_for(
            chosen, patient, writer, lambda: journal, lambda: StoredIntake.in_folder(folder, now=passing), confirmations
        )
        server = build_server(chosen, portal, writing)
        async with Client(server, elicitation_callback=person, mode=mode) as client:
            yield WritingAssistant(client, journal, passing)


@asynccontextmanager
async def _opened(
    door: Door, url: str, key: str, clock: Clock, patience: float, settings: dict[str, str]
) -> AsyncGenerator[Any]:
    allowed = {"BITRIX24_MCP_ALLOW_WRITES": "true", "BITRIX24_MCP_ALLOW_DELETES": "true", **settings}
    if door == "gateway":
        chosen = Settings.of({"VIBECODE_BASE_URL": url, "VIBECODE_API_KEY": key or "vibe_api_demo", **allowed})
        async with GatewayClient(chosen.credentials(), budget=Budget(clock=clock), patience=patience) as gateway:
            yield chosen, GatewayPortal(gateway), lambda: GatewayWriter(gateway)
        return
    chosen = Settings.of({"BITRIX24_WEBHOOK_URL": f"{url}/rest/{key or '1/demo-admin'}/", **allowed})
    async with RestClient(chosen.webhook(), budget=Bucket(clock=clock), patience=patience) as rest:
        yield chosen, RestPortal(rest), lambda: RestWriter(rest)


@asynccontextmanager
async def specified_assistant(
    door: Door, url: str, folder: Path, *, rule: IntakeRule | None = None, **settings: str
) -> AsyncGenerator[Assistant]:
    """An assistant that is offered every tool, whatever the key may do, so that nothing is asked at the start.

    `rule`: an intake rule that is kept for the portal of the specs.
    """
    async with _opened(door, url, "", TestTime().clock, 60, settings) as (chosen, portal, writer):
        rules = Rules(chosen.allow_deletes, chosen.confirm)
        intake: StoredIntake = StoredIntake.in_folder(folder, now=Calendar())
        if rule:
            await intake.create(SPECIFIED_PORTAL, rule)
        desk = Desk(writer(), StoredJournal.in_folder(folder, now=Calendar()), rules, intake=intake)
        offered = Writing(desk, writing_tools(intake=True))
        async with Client(build_server(chosen, portal, offered), mode="legacy") as client:
            yield Assistant(client)
