"""Fixtures that all tests share: the demo portal over real HTTP, and an assistant in front of it."""

import json
import math
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import anyio.lowlevel
import pytest
from jsonschema import Draft202012Validator

from assistants import DEALS, ROOT, Assistant, Sql, TestTime, assistant_for, sql_over
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.pacing.turns import Clock
from postgres_places import own_database
from services import Service, postgres_server, redis_server
from writing_assistants import WRITING_DOORS, Door, WritingAssistant, writing_assistant_for

__all__ = ["ROOT", "Assistant", "Sql", "TestTime", "assistant_for", "sql_over"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-specs", action="store_true", help="write tool_specs and the README table")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes begins first, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: "large" not in getattr(item, "fixturenames", ()))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def schemas_are_checked_once() -> Generator[None]:
    """Each client checks the schema of each tool it calls: a sixth of all the tests' time, for thousands of clients."""
    check = Draft202012Validator.check_schema
    right: set[str] = set()

    def once(schema: Any, *others: Any) -> None:
        text = json.dumps(schema, sort_keys=True)
        if text not in right:
            check(schema, *others)
            right.add(text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Draft202012Validator, "check_schema", once)
        yield


@pytest.fixture
def waits() -> list[float]:
    """Every wait asked for of the clock, in order."""
    return []


@pytest.fixture
def clock(waits: list[float]) -> Clock:
    """A time that passes only when somebody waits."""

    async def wait(seconds: float) -> None:
        waits.append(round(seconds, 6))
        await anyio.lowlevel.checkpoint()

    return Clock(now=lambda: math.fsum(waits), sleep=wait)


@pytest.fixture(scope="session")
def redis_service() -> Generator[Service]:
    """A Redis that all tests of a worker share; each uses keys of its own, and none stops it."""
    with redis_server() as service:
        yield service


@pytest.fixture(scope="session")
def postgres_service() -> Generator[Service]:
    """A PostgreSQL that all tests of a worker share; each uses a database of its own, and none stops it."""
    with postgres_server() as service:
        yield service


@pytest.fixture
def address(postgres_service: Service) -> Generator[str]:
    """The address of an empty database of the test's own."""
    with own_database(postgres_service) as made:
        yield made


@pytest.fixture(scope="session")
def portal() -> Generator[DemoPortal]:
    """A small demo portal that tests only read."""
    with DemoPortal.start(deals=DEALS, limits=False) as started:
        yield started


@pytest.fixture
def own_portal() -> Generator[DemoPortal]:
    """A small demo portal of the test's own, to break or to change."""
    with DemoPortal.start(deals=DEALS, limits=False) as started:
        yield started


@pytest.fixture
async def assistant(portal: DemoPortal) -> AsyncGenerator[Assistant]:
    async with assistant_for(portal.url) as ready:
        yield ready


@pytest.fixture
async def own_assistant(own_portal: DemoPortal) -> AsyncGenerator[Assistant]:
    async with assistant_for(own_portal.url) as ready:
        yield ready


@pytest.fixture
def sql(portal: DemoPortal) -> Sql:
    return sql_over(portal.database)


@pytest.fixture
def own_sql(own_portal: DemoPortal) -> Sql:
    """Plain SQL over the test's own portal."""
    return sql_over(own_portal.database)


@pytest.fixture(params=WRITING_DOORS)
def writing_door(request: pytest.FixtureRequest) -> Door:
    """One way to a portal after the other."""
    return request.param


@pytest.fixture
async def writing(writing_door: Door, own_portal: DemoPortal, tmp_path: Path) -> AsyncGenerator[WritingAssistant]:
    """An assistant that may write to the test's own portal, without a person who could be asked."""
    async with writing_assistant_for(writing_door, own_portal.url, tmp_path) as ready:
        yield ready
