"""Redis and PostgreSQL go and come back under a replica, and callers notice what the page on running it says."""

import re
from collections.abc import Generator
from pathlib import Path

import anyio
import httpx
import pytest

from assistants import ROOT
from bitrix24_mcp.demo import DemoPortal
from callers.shared_server import as_holder, calling, serving, token_for
from services import Service, database_address, postgres_server, redis_address, redis_server

pytestmark = pytest.mark.anyio

PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
CHANGE = {"entity": "deals", "action": "update", "items": [{"id": 1, "title": "Changed by a replica"}]}


@pytest.fixture
def redis() -> Generator[Service]:
    """A Redis of the test's own, which it may stop."""
    with redis_server() as service:
        yield service


@pytest.fixture
def postgres() -> Generator[Service]:
    """A PostgreSQL of the test's own, which it may stop."""
    with postgres_server() as service:
        yield service


async def readiness(url: str) -> tuple[int, str]:
    async with httpx.AsyncClient(timeout=20) as http:
        answer = await http.get(f"{url.removesuffix('/mcp')}/readyz")
    return answer.status_code, answer.text


async def test_without_both_a_replica_reads_refuses_to_write_says_so_and_goes_on_with_what_was_shown(
    own_portal: DemoPortal, redis: Service, postgres: Service, tmp_path: Path
) -> None:
    file = tmp_path / "tokens"
    anna = as_holder(token_for("anna", file))
    shared = {
        "BITRIX24_MCP_TOKENS": str(file),
        "BITRIX24_MCP_REDIS": redis_address(redis),
        "BITRIX24_MCP_DATABASE": database_address(postgres),
    }
    with serving(own_portal, tmp_path, "token", **shared) as url:
        async with calling(url, anna) as caller:
            code = (await caller.ask("write_items", **CHANGE))["confirm"]
            redis.stop()
            postgres.interrupt()

            without = await readiness(url)
            await caller.ask("aggregate", entity="deals")
            refused = [await caller.fail("write_items", confirm=code), await caller.fail("write_items", **CHANGE)]
            sent = {request.method for request in own_portal.requests if request.method not in {"GET", "POST"}}

            redis.start()
            postgres.start()
            with anyio.fail_after(30):
                while (again := await readiness(url)) != (200, "ok\n"):  # noqa: ASYNC110 - in other processes
                    await anyio.sleep(0.1)
            written = await caller.ask("write_items", confirm=code)

    assert (without, again) == ((200, "ok, degraded: database, redis\n"), (200, "ok\n"))
    assert (refused, sent) == (["CONFIRMATIONS_UNUSABLE", "JOURNAL_UNUSABLE"], set())
    assert (written["operation"], written["done"], written["ids"]) == (1, 1, [1])
    [row] = re.findall(r"^\| PostgreSQL \|.*$", PAGE, re.MULTILINE)
    assert [each for each in ("`ok, degraded: database, redis`", *refused) if each not in PAGE] == []
    assert [each for each in refused if f"`{each}`" not in row] == []
