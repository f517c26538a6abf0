"""The image: what the Dockerfile says is carried out as it says, but for the container engine, which is not needed."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from assistants import ROOT
from running.dockerfile import Stage, below, build, let_through, stages
from running.own_machine import USER, folder_for_user, machine, python_for_user

PORTAL = "127.0.0.1:8024"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
CLIENT = """
import http.client, json, os, threading, time, urllib.request

def ask(entity):
    call = {"name": "aggregate", "arguments": {"entity": entity}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call})
    headers = {"Host": "mcp.example.com", "Authorization": "Bearer " + os.environ["TOKEN"]}
    headers |= {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    connection = http.client.HTTPConnection("127.0.0.1", 8023)
    connection.request("POST", "/mcp", body, headers)
    print(*connection.getresponse().read().decode().split(), flush=True)

def portal(what, data=None):
    return urllib.request.urlopen(f"http://{os.environ['PORTAL']}/__demo__/{what}", data).read()

ask("deals")
portal("faults", b'{"kind": "slow", "path": "/v1/leads*", "seconds": 60}')
threading.Thread(target=ask, args=["leads"], daemon=True).start()
while b"/v1/leads" not in portal("requests"):
    time.sleep(0.02)
print("under way", flush=True)
time.sleep(60)
"""
"""Asks about deals, then about leads, which takes the portal too long; says when that is under way."""


def uv_folder() -> Path:
    """Where the uv is that runs the tests, or that came with this Python."""
    running = os.environ.get("UV", "")  # noqa: TID251 - of tests
    places = [running, str(Path(sys.base_prefix) / "bin" / "uv"), shutil.which("uv") or ""]
    return Path(next(place for place in places if place and Path(place).exists())).parent


@pytest.fixture(scope="module")
def image() -> Generator[Path]:
    """A folder with what the build stage makes, and the folders that the image has."""
    python = python_for_user()
    with folder_for_user() as folder:
        here = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}  # noqa: TID251 - of tests
        build(folder, {**here, "PATH": f"{uv_folder()}:/usr/bin:/bin", "UV_PYTHON": python})
        yield folder


def final(folder: Path) -> tuple[Stage, dict[str, str]]:
    """The last stage, and its environment with the image's folders where they are here."""
    stage = stages()[-1]
    return stage, {name: below(folder, value) for name, value in stage.environment.items()}


def as_user(*command: str) -> list[str]:
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *command]


@contextmanager
def talking(command: Sequence[str], lines: int) -> Generator[list[str]]:
    """The first lines of what a program says; it is ended afterwards."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout is not None
            yield [program.stdout.readline().strip() for _ in range(lines)]
        finally:
            program.kill()


def test_the_dockerfile_pleases_its_linter() -> None:
    linter = shutil.which("hadolint", path=Path(sys.executable).parent)
    assert linter is not None

    done = subprocess.run([linter, str(ROOT / "deploy/Dockerfile")], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_the_last_stage_runs_as_a_user_and_has_no_tools_to_build_with() -> None:
    first, last = stages()

    assert first.base.split()[0] == last.base == "python:3.13-slim"
    assert last.of("USER") == [f"{USER}:{USER}"]
    assert last.of("COPY") == ["--from=build /app /app"]
    assert not [step for step in last.of("RUN") if {"apt-get", "pip", "uv"} & set(step.split())]


def test_the_build_sees_what_it_copies_and_has_a_uv_that_the_project_takes() -> None:
    [stage, _] = stages()
    copied = [source for step in stage.of("COPY") for source in step.split()[:-1]]
    [installed] = [step.split()[-1] for step in stage.of("RUN") if step.startswith("pip install")]
    [pinned] = Requirement(installed).specifier

    assert [source for source in copied if not let_through(source) or not (ROOT / source).exists()] == []
    assert Requirement(f"uv{PROJECT['tool']['uv']['required-version']}").specifier.contains(Version(pinned.version))
    assert {"pyproject.toml", "uv.lock", "src"} <= set(copied)


def test_the_image_serves_as_the_first_process_of_a_read_only_disk_and_ends_when_told(image: Path) -> None:
    """Built and started by the Dockerfile's own words, it is healthy, answers a call, ends with 0 during another."""
    stage, env = final(image)
    env |= {
        "BITRIX24_MCP_AUTH": "token",
        "BITRIX24_MCP_TOKENS": f"{image}/callers/tokens",
        "BITRIX24_MCP_HOSTS": "mcp.example.com",
        "BITRIX24_MCP_TELEMETRY": "prometheus",
        "BITRIX24_MCP_ALLOW_WRITES": "true",
        "VIBECODE_API_KEY": "vibe_api_demo",
        "VIBECODE_BASE_URL": f"http://{PORTAL}",
    }
    made = subprocess.run(as_user("bitrix24-mcp", "token", "anna"), env=env, capture_output=True, text=True, check=True)
    asks = {"TOKEN": made.stdout.strip(), "PORTAL": PORTAL}

    with (
        machine([*stage.words("ENTRYPOINT"), *stage.words("CMD")], env, image / "data") as here,
        talking(here.beside("bitrix24-mcp", "portal", "--port", "8024", "--deals", "50"), 1),
        talking(here.beside("python", "-c", CLIENT, **asks), 2) as (answer, then),
    ):
        healthy = subprocess.run(here.beside(*stage.words("HEALTHCHECK")), check=False).returncode
        ended = here.stop()

    assert '"structuredContent":{"rows":[{"count":50}],"total":50,"complete":true}' in answer
    assert (healthy, then, ended) == (0, "under way", 0)
    assert not (image / "data" / "journal.sqlite3").stat().st_mode & 0o077


def test_the_same_image_speaks_over_stdio(image: Path) -> None:
    """As `docker run -i IMAGE serve` does: it ends when the client has gone."""
    stage, env = final(image)
    hello = (
        '{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18", '
        '"capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}}\n'
    )
    command = as_user(*stage.words("ENTRYPOINT"), "serve")
    env |= {"VIBECODE_API_KEY": "vibe_api_demo"}

    done = subprocess.run(command, input=hello, env=env, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert '"serverInfo"' in done.stdout


def test_the_image_has_the_authorities_by_which_a_portal_is_believed(image: Path) -> None:
    _, env = final(image)
    look = (
        "from bitrix24_mcp.sending.authorities import authorities\n"
        "print(len(authorities(trust_env=True).get_ca_certs()) > 100)"
    )

    done = subprocess.run(as_user("python", "-c", look), env=env, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("True\n", "")
