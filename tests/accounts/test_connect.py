"""The installed commands connect, list and disconnect portals; the test plays the person with the browser."""

import json
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import anyio
import httpx
import pytest

from bitrix24_mcp.accounts.account import Grant
from bitrix24_mcp.accounts.card import Card
from bitrix24_mcp.accounts.exchange import Exchange
from bitrix24_mcp.accounts.handover import Handover
from bitrix24_mcp.accounts.store import Accounts
from bitrix24_mcp.commands.connect import Waiting
from bitrix24_mcp.demo import DemoPortal
from commanding import connecting, run, visit
from connecting import CLIENT_SECRET, MEMBER, environment, exchanges
from installed import COMMAND

ENDED = "Traceback"


def test_the_whole_way_from_the_link_to_a_listed_account_and_back(portal: DemoPortal, folder: Path, host: str) -> None:
    with connecting(portal, folder) as waiting:
        page = visit(waiting.link)
        done = waiting.ended()
    listed = json.loads(run(folder, ["accounts", "--json"]).stdout)
    shown = run(folder, ["accounts"]).stdout
    gone = run(folder, ["disconnect", portal.url])
    afterwards = json.loads(run(folder, ["accounts", "--json"]).stdout)

    assert (page.status_code, done[0]) == (200, 0)
    assert done[1] == f"{host} is connected. Serve it with BITRIX24_PORTAL={host}.\n"
    [account] = listed
    scopes, created = account.pop("scopes"), account.pop("created_at")
    assert account == {
        "id": 1, "portal": host, "member_id": MEMBER, "user_id": 1, "stale": False, "deleted": False
    }  # fmt: skip
    assert {"crm", "user"} < set(scopes)
    assert datetime.fromisoformat(created).tzinfo is not None
    assert f"1  {host}  user 1, since {created[:10]}\n" in shown
    assert (gone.returncode, gone.stderr) == (0, "")
    assert afterwards == [{**account, "scopes": scopes, "created_at": created, "deleted": True}]


