"""Through the gateway and through Bitrix24's own REST, one portal gives the same answers to the same questions."""

from collections.abc import AsyncGenerator

import pytest

from assistants import DOORS, ROOT, Assistant
from bitrix24_mcp.demo import DemoPortal
from two_doors import DIFFERENCES, Call, calls, differing

pytestmark = pytest.mark.anyio

PAGE = (ROOT / "docs" / "direct-rest.md").read_text(encoding="utf-8")
CALLS = list(calls())
PARTS = 20


@pytest.fixture
async def doors(portal: DemoPortal) -> AsyncGenerator[tuple[Assistant, Assistant]]:
    async with DOORS["gateway"](portal.url) as gateway, DOORS["rest"](portal.url) as rest:
        yield gateway, rest


async def places(call: Call, doors: tuple[Assistant, Assistant]) -> list[str]:
    tool, arguments = call
    one, other = [(await door.raw(tool, **arguments)).structured_content for door in doors]
    return list(differing(one, other))


@pytest.mark.parametrize("part", range(PARTS))
async def test_every_answer_is_the_same_but_for_what_the_docs_explain(
    part: int, doors: tuple[Assistant, Assistant]
) -> None:
    unexplained = [
        (call, path)
        for call in CALLS[part::PARTS]
        for path in await places(call, doors)
        if not any(each.covers(call, path) for each in DIFFERENCES)
    ]

    assert unexplained == []


@pytest.mark.parametrize("place", range(len(DIFFERENCES)), ids=[f"{each.row}, {each.tool}" for each in DIFFERENCES])
async def test_every_difference_that_the_docs_explain_is_one(place: int, doors: tuple[Assistant, Assistant]) -> None:
    difference = DIFFERENCES[place]

    for call in filter(difference.asked_by, CALLS):
        if any(difference.covers(call, path) for path in await places(call, doors)):
            return
    pytest.fail(f"nowhere do the doors differ as “{difference.row}” says")


@pytest.mark.parametrize("row", sorted({each.row for each in DIFFERENCES}))
def test_the_page_explains_each_difference_in_a_row_of_its_table(row: str) -> None:
    assert f"| {row} |" in PAGE
