"""A client of a gateway that respx plays, in a time that passes only when somebody waits."""

import math
import random
from collections.abc import AsyncGenerator

import pytest

from bitrix24_mcp.pacing.budget import Budget, Limits
from bitrix24_mcp.pacing.turns import Clock
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.credentials import Credentials
from bitrix24_mcp.vibecode.portal import GatewayPortal

GATEWAY = "https://gateway.example"
KEY = "vibe_api_k3y-of_Ann"


@pytest.fixture
def budget(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Budget:
    """A budget without spacing, so that every wait is one that the gateway caused; jitter takes its longest."""

    def longest(_: float, high: float) -> float:
        return high

    monkeypatch.setattr(random, "uniform", longest)
    return Budget(Limits(per_second=math.inf, any_second=1_000), clock=clock)


@pytest.fixture
async def client(budget: Budget) -> AsyncGenerator[GatewayClient]:
    async with GatewayClient(Credentials(GATEWAY, KEY), budget=budget) as ready:
        yield ready


@pytest.fixture
def portal(client: GatewayClient) -> GatewayPortal:
    return GatewayPortal(client)
