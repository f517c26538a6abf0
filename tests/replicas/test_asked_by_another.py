"""A question to the user comes from one replica, and their answer goes to another."""

from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from replicas.balancing import Answered, Balanced
from replicas.parts import Plan, assembled, journal_of
from writing_assistants import Asked

pytestmark = pytest.mark.anyio


async def test_what_a_person_agreed_to_is_written_once_whichever_replica_hears_of_it(tmp_path: Path) -> None:
    with assembled(Plan(replicas=2, clients=1, people=1), tmp_path) as team:
        answered: list[Answered] = []
        person = Asked()
        balanced = Balanced([replica.port for replica in team.replicas], 0, answered)
        headers = team.callers[0].headers
        url = f"http://127.0.0.1:{team.replicas[0].port}/mcp"
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60, transport=balanced, trust_env=False) as http,
            Client(
                streamable_http_client(url, http_client=http), mode="2026-07-28", elicitation_callback=person
            ) as client,
        ):
            answered.clear()
            arguments = {"entity": "deals", "action": "update", "items": [{"id": 5, "amount": 31}]}
            result = await client.call_tool("write_items", arguments)
        kept = journal_of(team.replicas[1])

    assert result.structured_content == {"operation": 1, "done": 1, "ids": [5]}
    assert len(person.questions) == 1
    assert len({port for _, port in answered}) == 2, "the question and the answer went to different replicas"
    assert [(each["number"], each["entries"][0]["state"]) for each in kept] == [(1, "done")]
