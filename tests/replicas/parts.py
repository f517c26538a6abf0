"""The parts of a team's server: a demo portal, Redis, PostgreSQL, and copies of the installed command over HTTP."""

import json
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Literal

from agreement.witness import Witness
from bitrix24_mcp.callers.tokens import add_token
from bitrix24_mcp.demo import DemoPortal, keys
from callers.shared_server import MODES, as_holder, as_key
from installed import COMMAND, KEY
from services import Service, database_address, free_port, postgres_server, redis_address, redis_server

_PATIENCE = 90.0
"""Seconds that a replica may take to come."""
_USERS = tuple(user for user in range(1, 71) if user not in {3, 6, 12, 14, 15, 20, 27, 29, 33, 38, 42, 47, 48, 55, 59})
"""People of the demo portal who have not left."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is started: so many replicas for so many clients of so many people, who hold tokens or bring their own keys.

    `shared`: whether the replicas are told of Redis and PostgreSQL; without them each is a server by itself.
    `forgetful`: whether Redis comes back empty when it was killed, or with what it knew, as deploy/compose.yaml has it.
    """

    replicas: int = 2
    clients: int = 16
    people: int = 4
    auth: Literal["token", "key"] = "token"
    shared: bool = True
    forgetful: bool = True
    deals: int = 60


@dataclass(frozen=True, slots=True)
class Caller:
    """A client: its name in every record it writes, whose it is as the journal calls them, and how it says so."""

    number: int
    name: str
    person: str
    headers: dict[str, str]
    mode: str


class Replica:
    """One copy of the server on a port of its own, which it keeps when it is killed and started again."""

    def __init__(self, number: int, folder: Path, env: dict[str, str]) -> None:
        self.number = number
        self.port = free_port()
        self.env = {**env, "BITRIX24_MCP_DATA_DIR": str(folder / f"data-{number}")}
        self.log = folder / f"replica-{number}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Starts it, and does not wait for it."""
        arguments = [COMMAND, "serve", "--transport", "http", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(arguments, env=self.env, stderr=log, stdout=log)

    def wait(self) -> None:
        """Returns once it answers."""
        ends = time.monotonic() + _PATIENCE
        while time.monotonic() < ends and self._process is not None and self._process.poll() is None:
            if self.answers():
                return
            time.sleep(0.05)
        raise TimeoutError(f"replica {self.number} did not start:\n{self.log.read_text(encoding='utf-8')}")

    def start(self) -> None:
        """Starts it, and returns once it answers."""
        self.launch()
        self.wait()

    def kill(self) -> None:
        """Ends it at once, as a machine that fails does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_PATIENCE)
            self._process = None

    def answers(self) -> bool:
        """Whether it runs."""
        with suppress(OSError), closing(HTTPConnection("127.0.0.1", self.port, timeout=5)) as asking:
            asking.request("GET", "/healthz")
            return asking.getresponse().status == 200
        return False

    def resident(self) -> tuple[int, float] | None:
        """The process and its memory in megabytes; None while it is down, and where that is not told."""
        process = self._process
        if process is None:
            return None
        with suppress(OSError, IndexError):
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
            return process.pid, int(status.split("VmRSS:")[1].split()[0]) / 1024
        return None


@dataclass(frozen=True, slots=True)
class Team:
    """All parts, running. `redis` and `postgres` are None where the replicas share nothing."""

    plan: Plan
    portal: DemoPortal
    witness: Witness
    redis: Service | None
    postgres: Service | None
    replicas: Sequence[Replica]
    callers: Sequence[Caller]


@contextmanager
def assembled(plan: Plan, folder: Path) -> Generator[Team]:
    """The parts, running; stopped at the end. The portal keeps its limits, and its log of requests is judged besides.

    Without a shared state each replica has a data folder of its own, as on a machine of its own.
    """
    with ExitStack() as stack:
        callers = stack.enter_context(_callers(plan, folder / "tokens"))
        portal = stack.enter_context(DemoPortal.start(deals=plan.deals))
        keeping = () if plan.forgetful else ("--appendonly", "yes")
        redis = stack.enter_context(redis_server(*keeping)) if plan.shared else None
        postgres = stack.enter_context(postgres_server()) if plan.shared else None
        env = _environment(plan, portal, folder / "tokens", redis, postgres)
        replicas = [Replica(number, folder, env) for number in range(plan.replicas)]
        for replica in replicas:
            stack.callback(replica.kill)
            replica.launch()
        for replica in replicas:
            replica.wait()
        yield Team(plan, portal, Witness(portal.database), redis, postgres, replicas, callers)


def _environment(
    plan: Plan, portal: DemoPortal, tokens: Path, redis: Service | None, postgres: Service | None
) -> dict[str, str]:
    env = {
        "VIBECODE_BASE_URL": portal.url,
        "BITRIX24_MCP_AUTH": plan.auth,
        "BITRIX24_MCP_ALLOW_WRITES": "true",
    }
    if plan.auth == "token":
        env |= {"VIBECODE_API_KEY": KEY, "BITRIX24_MCP_TOKENS": str(tokens)}
    if redis is not None and postgres is not None:
        env |= {
            "BITRIX24_MCP_REDIS": redis_address(redis),
            "BITRIX24_MCP_REPLICAS": str(plan.replicas),
            "BITRIX24_MCP_DATABASE": database_address(postgres),
        }
    return env


@contextmanager
def _callers(plan: Plan, tokens: Path) -> Generator[Sequence[Caller]]:
    """Clients of holders of tokens, or of people of the portal with keys of their own, which it knows meanwhile.

    Every fourth speaks a revision of the protocol with a handshake.
    """
    people = [_person(plan, number, tokens) for number in range(plan.people)]
    theirs = {
        headers["X-Api-Key"]: keys.Key(headers["X-Api-Key"], user=int(person))
        for person, headers in people
        if plan.auth == "key"
    }
    keys.KEYS.update(theirs)
    try:
        yield [
            Caller(number, f"c{number:02}", *people[number % len(people)], MODES[number % 4 == 3])
            for number in range(plan.clients)
        ]
    finally:
        for key in theirs:
            del keys.KEYS[key]


def _person(plan: Plan, number: int, tokens: Path) -> tuple[str, dict[str, str]]:
    """What the journal calls somebody, and what their requests carry."""
    name = f"person{number:02}"
    if plan.auth == "token":
        return name, as_holder(add_token(name, tokens))
    return str(_USERS[number]), as_key(f"{KEY}_{name}")


def journal_of(replica: Replica) -> list[dict[str, Any]]:
    """The journal as an operator reads it beside that replica, oldest operation first."""
    done = subprocess.run(
        [COMMAND, "journal", "--json", "--limit", "10000"],
        env=replica.env, capture_output=True, text=True, encoding="utf-8", check=True,
    )  # fmt: skip
    return list(reversed(json.loads(done.stdout)))
