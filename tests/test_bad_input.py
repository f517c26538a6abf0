"""A wrong call gets one clear error before any record is read, and the server stays up."""

import pytest
from mcp import MCPError

from assistants import Assistant, assistant_for
from bad_input import BAD_CALLS, BadCall
from bitrix24_mcp.demo import DemoPortal

pytestmark = pytest.mark.anyio

METADATA = ("/fields", "/v1/statuses", "/v1/deal-categories", "/v1/categories/", "/v1/users/me", "/v1/currencies")
METADATA_ALONE = {"/v1/smart-processes", "/v1/bizproc-templates", "/v1/workflows", "/v1/me", "/v1/users/search"}


@pytest.mark.parametrize("call", BAD_CALLS, ids=lambda call: f"{call.tool}: {call.what}")
async def test_a_wrong_call_is_answered_with_what_to_do(call: BadCall, portal: DemoPortal) -> None:
    before = len(portal.requests)
    async with assistant_for(portal.url) as assistant:
        error = await assistant.fail(call.tool, **call.arguments)

    assert error["code"] == call.code
    assert call.offers in ["", *error.get("candidates", [])]
    assert len(error["message"]) < 700
    assert [request.path for request in portal.requests[before:] if not is_metadata(request.path)] == []


def is_metadata(path: str) -> bool:
    return path in METADATA_ALONE or any(part in path for part in METADATA)


async def test_the_server_goes_on_after_every_wrong_call(assistant: Assistant) -> None:
    for call in BAD_CALLS:
        await assistant.fail(call.tool, **call.arguments)

    assert (await assistant.ask("aggregate", entity="deals"))["complete"] is True


async def test_a_cursor_of_another_question_is_refused(assistant: Assistant) -> None:
    first = await assistant.ask("search_items", entity="deals", limit=1)

    for other in ({"entity": "leads"}, {"filter": {"categoryId": 5}}, {"sort": "-id"}):
        error = await assistant.fail(
            "search_items", **{"entity": "deals", "limit": 1, "cursor": first["next_cursor"], **other}
        )
        assert error["code"] == "INVALID_CURSOR"


async def test_an_unknown_tool_is_the_protocols_own_error(assistant: Assistant) -> None:
    with pytest.raises(MCPError, match="Unknown tool: delete_everything"):
        await assistant.client.call_tool("delete_everything", {})


async def test_a_tool_that_is_not_offered_answers_like_an_unknown_one(portal: DemoPortal) -> None:
    before = len(portal.requests)
    async with assistant_for(portal.url, BITRIX24_MCP_TOOLS="aggregate") as assistant:
        listed = (await assistant.client.list_tools()).tools
        with pytest.raises(MCPError, match="Unknown tool: search_items"):
            await assistant.client.call_tool("search_items", {"entity": "deals"})

    assert [tool.name for tool in listed] == ["aggregate"]
    assert portal.requests[before:] == []
