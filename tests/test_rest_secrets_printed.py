"""The installed command never prints a webhook's code, whatever is set wrongly and however the portal fails."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.demo.faults import FaultKind
from connected import leaked
from installed import COMMAND
from test_secrets import GOOD_CALLS

CODE = "demo-admin"
Json = dict[str, Any]
WRONG = {
    "pasted without the user id": f"{{url}}/rest/{CODE}/",
    "pasted with a query": f"{{url}}/rest/1/{CODE}/profile?x=1",
    "pasted twice": f"{{url}}/rest/1/{CODE}/{{url}}/rest/1/{CODE}/",
    "pasted with words": f"Webhook: {{url}}/rest/1/{CODE}/",
    "with a password": f"https://{CODE}:{CODE}@portal.example/rest/1/{CODE}/",
    "not https": f"http://portal.example/rest/1/{CODE}/",
    "a port that is none": f"https://portal.example:{CODE}/rest/1/{CODE}/",
    "a host that cannot be": f"https://256.1.1.1/rest/1/{CODE}/",
    "nobody at that address": f"https://[::1]:9/rest/1/{CODE}/",
    "no https there": f"{{tls}}/rest/1/{CODE}/",
    "another user's": "{url}/rest/1/demo-expired/",
}
UNREACHABLE = {"nobody at that address", "no https there"}
"""These are asked for seconds before they are given up."""
COMMANDS = [["doctor"], ["call", "search_items", '{"entity": "deals", "limit": 1}'], ["tools"], ["serve"]]


def run(arguments: list[str], **settings: str) -> str:
    """All that the installed command prints, with everything logged."""
    settings = {"PATH": str(Path(COMMAND).parent), "BITRIX24_MCP_LOG_LEVEL": "DEBUG", **settings}
    done = subprocess.run(
        [COMMAND, *arguments],
        env=settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("wrong", WRONG)
def test_no_command_repeats_a_webhook_that_is_set_wrongly(wrong: str, portal: DemoPortal) -> None:
    address = WRONG[wrong].format(url=portal.url, tls=portal.url.replace("http:", "https:"))
    commands = COMMANDS[:1] if wrong in UNREACHABLE else COMMANDS
    printed = "".join(run(command, BITRIX24_WEBHOOK_URL=address) for command in commands)

    assert leaked(printed, {CODE, "demo-expired"}) == []


@pytest.mark.parametrize("kind", ["secret_echo", "redirect", "html", "drop", "expired_key", "access_denied"])
def test_no_command_tells_the_webhook_when_the_portal_fails(kind: FaultKind, own_portal: DemoPortal) -> None:
    address = f"{own_portal.url}/rest/1/{CODE}/"
    for after in (0, 3):
        own_portal.inject(Fault(kind=kind, times=2, after=after))
        printed = "".join(run(command, BITRIX24_WEBHOOK_URL=address) for command in COMMANDS[:2])
        own_portal.clear_faults()
        assert leaked(printed, {CODE}) == []


@pytest.mark.parametrize("settings", [{"HTTPS_PROXY": "sockz://u:pa55word@x"}, {"SSL_CERT_FILE": "/nowhere"}])
def test_a_proxy_or_certificates_that_cannot_be_used_are_named(settings: dict[str, str]) -> None:
    printed = run(["doctor"], BITRIX24_WEBHOOK_URL=f"https://portal.example/rest/1/{CODE}/", **settings)

    assert "Check HTTPS_PROXY" in printed
    assert leaked(printed, {CODE, "pa55word"}) == []


def test_a_server_over_stdio_keeps_quiet_whatever_the_portal_says(own_portal: DemoPortal) -> None:
    """Every tool under faults, by the protocol alone: neither answers nor what it logs tell the webhook."""
    start = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    lines: list[Json] = [
        {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": start},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
    ]
    for number, (tool, arguments) in enumerate(GOOD_CALLS.items(), 1):
        params = {"name": tool, "arguments": arguments}
        lines.append({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})
    own_portal.inject(Fault(kind="secret_echo", after=3, times=3))
    settings = {"BITRIX24_WEBHOOK_URL": f"{own_portal.url}/rest/1/{CODE}/", "BITRIX24_MCP_LOG_LEVEL": "DEBUG"}
    pipe = subprocess.PIPE
    with subprocess.Popen([COMMAND, "serve"], env=settings, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stderr is not None
        server.stdin.write("".join(f"{json.dumps(line)}\n" for line in lines))
        server.stdin.flush()
        answers = [server.stdout.readline() for _ in range(len(GOOD_CALLS) + 1)]
        server.stdin.close()
        logged = server.stderr.read()

    assert {json.loads(answer)["id"] for answer in answers} == set(range(len(GOOD_CALLS) + 1))
    assert leaked("".join(answers) + logged, {CODE, "demo-download-secret"}) == []
