"""What a model pays: o200k tokens of the tool list and of answers, beside raw gateway JSON; requests a question."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anyio
import httpx

from bitrix24_mcp.commands.demo import TOUR
from bitrix24_mcp.crm.shape import compact
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.presentation import INSTRUCTIONS
from bitrix24_mcp.service import context_for
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.tools import TOOLS
from bitrix24_mcp.tools.declare import Tool, run
from bitrix24_mcp.tools.writing import WRITING_TOOLS
from bitrix24_mcp.vibecode.client import GatewayClient, Query
from bitrix24_mcp.vibecode.credentials import Credentials
from bitrix24_mcp.vibecode.envelope import Answer
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


def listed(tools: Sequence[Tool[Any]]) -> str:
    entries: list[dict[str, Any]] = []
    for tool in tools:
        entry = tool.on_the_wire().model_dump(mode="json", by_alias=True, exclude_none=True)
        del entry["outputSchema"]
        entries.append(entry)
    return compact({"tools": entries})


class Recording(GatewayClient):
    """A client that keeps what the gateway answers: what a model would read that is given raw JSON."""

    def __init__(self, credentials: Credentials) -> None:
        super().__init__(credentials, budget=Budget(UNPACED))
        self.answers: list[str] = []

    async def get(self, path: str, query: Query = ()) -> Answer:
        return self._kept(await super().get(path, query))

    async def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        return self._kept(await super().post(path, body))

    async def batch(self, calls: Sequence[Mapping[str, Any]]) -> Answer:
        return self._kept(await super().batch(calls))

    def _kept(self, answer: Answer) -> Answer:
        self.answers.append(compact({"success": True, "data": answer.data, "meta": answer.meta}))
        return answer


@dataclass(frozen=True)
class Told:
    """An answer, the raw JSON that the gateway gave for it, and in how many requests."""

    answer: str
    raw: str
    requests: int


async def asked(portal: DemoPortal) -> tuple[list[Told], str, str]:
    """The tour's answers, then 20 deals from the tool and from the gateway."""
    settings = Settings.of({"VIBECODE_BASE_URL": portal.url, "VIBECODE_API_KEY": "vibe_api_demo"})
    tools = {tool.name: tool for tool in TOOLS}
    told: list[Told] = []
    async with Recording(settings.credentials()) as client:
        context = context_for(settings, GatewayPortal(client))
        for question in TOUR:
            client.answers.clear()
            outcome = await run(tools[question.tool], question.arguments, context)
            raw = "".join(client.answers)
            told.append(Told(outcome.error or compact(outcome.content), raw, len(client.answers)))
        deals = await run(tools["search_items"], {"entity": "deals", "limit": 20}, context)
    async with httpx.AsyncClient(base_url=portal.url, headers={"X-Api-Key": "vibe_api_demo"}) as http:
        twenty = await http.post("/v1/deals/search", json={"limit": 20})
    return told, compact(deals.content), twenty.text


def measure() -> list[Figure]:
    with DemoPortal.start(limits=False) as portal:
        told, deals, raw_deals = anyio.run(asked, portal)
    texts = [listed(TOOLS), listed(WRITING_TOOLS), INSTRUCTIONS, deals, raw_deals]
    tool_list, writing_list, instructions, twenty, raw_twenty = count(texts)
    answers, raw = count([each.answer for each in told]), count([each.raw for each in told])
    return [
        Figure("instructions", f"{instructions} tokens", "", "< 300", instructions < 300),
        Figure(
            "tools/list without output schemas",
            f"{tool_list} tokens",
            f"{len(TOOLS)} tools",
            "<= 3,500",
            tool_list <= 3_500,
        ),
        Figure(
            "what the tools that write add to it",
            f"{writing_list} tokens",
            f"{len(WRITING_TOOLS)} tools",
            "<= 2,000",
            writing_list <= 2_000,
        ),
        Figure(
            "20 deals from search_items",
            f"{twenty} tokens",
            f"raw gateway answer {raw_twenty} tokens ({twenty / raw_twenty:.0%})",
            "<= 25 %",
            twenty <= 0.25 * raw_twenty,
        ),
        *(
            Figure(question.ask, f"{cost} tokens", f"{each.requests} requests, raw JSON {beside:,} tokens")
            for question, each, cost, beside in zip(TOUR, told, answers, raw, strict=True)
        ),
    ]


if __name__ == "__main__":
    show(measure())
