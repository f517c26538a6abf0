"""The page on running it, and the way to it: what they print runs, and what they name is there."""

import os
import re
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import anyio
import psycopg
import pytest
import yaml
from cryptography.fernet import Fernet

from assistants import ROOT
from bitrix24_mcp.callers.caller import Unrecognised
from bitrix24_mcp.callers.tokens import Tokens, add_token
from bitrix24_mcp.settings import Settings
from services import Service, database_address, postgres_server, program

PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
COMMANDS = [
    line.strip()
    for page in (PAGE, (ROOT / "README.md").read_text("utf-8"))
    for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text("utf-8"))["services"]
EXPORTED = """
from prometheus_client import generate_latest
from bitrix24_mcp.observing.record import Call
from bitrix24_mcp.observing.telemetry import Telemetry
from bitrix24_mcp.usage import Usage
telemetry = Telemetry("bitrix24-mcp", "1", scraped=True, sent=False)
telemetry.record(Call("aggregate", "tenant", 1.0, "INTERNAL", 1, Usage()))
print(generate_latest().decode())
"""


def the_command(containing: str) -> str:
    [found] = [line for line in COMMANDS if containing in line]
    return found


@pytest.fixture
def own_postgres() -> Generator[Service]:
    """One that the test may fill and empty."""
    with postgres_server() as service:
        yield service


def test_every_setting_that_it_names_is_one() -> None:
    variables = {field.alias for field in Settings.model_fields.values()}

    assert set(re.findall(r"\b(?:BITRIX24_|VIBECODE_)\w+", PAGE)) - variables == set()


def test_every_metric_and_label_that_it_names_is_exported() -> None:
    done = subprocess.run([sys.executable, "-c", EXPORTED], capture_output=True, text=True, check=True)
    metrics = set(re.findall(r"^(\w+)[{ ]", done.stdout, re.MULTILINE))
    labels = set(re.findall(r'(\w+)="', done.stdout))

    named = set(re.findall(r"\b(?:mcp_server|bitrix24|process)_\w+", PAGE))

    assert {"bitrix24_tenant", "bitrix24_kept"} <= named & labels
    assert named - labels - metrics == {"bitrix24_mcp"}, "the database's name"
    assert set(re.findall(r"\{(\w+)=~?\"", PAGE)) <= {*labels, "job"}


def test_its_yaml_is_yaml_and_each_alert_has_a_question() -> None:
    scraping, alerts = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
    rules = [rule for group in alerts["groups"] for rule in group["rules"]]

    assert scraping["scrape_configs"][0]["dns_sd_configs"] == [{"names": ["server"], "type": "A", "port": 8023}]
    assert scraping["scrape_configs"][0]["dns_sd_configs"][0]["names"][0] in SERVICES
    assert all(rule["alert"] and rule["expr"].count("(") == rule["expr"].count(")") for rule in rules)


def test_every_part_and_network_and_volume_that_it_names_is_in_the_compose_file() -> None:
    named = {word for line in COMMANDS if "docker compose" in line for word in line.split()} & set(SERVICES)
    whole = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text("utf-8"))

    assert named == {"server", "token", "proxy", "postgres"}
    assert f"`{whole['name']}_front`" in PAGE
    assert set(re.findall(r"volume `(\w+)`", PAGE)) == {"postgres", "callers"} <= set(whole["volumes"])


def test_what_it_dumps_can_be_restored(own_postgres: Service, tmp_path: Path) -> None:
    """In a real PostgreSQL, by the lines of the page without the container around them."""
    where = {"PGHOST": "127.0.0.1", "PGPORT": str(own_postgres.port)}
    path = f"{Path(program('initdb')).parent}{os.pathsep}{os.defpath}"

    def run(line: str) -> None:
        inside = line.removeprefix("docker compose exec -T postgres ")
        env = {**where, "PATH": path}
        subprocess.run(["/bin/sh", "-euc", inside], env=env, cwd=tmp_path, check=True, capture_output=True)

    with psycopg.connect(database_address(own_postgres), autocommit=True) as connection:
        connection.execute("create schema bitrix24_mcp")
        connection.execute("set search_path to bitrix24_mcp")
        connection.execute("create table written (number bigint generated always as identity primary key, what text)")
        connection.execute("insert into written (what) values ('first'), ('second')")
        run(the_command("pg_dump"))
        connection.execute("delete from written where what = 'first'")
        connection.execute("create table later (id int)")
        run(the_command("drop schema"))
        run(the_command("pg_restore"))
        kept = connection.execute("select number, what from written order by number").fetchall()
        connection.execute("insert into written (what) values ('third')")

    assert kept == [(1, "first"), (2, "second")]


@pytest.mark.anyio
async def test_a_token_whose_line_is_taken_out_as_it_says_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    words = {name: add_token(name, file) for name in ("anna", "annabel")}
    tokens = Tokens(Settings.of({"BITRIX24_MCP_TOKENS": str(file)}))
    line = the_command("--entrypoint=sed")
    [(tool, arguments)] = re.findall(r"--entrypoint=(\w+) token (.*)", line)

    await anyio.run_process(["/bin/sh", "-c", f"{tool} {arguments.replace('/callers/tokens', str(file))}"])

    with pytest.raises(Unrecognised):
        await tokens.recognise({"authorization": f"Bearer {words['anna']}"})
    assert (await tokens.recognise({"authorization": f"Bearer {words['annabel']}"})).name == "annabel"
    assert file.stat().st_mode & 0o077 == 0


def test_the_key_that_it_makes_seals_accounts() -> None:
    line = the_command("openssl rand -base64")

    made = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True).stdout.strip()

    assert Fernet(made).decrypt(Fernet(made).encrypt(b"tokens")) == b"tokens"
    assert line.partition("#")[0].strip() in (ROOT / "deploy/.env.example").read_text("utf-8")
