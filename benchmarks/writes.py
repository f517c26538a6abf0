"""What writing takes: requests and time for 500 records, beside one record and beside the portal's own time."""

import tempfile
import time
from pathlib import Path
from typing import Any, cast

import anyio
from mcp import Client
from mcp_types import CallToolResult

from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.journal.store import StoredJournal
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.server import build_server
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.portal import GatewayPortal
from bitrix24_mcp.vibecode.writing import GatewayWriter
from bitrix24_mcp.writing import writing_for
from measuring import UNPACED, Figure, show

MANY = 500


async def written(portal: DemoPortal, folder: Path, count: int) -> tuple[float, float, int, int]:
    """Seconds for preview and for confirmation, requests in all, and those of them that write."""
    settings = Settings.of(
        {"VIBECODE_BASE_URL": portal.url, "VIBECODE_API_KEY": "vibe_api_demo", "BITRIX24_MCP_ALLOW_WRITES": "true"}
    )
    async with GatewayClient(settings.credentials(), budget=Budget(UNPACED)) as gateway:
        door = GatewayPortal(gateway)
        journal = StoredJournal.in_folder(folder)
        writing = await writing_for(settings, door, lambda: GatewayWriter(gateway), lambda: journal)
        async with Client(build_server(settings, door, writing)) as client:
            found = await client.call_tool("search_items", {"entity": "deals", "select": "id", "limit": count})
            ids = [each["id"] for each in structured(found)["items"]]
            items = [{"id": each, "comments": f"round {time.monotonic()}"} for each in ids]
            portal.requests.clear()
            start = time.perf_counter()
            preview = await client.call_tool("write_items", {"entity": "deals", "action": "update", "items": items})
            seen = time.perf_counter()
            result = await client.call_tool("write_items", {"confirm": structured(preview)["confirm"]})
            done = time.perf_counter()
    assert structured(result)["done"] == count
    writes = [each for each in portal.requests if _writes(each.method, each.body)]
    return seen - start, done - seen, len(portal.requests), len(writes)


def structured(result: CallToolResult) -> dict[str, Any]:
    return cast("dict[str, Any]", result.structured_content)


def _writes(method: str, body: object) -> bool:
    return method == "PATCH" or "'action': 'update'" in str(body)


def measure() -> list[Figure]:
    with DemoPortal.start(deals=2_000, limits=False) as portal, tempfile.TemporaryDirectory() as folder:
        one = anyio.run(written, portal, Path(folder), 1)
        many = anyio.run(written, portal, Path(folder), MANY)
    each = (many[0] + many[1]) / MANY
    return [
        Figure(
            "changing one record: preview and confirmation",
            f"{one[0] * 1000:.0f} + {one[1] * 1000:.0f} ms",
            f"{one[2]} requests, {one[3]} of them writes",
            "1 write",
            one[3] == 1,
        ),
        Figure(
            f"changing {MANY} records",
            f"{each * 1000:.1f} ms a record",
            f"{each / (one[0] + one[1]):.0%} of one alone; {many[2]} requests, {many[3]} of them writes",
            "10 writes",
            many[3] == MANY // 50,
        ),
    ]


if __name__ == "__main__":
    show(measure())
