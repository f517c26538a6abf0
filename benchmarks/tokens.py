"""What a model pays: o200k tokens of the tool list and of answers, beside raw gateway JSON; requests a question."""

import json
import os
import subprocess
from typing import Any

import anyio
import httpx

from bitrix24_mcp.commands.demo import TOUR
from bitrix24_mcp.crm.shape import compact
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.presentation import INSTRUCTIONS
from bitrix24_mcp.server import context_for
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.tools import TOOLS
from bitrix24_mcp.tools.declare import run
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.portal import GatewayPortal
from measuring import CLIENTS, HERE, UNPACED, Figure, show


def count(texts: list[str]) -> list[int]:
    copy = CLIENTS / "count_tokens.mjs"
    copy.write_bytes((HERE / "count_tokens.mjs").read_bytes())
    path = f"{CLIENTS / 'node_modules' / '.bin'}{os.pathsep}{os.defpath}"
    try:
        done = subprocess.run(
            [str(CLIENTS / "node_modules" / ".bin" / "node"), str(copy)],
            input=json.dumps(texts),
            env={"PATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        copy.unlink()
    return json.loads(done.stdout)


def listed() -> str:
    entries: list[dict[str, Any]] = []
    for tool in TOOLS:
        entry = tool.on_the_wire().model_dump(mode="json", by_alias=True, exclude_none=True)
        del entry["outputSchema"]
        entries.append(entry)
    return compact({"tools": entries})


async def asked(portal: DemoPortal) -> tuple[list[str], list[int], str, str]:
    """The tour's answers with their requests, then 20 deals from the tool and from the gateway."""
    settings = Settings.of({"VIBECODE_BASE_URL": portal.url, "VIBECODE_API_KEY": "vibe_api_demo"})
    tools = {tool.name: tool for tool in TOOLS}
    answers: list[str] = []
    requests: list[int] = []
    async with GatewayClient(settings.credentials(), budget=Budget(UNPACED)) as client:
        context = context_for(settings, GatewayPortal(client))
        for question in TOUR:
            before = len(portal.requests)
            outcome = await run(tools[question.tool], question.arguments, context)
            answers.append(outcome.error or compact(outcome.content))
            requests.append(len(portal.requests) - before)
        deals = await run(tools["search_items"], {"entity": "deals", "limit": 20}, context)
    async with httpx.AsyncClient(base_url=portal.url, headers={"X-Api-Key": "vibe_api_demo"}) as http:
        raw = await http.post("/v1/deals/search", json={"limit": 20})
    return answers, requests, compact(deals.content), raw.text


def measure() -> list[Figure]:
    with DemoPortal.start(limits=False) as portal:
        answers, requests, deals, raw = anyio.run(asked, portal)
    tool_list, instructions, twenty, raw_twenty, *told = count([listed(), INSTRUCTIONS, deals, raw, *answers])
    return [
        Figure("instructions", f"{instructions} tokens", "", "< 200", instructions < 200),
        Figure(
            "tools/list without output schemas",
            f"{tool_list} tokens",
            f"{len(TOOLS)} tools",
            "<= 3,500",
            tool_list <= 3_500,
        ),
        Figure(
            "20 deals from search_items",
            f"{twenty} tokens",
            f"raw gateway answer {raw_twenty} tokens ({twenty / raw_twenty:.0%})",
            "<= 25 %",
            twenty <= 0.25 * raw_twenty,
        ),
        *(
            Figure(question.ask, f"{cost} tokens", f"{number} requests to the portal")
            for question, cost, number in zip(TOUR, told, requests, strict=True)
        ),
    ]


if __name__ == "__main__":
    show(measure())