def test_the_browser_is_opened_with_the_link(portal: DemoPortal, folder: Path, host: str, tmp_path: Path) -> None:
    """The browser here is a script that follows the link once it knows that the card names the address."""
    script = tmp_path / "browser.py"
    script.write_text(
        "import sys, urllib.request\nprint(urllib.request.urlopen(sys.argv[1]).status, file=open(sys.argv[2], 'w'))\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    portal.register_application(f"http://127.0.0.1:{port}/webhook/create")

    done = run(
        folder,
        ["connect", portal.url, "--port", str(port)],
        host,
        BROWSER=f"{sys.executable} {script} %s {tmp_path / 'status'}",
    )

    assert done.returncode == 0, done.stderr
    assert f"{host} is connected." in done.stdout


def test_no_secret_is_printed_whatever_the_log_level(portal: DemoPortal, folder: Path, host: str) -> None:
    with connecting(portal, folder, BITRIX24_MCP_LOG_LEVEL="DEBUG") as waiting:
        refused = httpx.get(waiting.address, params={"code": "c0de-of-a-stranger", "state": "x"})
        redirect = httpx.get(waiting.link, follow_redirects=False).headers["Location"]
        page = visit(redirect)
        _, output, errors = waiting.ended()
    accounts = Accounts.open(folder)
    tokens = anyio.run(accounts.tokens, anyio.run(accounts.account, host))

    everything = waiting.said + output + errors + page.text + refused.text
    code = httpx.URL(redirect).params["code"]
    words = (CLIENT_SECRET, code, "c0de-of-a-stranger", tokens.access, tokens.refresh)
    assert [word for word in words if word in everything] == []


def test_a_stranger_does_not_end_the_wait(portal: DemoPortal, folder: Path, host: str) -> None:
    with connecting(portal, folder) as waiting:
        forged = {
            "code": "x",
            "domain": host,
            "state": "forged",
            "member_id": MEMBER,
            "server_domain": host,
        }
        refused = httpx.get(waiting.address, params=forged)
        visit(waiting.link)
        code, output, errors = waiting.ended()

    assert (refused.status_code, code) == (400, 0)
    assert "is connected" in output
    assert "refused: The state is not one that this program gave out." in errors


def test_the_link_of_another_portal_does_not_end_the_wait(portal: DemoPortal, folder: Path, host: str) -> None:
    """The tab of an earlier attempt, of another portal, is finished first."""
    with (
        DemoPortal.start(deals=50, limits=False) as other,
        connecting(portal, folder, BITRIX24_MCP_AUTHORIZATION_HOSTS=f"{portal.url},{other.url}") as waiting,
    ):
        other.register_application(waiting.address)
        earlier = run(folder, ["connect", other.url, "--link-only"], other.url).stdout.strip()
        pages = [visit(earlier), visit(waiting.link)]
        code, output, errors = waiting.ended()

    assert [page.status_code for page in pages] == [200, 200]
    assert (code, output) == (0, f"{host} is connected. Serve it with BITRIX24_PORTAL={host}.\n")
    assert f"{other.url.removeprefix('http://')} was connected meanwhile" in errors


def test_a_failure_ends_it_and_says_why(portal: DemoPortal, folder: Path) -> None:
    with connecting(portal, folder, BITRIX24_CLIENT_SECRET="wrong-s3cret") as waiting:
        page = visit(waiting.link)
        code, output, errors = waiting.ended()

    assert (page.status_code, code, output) == (500, 1, "")
    assert errors.endswith("[INVALID_CLIENT]\n")
    assert "wrong-s3cret" not in errors + page.text


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_ctrl_c_ends_it_cleanly(portal: DemoPortal, folder: Path) -> None:
    with connecting(portal, folder) as waiting:
        waiting.interrupt()
        code, output, errors = waiting.ended()

    assert (code, output) == (130, "")
    assert ENDED not in errors
    assert json.loads(run(folder, ["accounts", "--json"]).stdout) == []


@pytest.mark.anyio
async def test_when_nobody_comes_it_ends_without_an_account(card: Card, accounts: Accounts) -> None:
    waiting = Waiting(Handover(card, accounts), "portal.example", 0, "ERROR", print)
    waiting.bind()

    assert await waiting.outcome(patience=0) is None
    assert not waiting.interrupted


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.anyio
async def test_whoever_came_in_the_last_second_is_connected(
    card: Card, accounts: Accounts, host: str, portal: DemoPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code is being exchanged when the wait ends; that is not broken off, for its answer exists nowhere else."""
    monkeypatch.setattr("bitrix24_mcp.web._GRACE", 0)

    class Slow(Exchange):
        async def grant(self, host: str, code: str) -> Grant:
            signal.raise_signal(signal.SIGINT)
            await anyio.sleep(0.5)  # the pace of the server
            return await super().grant(host, code)

    async def browser() -> None:
        async with httpx.AsyncClient(follow_redirects=True) as http:
            assert (await http.get(handover.link(host))).status_code == 200

    handover = Handover(card, accounts, Slow(card))
    waiting = Waiting(handover, host, 0, "ERROR", print)
    portal.register_application(f"{waiting.bind()}/webhook/create")
    async with anyio.create_task_group() as group:
        group.start_soon(browser)
        assert (await waiting.outcome(),) == await accounts.all()
    assert len(await accounts.all()) == 1


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "said"),
    [
        (["connect", "portal.example"], {"BITRIX24_CLIENT_ID": ""}, 2, "BITRIX24_CLIENT_ID"),
        (["connect", "portal.example"], {"BITRIX24_CLIENT_SECRET": ""}, 2, "BITRIX24_CLIENT_SECRET"),
        (["connect", "portal.example", "--port", "70000"], {}, 2, "--port"),
        (["connect", "ftp://portal", "--port", "0"], {}, 1, "[INVALID_VALUE]"),
        (["connect", "portal.example", "--link-only", "--return-to", "https://evil.example"], {}, 1, "RETURN_HOSTS"),
        (["disconnect", "portal.example"], {}, 1, "[NOT_CONNECTED]"),
        (["accounts"], {"BITRIX24_MCP_AUTHORIZATION_HOSTS": "two words"}, 2, "BITRIX24_MCP_AUTHORIZATION_HOSTS: must"),
        (["accounts"], {"BITRIX24_MCP_DATA_DIR": "/dev/null/data"}, 1, "[ACCOUNTS_UNUSABLE]"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: list[str], settings: dict[str, str], code: int, said: str, folder: Path
) -> None:
    done = run(folder, arguments, **settings)

    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert ENDED not in done.stderr


def test_a_port_that_is_taken_is_said(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run(folder, ["connect", "portal.example", "--no-browser", "--port", port])

    assert (done.returncode, done.stdout) == (2, "")
    assert f"Port {port} is taken" in done.stderr


def test_without_an_account_the_list_says_how_to_get_one(folder: Path) -> None:
    done = run(folder, ["accounts"])

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "No portal is connected. To connect one: bitrix24-mcp connect PORTAL\n"


def test_a_stale_account_is_listed_with_what_to_do(portal: DemoPortal, folder: Path, host: str) -> None:
    with connecting(portal, folder) as waiting:
        visit(waiting.link)
        waiting.ended()
    make_stale(folder)

    assert f", stale: run bitrix24-mcp connect {host}\n" in run(folder, ["accounts"]).stdout


def make_stale(folder: Path) -> None:
    with sqlite3.connect(folder / "accounts.sqlite3") as database:
        database.execute("update accounts set stale = 1, tokens = null")
    database.close()


@contextmanager
def serving(folder: Path, host: str, **settings: str) -> Generator[str]:
    """Where a server over HTTP listens."""
    arguments = [COMMAND, "serve", "--demo", "--transport", "http", "--port", "0"]
    env = environment(folder, host, **settings)
    with subprocess.Popen(arguments, env=env, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        yield server.stderr.readline().split()[3].removesuffix("/mcp")
        server.terminate()


def test_a_running_server_receives_what_a_link_brings(portal: DemoPortal, folder: Path, host: str) -> None:
    with serving(folder, host, BITRIX24_MCP_RETURN_HOSTS="app.example") as address:
        portal.register_application(f"{address}/webhook/create")
        link = run(
            folder,
            ["connect", portal.url, "--link-only", "--return-to", "https://app.example/done"],
            host,
            BITRIX24_MCP_RETURN_HOSTS="app.example",
        ).stdout.strip()
        portal.requests.clear()
        callback = httpx.get(link, follow_redirects=False).headers["Location"]
        answers = [httpx.get(callback, follow_redirects=False) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [302, 400]
    assert answers[0].headers["Location"] == "https://app.example/done"
    assert exchanges(portal) == ["authorization_code"]
    assert [account["portal"] for account in json.loads(run(folder, ["accounts", "--json"]).stdout)] == [host]


def test_a_server_without_an_application_has_no_such_address(folder: Path) -> None:
    with serving(folder, "", BITRIX24_CLIENT_SECRET="") as address:
        answer = httpx.get(f"{address}/webhook/create")

    assert answer.status_code == 404
