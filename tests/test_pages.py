"""What the README and the page on direct REST print runs as printed, and what they name is there."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from assistants import ROOT
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.demo.rest.credentials import ALL_SCOPES, WEBHOOKS
from bitrix24_mcp.settings import Settings
from connecting import host_of_portal
from installed import COMMAND

README = (ROOT / "README.md").read_text("utf-8")
DIRECT = (ROOT / "docs" / "direct-rest.md").read_text("utf-8")
PRINTED = "127.0.0.1:8024"
"""Where the pages let the demo portal run."""
SESSIONS = [
    block for page in (README, DIRECT) for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    if PRINTED in block
]  # fmt: skip
BROWSER = f"{sys.executable} -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1])' %s"
"""A program that opens links, as `webbrowser` starts it."""
BASH = shutil.which("bash") or ""
VARIABLES = {field.alias for field in Settings.model_fields.values() if field.alias} - {"XDG_DATA_HOME"}
NOT_ASKED = {"tasks", "documentgenerator"}
"""Scopes that the demo portal grants and no method of ours needs."""


def told(*arguments: str) -> str:
    return subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=True).stdout


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def words_after(command: str, page: str) -> set[str]:
    """The options that a page gives to a command."""
    lines = re.findall(rf"bitrix24-mcp {command}\b[^`\n]*", page)
    return {option for line in lines for option in re.findall(r"--[a-z-]+", line)}


@pytest.mark.parametrize("session", SESSIONS, ids=lambda block: block.splitlines()[0][:40])
def test_a_session_with_the_demo_portal_runs_as_printed(session: str, own_portal: DemoPortal, tmp_path: Path) -> None:
    if not BASH or ("curl" in session and not shutil.which("curl")):
        pytest.skip("the programs that this session uses are not installed")
    port, host = free_port(), host_of_portal(own_portal)
    own_portal.register_application(f"http://127.0.0.1:{port}/webhook/create")
    script = session.replace(f" connect {PRINTED}", f" connect {PRINTED} --port {port}").replace(PRINTED, host)
    environment = {
        "PATH": f"{Path(COMMAND).parent}{os.pathsep}{os.defpath}",
        "HOME": str(tmp_path),
        "BROWSER": BROWSER,
    }

    done = subprocess.run(
        [BASH, "-euc", script],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


def test_the_stand_alone_portal_prints_the_ways_in() -> None:
    command = [COMMAND, "portal", "--port", "0", "--deals", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        assert running.stdout is not None
        url = running.stdout.readline().split()[3]
        host, rest = url.removeprefix("http://"), [running.stdout.readline().strip() for _ in range(11)]
        running.terminate()

    assert [line for line in rest if not line.endswith(":")] == [
        f"VIBECODE_BASE_URL={url} VIBECODE_API_KEY=vibe_api_demo bitrix24-mcp serve",
        f"BITRIX24_WEBHOOK_URL={url}/rest/1/demo-admin/ bitrix24-mcp serve",
        f"BITRIX24_WEBHOOK_URL={url}/rest/2/demo-crm-admin/ bitrix24-mcp serve",
        f"BITRIX24_WEBHOOK_URL={url}/rest/57/demo-seller/ bitrix24-mcp serve",
        "export BITRIX24_CLIENT_ID=local.demo.app BITRIX24_CLIENT_SECRET=demo-app-secret",
        f"export BITRIX24_MCP_AUTHORIZATION_HOSTS={host}",
        f"bitrix24-mcp connect {host} && BITRIX24_PORTAL={host} bitrix24-mcp serve",
    ]


def test_there_are_sessions() -> None:
    assert len(SESSIONS) == 4


@pytest.mark.parametrize("variable", sorted(VARIABLES))
def test_every_setting_is_explained(variable: str) -> None:
    [settings] = re.findall(r"\| variable \| meaning \|\n(.*?)\n\n", README, re.DOTALL)

    assert f"`{variable}`" in settings
    assert re.search(rf"^  {variable}\b", told("--help"), re.MULTILINE)


def test_every_command_is_explained() -> None:
    [commands] = re.findall(r"\| command \| what it does \|\n(.*?)\n\n", README, re.DOTALL)
    [offered] = re.findall(r"  COMMAND\n(.*?)\n\n", told("--help"), re.DOTALL)

    assert set(re.findall(r"`bitrix24-mcp (\w+)", commands)) == set(re.findall(r"^    (\w+)", offered, re.MULTILINE))


@pytest.mark.parametrize("command", ["serve", "connect", "accounts", "disconnect", "portal", "tools"])
def test_every_option_that_is_named_is_there(command: str) -> None:
    assert words_after(command, README + DIRECT) - set(re.findall(r"--[a-z-]+", told(command, "--help"))) == set()


def test_every_scope_and_every_webhook_of_the_demo_portal_stands_on_the_page() -> None:
    assert {scope for scope in ALL_SCOPES - NOT_ASKED if f"`{scope}`" not in DIRECT} == set()
    assert {way for way in WEBHOOKS if "`/rest/{}/{}/`".format(*way) not in DIRECT} == set()


@pytest.mark.parametrize(
    "page",
    ["README.md", "CONTRIBUTING.md", "docs/direct-rest.md", "docs/integration-api.md", "docs/operations.md"],
)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for target, _, heading in (link.partition("#") for link in re.findall(r"\]\((?!https?:)([^)]*)\)", text)):
        there = (ROOT / page).parent / target if target else ROOT / page
        headings = re.findall(r"^#+ (.*)$", there.read_text("utf-8"), re.MULTILINE) if heading else []

        assert there.exists(), target
        assert not heading or heading in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}
