"""What the README shows can be copied as it stands."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assistants import ROOT, Assistant
from bitrix24_mcp.callers.caller import bearer_of
from bitrix24_mcp.callers.oauth.people import People
from bitrix24_mcp.callers.own_keys import OwnKeys
from bitrix24_mcp.settings import Settings
from installed import COMMAND

README = (ROOT / "README.md").read_text(encoding="utf-8")
JSON_BLOCKS: list[dict[str, Any]] = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", README, re.DOTALL)]
ENTRIES = [
    entry
    for block in JSON_BLOCKS
    for servers in (block.get("mcpServers"), block.get("servers"))
    if servers
    for entry in servers.values()
    if "command" in entry
]


def test_every_client_entry_starts_the_command_with_a_way_to_a_portal() -> None:
    ways = [
        Settings.of({name: re.sub("…|\\$.*", "x", value) for name, value in entry["env"].items()}) for entry in ENTRIES
    ]

    assert {entry["command"] for entry in ENTRIES} == {"bitrix24-mcp"}
    assert [way.door for way in ways] == ["gateway", "webhook", "account", "gateway"]
    for way in ways:
        way.check_door()


@pytest.mark.anyio
async def test_the_entries_of_a_team_bring_a_token_or_a_key_to_its_server() -> None:
    entries = [each for block in JSON_BLOCKS for each in block.get("mcpServers", {}).values() if "headers" in each]

    holding, bringing = ({name.lower(): value for name, value in each["headers"].items()} for each in entries)
    assert {each["url"] for each in entries} == {"https://mcp.example.com/mcp"}
    assert bearer_of(holding) == "b24mcp_the_token_of_anna"
    caller = await OwnKeys(Settings.of({"BITRIX24_MCP_AUTH": "key"})).recognise(bringing)
    assert caller.settings.credentials().api_key == "vibe_api_your_key"


def test_the_server_that_people_sign_in_to_is_set_up_as_shown(tmp_path: Path) -> None:
    [shown] = [block for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if "BITRIX24_MCP_PEOPLE" in block]
    environment = dict(re.findall(r"\b(BITRIX24_[A-Z_]+)=(\S+)", shown))
    [lines] = re.findall(r"<<'PEOPLE'\n(.*?)PEOPLE\n", shown, re.DOTALL)
    (tmp_path / "people").write_text(lines)

    settings = Settings.of(environment)
    settings.check_http("127.0.0.1", sse=False)
    settings.card()
    people = People(tmp_path / "people")
    assert people.portal_of(["anna@example.com"]) == ("anna@example.com", "company.bitrix24.com")
    assert people.portal_of(["auth0|5f7c8ec7c33c6c"]) == ("auth0|5f7c8ec7c33c6c", "other.bitrix24.com")


@pytest.mark.anyio
async def test_the_filter_it_shows_is_a_filter(assistant: Assistant) -> None:
    [shown] = [block for block in JSON_BLOCKS if "stageId" in block]

    plan = (await assistant.ask("search_items", entity="deals", filter=shown, explain=True))["plan"]

    assert plan["filter"] == {
        "stageId": {"$in": ["NEW", "PREPARATION"]},
        "amount": {"$gte": 100_000},
        "createdAt": {"$lt": "2026-07-01T00:00:00+03:00"},
        "title": {"$contains": "brick"},
    }


@pytest.mark.anyio
async def test_the_periods_it_names_are_periods(assistant: Assistant) -> None:
    [paragraph] = re.findall(r"\*\*Dates\*\* are (.*?)\. A period", README, re.DOTALL)
    named = re.findall("`([^`]+)`", paragraph)

    assert len(named) == 13
    for period in named:
        plan = (await assistant.ask("search_items", entity="deals", filter={"createdAt": period}, explain=True))["plan"]
        assert set(plan["filter"]["createdAt"]) in ({"$gte", "$lt"}, {"$gte", "$lte"}), period


@pytest.mark.anyio
async def test_the_questions_it_asks_are_answered(assistant: Assistant) -> None:
    calls = re.findall(r"bitrix24-mcp call (\w+) '(\{.*?\})' --demo$", README, re.MULTILINE)

    assert calls
    for tool, arguments in calls:
        await assistant.ask(tool, **json.loads(arguments))


def test_the_write_it_shows_is_done_as_printed(tmp_path: Path) -> None:
    [command] = re.findall(r"^bitrix24-mcp (call \w+ '.*' --demo --allow-writes --yes)$", README, re.MULTILINE)

    ran = subprocess.run(
        [COMMAND, *shlex.split(command)],
        env={"HOME": str(tmp_path), "BITRIX24_MCP_DATA_DIR": str(tmp_path / "data")},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )

    assert (ran.returncode, json.loads(ran.stdout)) == (0, {"operation": 1, "done": 1, "ids": [11990]})
    assert ran.stderr.startswith("Change 1 deal on demo.bitrix24.ru as ")
    assert not (tmp_path / "data").exists()
