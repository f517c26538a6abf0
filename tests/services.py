"""Redis and PostgreSQL for tests: the real programs, started on free ports of this machine and stopped afterwards."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import pytest

_PATIENCE = 30.0
"""Seconds that a service may take to come or to go."""


class Service:
    """A program that listens on a port of its own, and can be stopped and started again."""

    def __init__(self, command: list[str], port: int, *, as_user: str = "") -> None:
        self.port = port
        self._command = ["setpriv", f"--reuid={as_user}", "--clear-groups", *command] if as_user else command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ends = time.monotonic() + _PATIENCE
        while time.monotonic() < ends:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return self
            time.sleep(0.02)
        raise TimeoutError(f"{self._command[0]} did not start")

    def stop(self) -> None:
        """Ends it at once, as a machine that fails does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_PATIENCE)
            self._process = None

    def interrupt(self) -> None:
        """Ends it in an orderly way that does not wait for its clients."""
        if self._process is not None:
            self._process.send_signal(2)
            self._process.wait(_PATIENCE)
            self._process = None


def program(name: str) -> str:
    """Where the program is; a test is skipped without it, but never in CI, which installs it."""
    places = [shutil.which(name), *map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True))]
    found = next((place for place in places if place and "postgresql" in os.path.realpath(place)), places[0])
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"needs the program {name}")  # noqa: TID251 - of tests
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def redis_server(*options: str) -> Generator[Service]:
    """A Redis that keeps nothing on the disk unless options say so."""
    with TemporaryDirectory(prefix="redis-") as folder:
        port = free_port()
        settings = ["--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", *options]
        service = Service([program("redis-server"), *settings], port)
        try:
            yield service.start()
        finally:
            service.stop()


@contextmanager
def postgres_server() -> Generator[Service]:
    """A PostgreSQL with the database `bitrix24_mcp`, whose user `bitrix24` needs no password.

    PostgreSQL refuses to run as root, so that it then runs as nobody.
    """
    user = "nobody" if os.name == "posix" and os.geteuid() == 0 else ""
    with TemporaryDirectory(prefix="postgres-") as folder:
        data = Path(folder) / "data"
        if user:
            shutil.chown(folder, user)
        port = free_port()
        first = [program("initdb"), "-D", str(data), "-U", "bitrix24", "-A", "trust", "-E", "UTF8", "--no-sync"]
        made = (
            ["setpriv", f"--reuid={user}", "--clear-groups", *first, "--locale=C"] if user else [*first, "--locale=C"]
        )
        subprocess.run(made, check=True, capture_output=True, cwd=folder)
        options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
        service = Service([program("postgres"), "-D", str(data), "-p", str(port), *options], port, as_user=user)
        try:
            service.start()
            _database(port)
            yield service
        finally:
            service.stop()


def redis_address(service: Service) -> str:
    return f"redis://127.0.0.1:{service.port}/0"


def database_address(service: Service) -> str:
    return f"postgresql://bitrix24@127.0.0.1:{service.port}/bitrix24_mcp"


def _database(port: int) -> None:
    """Makes the database; the server listens a moment before it takes connections."""
    import psycopg  # noqa: PLC0415 - tests that need no service do not load it

    ends = time.monotonic() + _PATIENCE
    while True:
        try:
            with psycopg.connect(f"postgresql://bitrix24@127.0.0.1:{port}/postgres", autocommit=True) as connection:
                connection.execute("create database bitrix24_mcp")
                return
        except psycopg.OperationalError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.05)
