"""An assistant for a portal that was connected through OAuth, and whatever was secret in its talk with the portal."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from mcp import Client

from assistants import Assistant, TestTime
from bitrix24_mcp.accounts.exchange import Exchange
from bitrix24_mcp.accounts.store import Accounts
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.pacing.bucket import Bucket
from bitrix24_mcp.rest.access.application import Application
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal
from bitrix24_mcp.server import build_server
from bitrix24_mcp.settings import Settings
from connecting import CLIENT_SECRET, card_for, environment, hand_over, host_of_portal

FILES = "demo-download-secret"
"""What the demo portal puts into addresses of files, beside the caller's own proof."""


@asynccontextmanager
async def connected_assistant_for(
    portal: DemoPortal, folder: Path, *, patience: float = 60
) -> AsyncGenerator[Assistant]:
    """Connects the portal as its administrator does, and opens it by the account."""
    host = host_of_portal(portal)
    accounts, card = Accounts.open(folder), card_for(host)
    application = Application(await hand_over(card, accounts, host), accounts, Exchange(card))
    settings = Settings.of(environment(folder, host, BITRIX24_PORTAL=host))
    async with (
        RestClient(application, budget=Bucket(clock=TestTime().clock), patience=patience) as rest,
        Client(build_server(settings, RestPortal(rest))) as client,
    ):
        yield Assistant(client)


def secrets_of(portal: DemoPortal) -> set[str]:
    """Every proof that was ever sent to the portal: codes of webhooks, tokens, one-time codes, the client secret."""
    found = {FILES, CLIENT_SECRET}
    for request in portal.requests:
        found.add(request.key)
        found |= {value for name, value in request.query if name in {"code", "refresh_token", "client_secret", "auth"}}
    return {secret for secret in found if secret}


def leaked(text: str, secrets: set[str]) -> list[str]:
    """The secrets that a text tells, in whatever case."""
    lowered = text.casefold()
    return sorted(secret for secret in secrets if secret.casefold() in lowered)
