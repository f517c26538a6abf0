"""The systemd unit: what it starts is a command of ours with settings that serve, and systemd understands it."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from assistants import ROOT
from bitrix24_mcp.settings import Settings
from installed import COMMAND

UNIT = ROOT / "deploy" / "bitrix24-mcp.service"
LINES = [line.partition("=")[::2] for line in UNIT.read_text("utf-8").splitlines() if re.match(r"\w+=", line)]


def all_of(name: str) -> list[str]:
    return [value for key, value in LINES if key == name]


def one(name: str) -> str:
    [value] = all_of(name)
    return value


def test_it_starts_the_command_with_settings_that_serve() -> None:
    program, command, *options = shlex.split(one("ExecStart"))
    given = dict(each.split("=", 1) for each in all_of("Environment"))
    settings = Settings.of({**given, "BITRIX24_MCP_AUTH": "token", "VIBECODE_API_KEY": "vibe_api_demo"})
    offered = subprocess.run([COMMAND, command, "--help"], capture_output=True, text=True, check=True).stdout

    settings.check_http(options[options.index("--host") + 1], sse=False)
    assert program == "/opt/bitrix24-mcp/bin/bitrix24-mcp"
    assert {option for option in options if option.startswith("--")} - set(re.findall(r"--[a-z-]+", offered)) == set()
    assert set(given) <= {field.alias for field in Settings.model_fields.values()}
    assert settings.data_folder == settings.tokens_file.parent == Path("/var/lib") / one("StateDirectory")
    assert one("StateDirectoryMode") == "0700"


def test_a_wrong_setting_ends_it_with_the_code_that_systemd_does_not_start_again() -> None:
    env = {"BITRIX24_MCP_AUTH": "token", "BITRIX24_MCP_REPLICAS": "many"}

    done = subprocess.run([COMMAND, "serve", "--transport", "http"], env=env, capture_output=True, check=False)

    assert str(done.returncode) == one("RestartPreventExitStatus")


def test_it_may_do_little() -> None:
    switched_on = {name for name, value in LINES if value == "yes"}

    assert {"NoNewPrivileges", "PrivateDevices", "PrivateTmp", "ProtectHome", "MemoryDenyWriteExecute"} <= switched_on
    assert (one("ProtectSystem"), one("CapabilityBoundingSet"), one("User")) == ("strict", "", "bitrix24-mcp")
    assert one("RestrictAddressFamilies") == "AF_INET AF_INET6 AF_UNIX"


def test_systemd_understands_every_line(tmp_path: Path) -> None:
    """Only the program's place is another."""
    analyser = shutil.which("systemd-analyze")
    if analyser is None:
        pytest.skip("systemd is not installed")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text("utf-8").replace("/opt/bitrix24-mcp/bin/bitrix24-mcp", "/bin/true"), "utf-8")

    done = subprocess.run([analyser, "verify", str(unit)], capture_output=True, text=True, check=False)

    assert (done.returncode, [line for line in done.stderr.splitlines() if UNIT.name in line]) == (0, [])
