"""The README's way from one laptop to a team: its first step, and what a team has before and after its second."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from assistants import ROOT
from bitrix24_mcp.settings import Settings
from installed import COMMAND
from running.test_compose import example, services
from services import free_port

README = (ROOT / "README.md").read_text("utf-8")
[SECTION] = re.findall(r"\n## From one laptop to a team\n(.*?)\n## ", README, re.DOTALL)
BLOCKS: list[str] = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
SHELL = shutil.which("bash") or "bash"


def the_block(containing: str) -> str:
    [found] = [block for block in BLOCKS if containing in block]
    return found


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    return {"PATH": f"{Path(COMMAND).parent}{os.pathsep}{os.defpath}", "HOME": str(tmp_path)}


@contextmanager
def started(block: str, environment: Mapping[str, str]) -> Generator[str]:
    """The token that the block prints, while the server that it starts serves."""
    run = [SHELL, "-euc", block.replace("bitrix24-mcp serve", "exec bitrix24-mcp serve")]
    with subprocess.Popen(run, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        try:
            token = server.stdout.readline().strip()
            while "Serving MCP at" not in (line := server.stderr.readline()):
                assert line, "it ended"
            yield token
        finally:
            server.terminate()


def test_the_first_step_serves_whoever_has_the_token_as_printed(environment: Mapping[str, str]) -> None:
    if not shutil.which("bash") or not shutil.which("curl"):
        pytest.skip("the programs that this step uses are not installed")
    port = str(free_port())
    serving = the_block("bitrix24-mcp serve").replace("--allow-writes", f"--allow-writes --demo --port {port}")
    asking = the_block("TOKEN=").replace("8023", port)

    with started(serving, environment) as token:
        answers = subprocess.run(
            [SHELL, "-euc", asking.replace("b24mcp_the_token_of_anna", token)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        refused = subprocess.run(
            [SHELL, "-euc", asking], env=environment, capture_output=True, text=True, timeout=60, check=True
        ).stdout

    assert answers.startswith("ok\n")
    assert '"portal":"demo.bitrix24.ru"' in answers
    assert answers.endswith("Nothing was written yet.\n")
    assert "demo.bitrix24.ru" not in refused


def test_tokens_go_along_for_their_owner_alone(environment: Mapping[str, str], tmp_path: Path) -> None:
    """What the second step says of the file, without the container around it."""
    kept = tmp_path / "bitrix24-mcp-tokens"
    kept.write_text("anna 0123\n", "utf-8")
    line = the_block("umask").strip()
    inside, given = shlex.split(line)[-3], shlex.split(line)[-1]

    taken = tmp_path / "callers"
    own = inside.replace("/callers/tokens", str(taken))
    subprocess.run([SHELL, "-euc", f"sh -c {shlex.quote(own)} < {given}"], env=environment, check=True)

    assert taken.read_text("utf-8") == kept.read_text("utf-8")
    assert taken.stat().st_mode & 0o077 == 0


def test_people_can_sign_in_with_what_the_example_names_for_it() -> None:
    signing_in = {name: value for name, value in example().items() if "OAUTH" not in name and "PORTAL" not in name}
    given = {
        **signing_in,
        "BITRIX24_MCP_AUTH": "oauth",
        "BITRIX24_MCP_OAUTH_ISSUER": example()["BITRIX24_MCP_OAUTH_ISSUER"],
        "BITRIX24_CLIENT_ID": "local.1",
        "BITRIX24_CLIENT_SECRET": "a-secret",
        **services()["server"]["environment"],
    }

    settings = Settings.of({name: str(value) for name, value in given.items()})

    settings.check_http("0.0.0.0", sse=False)  # noqa: S104 - within its container
    settings.card()
    assert settings.people_file == settings.tokens_file.parent / "people"


def test_what_the_example_says_reaches_the_replicas() -> None:
    """All of it, such as the key that seals accounts: as their environment, in which the passwords are addresses."""
    assert services()["server"]["env_file"] == ".env"
    assert "BITRIX24_MCP_ACCOUNTS_KEY" in example()
