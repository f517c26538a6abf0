"""Holders of tokens share the operator's portal, and nothing else."""

import sqlite3
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from assistants import Sql
from bitrix24_mcp.demo import DemoPortal
from callers.shared_server import MODES, as_holder, calling, serving, token_for

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("mode", MODES)]

CHANGE = {"entity": "deals", "action": "update", "items": [{"id": 5, "amount": 3}]}


@dataclass(frozen=True)
class Team:
    """A server, its file of tokens, and the tokens of two people."""

    url: str
    file: Path
    anna: str
    boris: str
    journal: Path


@pytest.fixture
def team(own_portal: DemoPortal, tmp_path: Path) -> Generator[Team]:
    file = tmp_path / "tokens"
    anna, boris = token_for("anna", file), token_for("boris@example.com", file)
    with serving(own_portal, tmp_path, "token", BITRIX24_MCP_TOKENS=str(file)) as url:
        yield Team(url, file, anna, boris, tmp_path / "data" / "journal.sqlite3")


async def test_a_confirmation_is_good_only_for_whom_it_was_given(team: Team, mode: str, own_sql: Sql) -> None:
    async with (
        calling(team.url, as_holder(team.anna), mode) as anna,
        calling(team.url, as_holder(team.boris), mode) as boris,
    ):
        code = (await anna.ask("write_items", **CHANGE))["confirm"]
        assert await boris.fail("write_items", confirm=code) == "CONFIRMATION_UNKNOWN"
        written = await anna.ask("write_items", confirm=code)
        assert await boris.fail("undo", operation=written["operation"]) == await boris.fail("undo", operation=999)

    assert own_sql("select amount from deals where id = 5") == [(3.0,)]
    with closing(sqlite3.connect(team.journal)) as journal:
        [(client, caller)] = journal.execute("select client, caller from operations").fetchall()
    assert (client.split(",")[0], caller) == ("anna", "token anna")


async def test_a_token_that_is_taken_out_of_the_file_is_refused_at_once(team: Team, mode: str) -> None:
    async with calling(team.url, as_holder(team.anna), mode) as anna:
        await anna.ask("aggregate", entity="deals")
    kept = [line for line in team.file.read_text().splitlines() if not line.startswith("anna")]
    team.file.write_text("\n".join(kept))

    async with httpx.AsyncClient() as http:
        refused = await http.post(team.url, json={}, headers=as_holder(team.anna))
    async with calling(team.url, as_holder(team.boris), mode) as boris:
        assert (await boris.ask("aggregate", entity="deals"))["complete"]
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Bearer realm="bitrix24-mcp"')


@pytest.mark.parametrize("headers", [{}, as_holder("b24mcp_guess"), {"X-Api-Key": "vibe_api_demo"}])
async def test_who_holds_no_token_is_refused(headers: dict[str, str], team: Team, mode: str) -> None:
    del mode
    async with httpx.AsyncClient() as http:
        answer = await http.post(team.url, json={}, headers=headers)

    assert answer.status_code == 401
    assert answer.json()["error"]["message"] == (
        "Send a token of this server as Authorization: Bearer; its operator gives them out."
    )


async def test_a_foreign_host_or_origin_is_refused_before_the_token_is_looked_at(team: Team, mode: str) -> None:
    del mode
    async with httpx.AsyncClient() as http:
        host = await http.post(team.url, json={}, headers={**as_holder(team.anna), "Host": "evil.example"})
        origin = await http.post(team.url, json={}, headers={"Origin": "https://evil.example"})

    assert (host.status_code, origin.status_code) == (421, 403)
