"""The compose file: as strict a reader as the specification takes it, and it holds what several replicas need."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyOptions

from assistants import ROOT
from bitrix24_mcp.settings import Settings
from running.dockerfile import stages
from services import Service, free_port, program

FILE = ROOT / "deploy" / "compose.yaml"
EXAMPLE = ROOT / "deploy" / ".env.example"
VARIABLES = {field.alias for field in Settings.model_fields.values() if field.alias}
SECRETS = {"POSTGRES_PASSWORD": "database-word", "REDIS_PASSWORD": "redis-word"}
OURS = re.compile(r"\b(?:BITRIX24_|VIBECODE_)\w+")


def example() -> dict[str, str]:
    """The values of the example as it stands, those that are commented out as well."""
    lines = re.findall(r"^#?([A-Z][A-Z0-9_]+)=(.*)$", EXAMPLE.read_text("utf-8"), re.MULTILINE)
    return dict(lines)


def text_with(values: Mapping[str, str]) -> str:
    """The file with variables in place, as Docker Compose puts them; one that is demanded and empty is an error."""

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        if not values.get(name) and kind == ":?":
            raise ValueError(f"{name}: {rest}")
        return values.get(name) or rest

    return re.sub(r"(?<!\$)\$\{(\w+)(:[-?])([^}]*)\}", value, FILE.read_text("utf-8")).replace("$$", "$")


def services(**values: str) -> dict[str, Any]:
    return yaml.safe_load(text_with({**SECRETS, **values}))["services"]


def test_it_is_a_compose_file_to_the_letter() -> None:
    options = PyOptions()
    options.apply_merge = True

    read = options.from_yaml(text_with(SECRETS))

    read.validate()
    assert read.service_names() == ["server", "token", "proxy", "redis", "postgres"]


def test_docker_compose_takes_it(tmp_path: Path) -> None:
    docker = shutil.which("docker") or "docker"
    try:
        subprocess.run([docker, "compose", "version"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("Docker Compose is not installed")
    deploy = shutil.copytree(FILE.parent, tmp_path / "deploy")
    (deploy / ".env").write_text("".join(f"{name}={value}\n" for name, value in SECRETS.items()), "utf-8")

    subprocess.run([docker, "compose", "--file", str(deploy / FILE.name), "config", "--quiet"], check=True)


@pytest.mark.parametrize("missing", SECRETS)
def test_it_does_not_start_without_a_password(missing: str) -> None:
    with pytest.raises(ValueError, match=missing):
        text_with({**SECRETS, missing: ""})


def test_every_setting_that_the_deployment_names_is_one() -> None:
    files = [path for path in (ROOT / "deploy").rglob("*") if path.is_file() and path.name != ".env"]
    named = {name for path in files for name in OURS.findall(path.read_text("utf-8"))}

    assert named - VARIABLES == set()
    assert len(named) > 15


def test_the_replicas_share_redis_and_the_database_and_know_how_many_they_are() -> None:
    server = services()["server"]
    settings = Settings.of({name: str(value) for name, value in server["environment"].items()})

    assert server["deploy"]["replicas"] == settings.replicas == 2
    assert services(BITRIX24_MCP_REPLICAS="3")["server"]["deploy"]["replicas"] == 3
    assert settings.redis.get_secret_value() == "redis://:redis-word@redis:6379/0"
    assert settings.database.get_secret_value() == "postgresql://bitrix24:database-word@postgres:5432/bitrix24_mcp"
    assert "container_name" not in server
    assert "ports" not in server


def test_the_example_is_filled_in_by_a_key_and_lets_the_server_start() -> None:
    """Of what it names only secrets are missing, and nothing in it is one."""
    lines = re.findall(r"^([A-Z][A-Z0-9_]+)=(.*)$", EXAMPLE.read_text("utf-8"), re.MULTILINE)
    given = {**dict(lines), **SECRETS, "VIBECODE_API_KEY": "vibe_api_demo"}
    environment = {**given, **services(**given)["server"]["environment"]}

    settings = Settings.of({name: str(value) for name, value in environment.items()})

    settings.check_http("0.0.0.0", sse=False)  # noqa: S104 - within its container
    settings.check_door()
    assert settings.tokens_file == Path("/callers/tokens")
    empty = {name for name, value in lines if not value}
    assert empty == {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "VIBECODE_API_KEY", "BITRIX24_MCP_ACCOUNTS_KEY"}


def test_every_variable_that_it_asks_for_stands_in_the_example() -> None:
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", FILE.read_text("utf-8")))

    assert asked - example().keys() == set()


@pytest.mark.parametrize("name", ["server", "token", "proxy", "redis", "postgres"])
def test_each_container_may_do_little_and_is_bounded(name: str) -> None:
    service = services()[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}}
    assert service["restart"] == ("no" if name == "token" else "unless-stopped")
    assert name == "token" or service["mem_limit"]
    assert "build" in service or re.search(r":\d+(\.\d+)*(-\w+)?$", service["image"]), "pinned"
    assert "privileged" not in service


def test_redis_and_the_database_are_for_the_replicas_alone() -> None:
    whole = yaml.safe_load(text_with(SECRETS))

    assert whole["networks"]["back"] == {"internal": True}
    assert {name: each["networks"] for name, each in whole["services"].items() if "networks" in each} == {
        "server": ["front", "back"],
        "proxy": ["front"],
        "redis": ["back"],
        "postgres": ["back"],
    }
    assert [name for name, each in whole["services"].items() if "ports" in each] == ["proxy"]
    assert whole["services"]["proxy"]["ports"] == ["127.0.0.1:8080:8080"]


def test_what_must_last_is_in_volumes_and_the_tokens_are_read_only() -> None:
    whole = yaml.safe_load(text_with(SECRETS))
    kept = {name: each.get("volumes", []) for name, each in whole["services"].items()}

    assert kept["server"] == ["callers:/callers:ro", "data:/data"]
    assert kept["token"] == ["callers:/callers"]
    assert kept["redis"] == ["redis:/data"]
    assert kept["postgres"] == ["postgres:/var/lib/postgresql/data"]
    assert set(whole["volumes"]) == {"callers", "data", "redis", "postgres"}
    assert stages()[-1].environment["BITRIX24_MCP_DATA_DIR"] == "/data"
    for folder in (mount.split(":")[0] for each in kept.values() for mount in each if mount.startswith("./")):
        assert folder == "./certificates" or (FILE.parent / folder).exists(), folder


def test_each_waits_for_what_it_needs_and_redis_forgets_nothing_for_want_of_room() -> None:
    server, proxy, redis = (services()[name] for name in ("server", "proxy", "redis"))

    assert server["depends_on"] == {name: {"condition": "service_healthy"} for name in ("redis", "postgres")}
    assert proxy["depends_on"] == {"server": {"condition": "service_healthy"}}
    assert all("healthcheck" in services()[name] for name in ("proxy", "redis", "postgres"))
    [command] = redis["command"][2:]
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    assert '--requirepass "$REDISCLI_AUTH"' in command


def test_redis_starts_with_those_words_and_its_healthcheck_passes(tmp_path: Path) -> None:
    """In a real Redis; only the port and the folder are the test's own."""
    redis, port = services()["redis"], free_port()
    program("redis-server")
    [shell, flag, command] = redis["command"]
    [_, check] = redis["healthcheck"]["test"]
    word = redis["environment"]["REDISCLI_AUTH"]
    own = f"--port {port} --bind 127.0.0.1 --dir {tmp_path}"
    server = Service([shell, flag, f"REDISCLI_AUTH={word}; {command} {own}"], port)
    try:
        server.start()
        health = [
            subprocess.run(
                ["/bin/sh", "-c", f"export REDISCLI_AUTH={each}; {check.replace('redis-cli', f'redis-cli -p {port}')}"],
                check=False,
                capture_output=True,
            ).returncode
            for each in (word, "wrong")
        ]
    finally:
        server.stop()

    assert health == [0, 1]


def test_no_secret_and_no_file_of_secrets_is_in_the_repository() -> None:
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()

    assert {"/deploy/.env", "/deploy/certificates/"} <= set(ignored)
    assert (ROOT / ".dockerignore").read_text("utf-8").splitlines()[1] == "*"
