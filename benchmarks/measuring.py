"""What the programs here share: how a server is started, how long it takes, how figures are shown."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitrix24_mcp.pacing.budget import Limits

HERE = Path(__file__).parent
CLIENTS = HERE.parent / "tests" / "clients"
COMMAND = str(Path(sys.executable).with_name("bitrix24-mcp"))
UNPACED = Limits(per_second=1e9, any_second=1_000_000, per_window=1_000_000, in_flight=64)
"""No waiting: what is measured is ours, not the gateway's limits."""
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "benchmark", "version": "1"}}


@dataclass(frozen=True)
class Figure:
    """One measured figure: ours, what it is held against, and whether it keeps its budget (None = no budget)."""

    what: str
    ours: str
    beside: str
    budget: str = ""
    kept: bool | None = None

    def row(self) -> str:
        verdict = {True: "pass", False: "MISS", None: ""}[self.kept]
        return f"| {self.what} | {self.ours} | {self.beside} | {self.budget} | {verdict} |"


def show(figures: Sequence[Figure]) -> None:
    lines = ["| what | ours | beside | budget | |", "|---|---|---|---|---|", *(figure.row() for figure in figures)]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


class StdioServer:
    """A server started over stdio, spoken to line by line."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._started = time.perf_counter()
        self.process = subprocess.Popen(
            command, env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def ask(self, number: int, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self.tell({"jsonrpc": "2.0", "id": number, "method": method, "params": dict(params)})
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def tell(self, message: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{json.dumps(message)}\n".encode())
        self.process.stdin.flush()

    def until_listed(self) -> float:
        """Seconds from the start of the process to the answered tools/list."""
        self.ask(1, "initialize", HELLO)
        self.tell({"jsonrpc": "2.0", "method": "notifications/initialized"})
        self.ask(2, "tools/list", {})
        return time.perf_counter() - self._started

    def resident_megabytes(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def interleaved(rounds: int, *measures: Callable[[], float]) -> list[float]:
    """The median of each measure, taken in turns, so that a noisy moment strikes all of them."""
    taken: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for values, measure in zip(taken, measures, strict=True):
            values.append(measure())
    return [statistics.median(values) for values in taken]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
