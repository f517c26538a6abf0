"""Through the gateway and through Bitrix24's own REST, one portal gives the same answers to the same questions."""

import re
from collections.abc import AsyncGenerator

import pytest

from assistants import DOORS, ROOT, Assistant
from bitrix24_mcp.demo import DemoPortal
from two_doors import Call, Difference, calls, differing

pytestmark = pytest.mark.anyio

DIFFERENCES: list[Difference] = []
PAGE = ROOT / "docs" / "direct-rest.md"
CALLS = list(calls())


@pytest.fixture
async def doors(portal: DemoPortal) -> AsyncGenerator[tuple[Assistant, Assistant]]:
    async with DOORS["gateway"](portal.url) as gateway, DOORS["rest"](portal.url) as rest:
        yield gateway, rest


async def places(call: Call, doors: tuple[Assistant, Assistant]) -> list[str]:
    tool, arguments = call
    one, other = [(await door.raw(tool, **arguments)).structured_content for door in doors]
    return list(differing(one, other))


@pytest.mark.parametrize("part", range(20))
async def test_every_answer_is_the_same_but_for_what_the_docs_explain(
    part: int, doors: tuple[Assistant, Assistant]
) -> None:
    wrong = [
        (call, path)
        for call in CALLS[part::20]
        for path in await places(call, doors)
        if not any(each.covers(call, path) for each in DIFFERENCES)
    ]

    assert wrong == []
