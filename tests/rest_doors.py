"""One demo portal through both doors, and what their answers have in common whatever they look like."""

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from assistants import TestTime
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.pacing.bucket import Bucket
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.rest.access.webhook import Webhook
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.credentials import Credentials
from bitrix24_mcp.vibecode.portal import GatewayPortal

ADMIN, SELLER, CRM_ADMIN = "1/demo-admin", "57/demo-seller", "2/demo-crm-admin"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S+")


@dataclass(frozen=True)
class Doors:
    """The same portal through the gateway and by its own REST."""

    gateway: GatewayPortal
    rest: RestPortal


@asynccontextmanager
async def two_doors(portal: DemoPortal) -> AsyncGenerator[Doors]:
    """Both doors, opened by an administrator; nobody waits for a budget."""
    time = TestTime().clock
    async with (
        GatewayClient(Credentials(portal.url, "vibe_api_demo"), budget=Budget(clock=time)) as gateway,
        rest_door(portal) as rest,
    ):
        yield Doors(GatewayPortal(gateway), rest)


@asynccontextmanager
async def rest_door(portal: DemoPortal, webhook: str = ADMIN) -> AsyncGenerator[RestPortal]:
    """The portal by one of its webhooks."""
    access = Webhook(f"{portal.url}/rest/{webhook}/")
    async with RestClient(access, budget=Bucket(clock=TestTime().clock)) as client:
        yield RestPortal(client)


def methods_asked(portal: DemoPortal) -> list[str]:
    """The REST methods asked since the list of requests was last cleared, in order."""
    return [request.path.rpartition("/")[2] for request in portal.requests if request.path.startswith("/rest/")]


def same(value: Any) -> Any:
    """The value with moments as UTC and without what is empty: the doors differ in offsets, and in null or absent."""
    if isinstance(value, str):
        moment = _MOMENT.fullmatch(value)
        return datetime.fromisoformat(value).astimezone(UTC) if moment else value
    if isinstance(value, Mapping):
        held = cast("Mapping[str, Any]", value)
        return {name: same(each) for name, each in held.items() if each is not None and each != []}
    if isinstance(value, Sequence):
        return [same(each) for each in cast("Sequence[Any]", value)]
    return value
