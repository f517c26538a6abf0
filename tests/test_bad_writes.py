"""A wrong call of a tool that writes gets one clear error through both doors; nothing is sent, the server stays up."""

from pathlib import Path
from typing import Any

import pytest

from bad_input import BadCall
from bad_writes import BAD_DIRECT_WRITES, BAD_WRITES
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.tools.writing import WRITING_TOOLS
from previewing import done
from seen_writes import writes
from writing_assistants import WRITING_DOORS, writing_assistant_for

pytestmark = pytest.mark.anyio

LONGEST = 800
"""Characters of an error on one thing."""


def test_every_tool_that_writes_is_called_wrongly() -> None:
    called = {call.tool for call in [*BAD_WRITES, *BAD_DIRECT_WRITES]}

    assert called == {tool.name for tool in WRITING_TOOLS}


@pytest.mark.parametrize("call", BAD_WRITES, ids=lambda call: f"{call.tool}: {call.what}")
async def test_a_wrong_call_is_answered_alike_through_both_doors(
    call: BadCall, portal: DemoPortal, tmp_path: Path
) -> None:
    portal.requests.clear()
    errors: list[dict[str, Any]] = []
    for door in WRITING_DOORS:
        async with writing_assistant_for(door, portal.url, tmp_path / door) as assistant:
            errors.append(await assistant.fail(call.tool, **call.arguments))
            assert await assistant.journal.latest_of_all(5) == []

    [error, other] = errors
    assert error == other
    check(call, error)
    assert writes(portal) == []


@pytest.mark.parametrize("call", BAD_DIRECT_WRITES, ids=lambda call: f"{call.tool}: {call.what}")
async def test_a_wrong_call_of_a_tool_that_only_rest_has(call: BadCall, portal: DemoPortal, tmp_path: Path) -> None:
    portal.requests.clear()
    async with writing_assistant_for("rest", portal.url, tmp_path) as assistant:
        error = await assistant.fail(call.tool, **call.arguments)

    check(call, error)
    assert writes(portal) == []


def check(call: BadCall, error: dict[str, Any]) -> None:
    assert error["code"] == call.code
    assert call.offers in ["", *error.get("candidates", [])]
    assert len(error["message"]) < LONGEST


async def test_the_server_goes_on_after_every_wrong_call(own_portal: DemoPortal, tmp_path: Path) -> None:
    async with writing_assistant_for("rest", own_portal.url, tmp_path) as assistant:
        for call in [*BAD_WRITES, *BAD_DIRECT_WRITES]:
            await assistant.fail(call.tool, **call.arguments)

        assert await assistant.write(
            "write_items", entity="deals", action="update", items=[{"id": 5, "amount": 3}]
        ) == done(1, 5)
