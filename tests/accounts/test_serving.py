"""A connected portal is served like any other: the installed server answers through its account, for as long as it is.

Each server is a process of its own over stdio, as clients start it; the demo portal counts what was asked of it.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from assistants import Sql, sql_over
from bitrix24_mcp.accounts.account import Account
from bitrix24_mcp.accounts.card import Card
from bitrix24_mcp.accounts.handover import Handover
from bitrix24_mcp.accounts.store import Accounts
from bitrix24_mcp.commands.backing import Backing
from bitrix24_mcp.commands.connection import connected
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.rest.portal import RestPortal
from bitrix24_mcp.settings import Settings, SettingsError
from bitrix24_mcp.storage.sqlite import Folder
from commanding import connecting, run, visit
from connecting import brought_back, environment, exchanges
from installed import COMMAND

pytestmark = pytest.mark.anyio


@pytest.fixture
def sql(portal: DemoPortal) -> Sql:
    return sql_over(portal.database)


@asynccontextmanager
async def assistant(folder: Path, host: str) -> AsyncGenerator[Client]:
    """A client that started the server for the connected portal."""
    env = environment(folder, host, BITRIX24_PORTAL=host)
    async with Client(StdioServerParameters(command=COMMAND, args=["serve"], env=env)) as client:
        yield client


async def asked(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """The structured answer, or the error that stands in its place."""
    return cast("dict[str, Any]", (await client.call_tool(tool, arguments)).structured_content)


def code_of(answer: dict[str, Any]) -> object:
    return answer["error"]["code"]


async def test_a_newcomers_whole_way(portal: DemoPortal, folder: Path, host: str, sql: Sql) -> None:
    """Connect, look, ask, lose the token, ask again, disconnect, and be told what to do."""
    with connecting(portal, folder) as waiting:
        visited = await anyio.to_thread.run_sync(visit, waiting.link)
        assert (visited.status_code, waiting.ended()[0]) == (200, 0)
    [listed] = json.loads(run(folder, ["accounts", "--json"], host).stdout)
    async with assistant(folder, host) as client:
        workflows = await asked(client, "list_workflows", limit=3)
        deals = await asked(client, "search_items", entity="deals", limit=3, select=["id", "title"], sort="id")
        portal.expire_tokens()
        portal.requests.clear()
        again = await asked(client, "search_items", entity="contacts", limit=2, select=["id"], sort="id")
        renewals = exchanges(portal)
        gone = run(folder, ["disconnect", host], host)
        portal.requests.clear()
        refused = await asked(client, "search_items", entity="companies", limit=2)
    late = run(folder, ["call", "list_workflows"], host, BITRIX24_PORTAL=host)

    assert (listed["portal"], listed["user_id"], listed["stale"], listed["deleted"]) == (host, 1, False, False)
    assert (workflows["returned"], workflows["total"]) == (3, sql("select count(*) from workflows")[0][0])
    assert [(row["id"], row["title"]) for row in deals["items"]] == sql(
        "select id, title from deals order by id limit 3"
    )
    assert [(row["id"],) for row in again["items"]] == sql("select id from contacts order by id limit 2")
    assert renewals == ["refresh_token"]
    assert (gone.returncode, code_of(refused), portal.requests) == (0, "NOT_CONNECTED", [])
    assert f"bitrix24-mcp connect {host}" in refused["error"]["message"]
    assert (late.returncode, late.stdout) == (2, "")
    assert late.stderr.endswith("[NOT_CONNECTED]\n")


async def test_two_servers_on_one_store_renew_once_and_both_answer(
    account: Account, portal: DemoPortal, folder: Path, host: str
) -> None:
    answers: list[dict[str, Any]] = []

    async def ask(client: Client) -> None:
        answers.append(await asked(client, "search_items", entity="deals", limit=2))

    async with assistant(folder, host) as one, assistant(folder, host) as other:
        portal.expire_tokens()
        portal.requests.clear()
        async with anyio.create_task_group() as group:
            for client in (one, other, one, other):
                group.start_soon(ask, client)

    assert [answer["returned"] for answer in answers] == [2] * 4
    assert (exchanges(portal), account.stale) == (["refresh_token"], False)


async def test_an_account_answers_with_the_rights_of_who_connected_it(
    card: Card, accounts: Accounts, folder: Path, host: str
) -> None:
    handover = Handover(card, accounts)
    await handover.follow_up(await handover.believed(brought_back(f"{handover.link(host)}&demo_user=57")))

    async with assistant(folder, host) as client:
        refused = await asked(client, "list_workflows")
        whose = await asked(client, "get_portal_info")

    assert code_of(refused) == "ACCESS_DENIED"
    assert (whose["user"]["id"], whose["user"]["admin"]) == (57, False)


async def test_a_server_that_runs_while_its_account_dies_and_is_connected_again_goes_on(
    account: Account, accounts: Accounts, folder: Path, host: str, card: Card
) -> None:
    async with assistant(folder, host) as client:
        first = await asked(client, "search_items", entity="deals", limit=1)
        async with accounts.held(account) as held:
            await held.give_up()
        dead = await asked(client, "search_items", entity="deals", limit=2)
        handover = Handover(card, accounts)
        await handover.follow_up(await handover.believed(brought_back(handover.link(host))))
        second = await asked(client, "search_items", entity="deals", limit=3)

    assert (first["returned"], code_of(dead), second["returned"]) == (1, "ACCOUNT_STALE", 3)
    assert f"bitrix24-mcp connect {host}" in dead["error"]["message"]


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        ("nothing was ever connected", "NOT_CONNECTED"),
        ("the key is another", "TOKENS_UNREADABLE"),
        ("the key is none", "ACCOUNTS_UNUSABLE"),
        ("the database is none", "ACCOUNTS_UNUSABLE"),
    ],
)
async def test_what_keeps_an_account_from_being_served_is_said_at_once(
    prepare: str, code: str, folder: Path, host: str, card: Card
) -> None:
    accounts = Accounts.open(folder)
    if prepare != "nothing was ever connected":
        handover = Handover(card, accounts)
        await handover.follow_up(await handover.believed(brought_back(handover.link(host))))
    if prepare == "the key is another":
        (folder / "accounts.key").unlink()
    if prepare == "the key is none":
        (folder / "accounts.key").write_bytes(b"no key")
    if prepare == "the database is none":
        (folder / "accounts.sqlite3").write_bytes(b"something else, long enough to be looked at" * 100)

    done = run(folder, ["call", "list_workflows"], host, BITRIX24_PORTAL=host)

    assert (done.returncode, done.stdout) == (1 if code == "TOKENS_UNREADABLE" else 2, "")
    assert done.stderr.endswith(f"[{code}]\n")
    assert "Traceback" not in done.stderr


async def test_no_secret_shows_whatever_is_asked(account: Account, accounts: Accounts, folder: Path, host: str) -> None:
    before = await accounts.tokens(account)
    settings = {"BITRIX24_PORTAL": host, "BITRIX24_MCP_LOG_LEVEL": "DEBUG"}
    commands = [["doctor"], ["accounts", "--json"], ["call", "get_portal_info"], ["disconnect", host], ["doctor"]]

    said = [run(folder, command, host, **settings) for command in commands]

    assert [done.returncode for done in said] == [0, 0, 0, 0, 2]
    everything = "".join(done.stdout + done.stderr for done in said)
    assert [word for word in (before.access, before.refresh, "demo-app-secret") if word in everything] == []


async def test_the_account_is_opened_by_its_setting_however_the_portal_is_written(
    account: Account, folder: Path, host: str
) -> None:
    chosen = Settings.of(environment(folder, host, BITRIX24_PORTAL=f"http://{host}/stream/"))

    async with connected(chosen, Backing(Folder(folder)), demo=False) as opened:
        identity = await opened.identity()

    assert isinstance(opened, RestPortal)
    assert (identity.user_id, identity.portal) == (account.user_id, host)


async def test_an_account_that_is_missing_is_a_wrong_setting(folder: Path, host: str) -> None:
    chosen = Settings.of(environment(folder, host, BITRIX24_PORTAL="other.example"))

    with pytest.raises(SettingsError, match="`bitrix24-mcp connect other\\.example`"):
        async with connected(chosen, Backing(Folder(folder)), demo=False):
            pass
