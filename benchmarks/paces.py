"""What a turn costs: granted in this process, and by Redis for all replicas, beside the shortest question to Redis."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

from bitrix24_mcp.pacing.budget import Budget
from bitrix24_mcp.pacing.shared_gateway import SharedGateway
from bitrix24_mcp.sharing.link import Absent, Link
from measuring import UNPACED, Figure, show

TURNS = 2_000


@asynccontextmanager
async def linked() -> AsyncGenerator[Link]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = shutil.which("redis-server") or sys.exit("needs the program redis-server")
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            async with Link.opened(f"redis://127.0.0.1:{port}/0") as link:
                await until_present(link)
                yield link
        finally:
            server.kill()


async def until_present(link: Link) -> None:
    while True:
        try:
            return await link.check()
        except Absent:
            await anyio.sleep(0.2)


async def per_turn(budget: Budget) -> float:
    """Microseconds, a turn at a time."""
    await budget.ready()
    start = time.perf_counter()
    for _ in range(TURNS):
        async with budget.turn():
            pass
    return (time.perf_counter() - start) / TURNS * 1e6


async def per_question(link: Link) -> float:
    """Microseconds of a script that does nothing."""
    start = time.perf_counter()
    for _ in range(TURNS):
        await link.check()
    return (time.perf_counter() - start) / TURNS * 1e6


async def measured() -> Figure:
    async with linked() as link:
        pace = SharedGateway(link, "gateway.example", 2).pace("company.example", UNPACED)
        here = await per_turn(Budget(UNPACED))
        shared = await per_turn(Budget(UNPACED, portal=pace, key="a-key"))
        asked = await per_question(link)
    return Figure(
        "a turn that Redis grants and takes back",
        f"{shared:.0f} µs ({shared / asked:.1f} x)",
        f"the shortest question to Redis {asked:.0f} µs, a turn of this process {here:.0f} µs",
    )


def measure() -> list[Figure]:
    return [anyio.run(measured)]


if __name__ == "__main__":
    show(measure())
