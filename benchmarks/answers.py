"""What 20 records of each entity cost a model: o200k tokens as rows, as columns and as the raw gateway answer."""

from collections.abc import Mapping
from typing import Any

import anyio
import httpx

from bitrix24_mcp.crm.catalogue.entities import CATALOGUE
from bitrix24_mcp.crm.shape import compact
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.service import context_for
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.tools import TOOLS
from bitrix24_mcp.tools.declare import run
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.portal import GatewayPortal
from measuring import UNPACED, Figure, show
from tokens import count

RECORDS = 20
SMART_PROCESSES = {"174": "Contracts", "156": "Закупки", "1038": "Оборудование"}


async def asked(portal: DemoPortal) -> tuple[list[str], list[str]]:
    """The names of the entities, and for each of them its first records as rows, as columns and raw."""
    settings = Settings.of({"VIBECODE_BASE_URL": portal.url, "VIBECODE_API_KEY": "vibe_api_demo"})
    search = next(tool for tool in TOOLS if tool.name == "search_items")
    entities = {entity.name: entity.name for entity in CATALOGUE if not entity.required}
    entities |= {f"items/{number}": title for number, title in SMART_PROCESSES.items()}
    answers: list[str] = []
    async with (
        GatewayClient(settings.credentials(), budget=Budget(UNPACED)) as client,
        httpx.AsyncClient(base_url=portal.url, headers={"X-Api-Key": "vibe_api_demo"}) as http,
    ):
        context = context_for(settings, GatewayPortal(client))
        for path, name in entities.items():
            for form in ("rows", "columns"):
                question: Mapping[str, Any] = {"entity": name, "limit": RECORDS, "max_tokens": 50_000, "format": form}
                answers.append(compact((await run(search, question, context)).content))
            answers.append((await http.post(f"/v1/{path}/search", json={"limit": RECORDS, "sort": "id"})).text)
    return list(entities.values()), answers


def measure() -> list[Figure]:
    with DemoPortal.start(limits=False) as portal:
        names, answers = anyio.run(asked, portal)
    costs = count(answers)
    return [
        Figure(
            f"{RECORDS} {name}",
            f"{rows} tokens, in columns {columns}",
            f"raw gateway answer {raw} tokens ({rows / raw:.0%}, in columns {columns / raw:.0%})",
        )
        for name, rows, columns, raw in zip(names, costs[::3], costs[1::3], costs[2::3], strict=True)
    ]


if __name__ == "__main__":
    show(measure())
