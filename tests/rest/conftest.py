"""A client of a portal that respx plays, in a time that passes only when somebody waits; and one of the demo portal."""

import random
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import pytest

from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.pacing.bucket import Bucket, Capacity
from bitrix24_mcp.pacing.turns import Clock
from bitrix24_mcp.rest.access.webhook import Webhook
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.items.moments import Moments

PORTAL = "https://portal.example"
CODE = "s3cr3t-c0de"
WEBHOOK = f"{PORTAL}/rest/1/{CODE}/"


@pytest.fixture
def moments_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """How filters take moments is not tried: test_moments does that by itself."""

    def nothing(*_: object) -> list[RestCall]:
        return []

    monkeypatch.setattr(Moments, "probe", nothing)


@pytest.fixture
def budget(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A bucket that is never full, so that every wait is one that the portal caused; jitter takes its longest."""

    def longest(_: float, high: float) -> float:
        return high

    monkeypatch.setattr(random, "uniform", longest)
    return Bucket(Capacity(size=10**9), clock=clock)


@pytest.fixture
async def client(budget: Bucket) -> AsyncGenerator[RestClient]:
    async with RestClient(Webhook(WEBHOOK), budget=budget) as ready:
        yield ready


@pytest.fixture
async def demo_client(portal: DemoPortal) -> AsyncGenerator[RestClient]:
    """The demo portal's administrator, by webhook."""
    async with RestClient(Webhook(f"{portal.url}/rest/1/demo-admin/")) as ready:
        yield ready


@dataclass
class Account:
    """Access of an application whose tokens are numbered; `renewals`: how many more it gets."""

    endpoint: str = f"{PORTAL}/rest/"
    portal: str = "portal.example"
    kind: Literal["webhook", "oauth"] = "oauth"
    loopback: bool = False
    renewals: int = 1
    number: int = 1
    spent: list[str] = field(default_factory=list[str])

    async def parameters(self) -> Mapping[str, str]:
        return {"auth": f"t0ken-{self.number}"}

    async def renewed(self, spent: Mapping[str, str]) -> bool:
        self.spent.append(spent["auth"])
        if not self.renewals:
            return False
        self.renewals -= 1
        self.number += 1
        return True


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
async def application(budget: Bucket, account: Account) -> AsyncGenerator[RestClient]:
    async with RestClient(account, budget=budget) as ready:
        yield ready
