"""The installed commands that connect portals, with the test in the place of the person and the browser."""

import signal
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from bitrix24_mcp.demo import DemoPortal
from connecting import environment
from installed import COMMAND


class Connecting:
    """The command while it waits for the browser: where that comes back to, and the link."""

    def __init__(self, command: subprocess.Popen[str]) -> None:
        assert command.stdout is not None
        assert command.stderr is not None
        self._command = command
        self.said = ""
        while not self.said.endswith("/webhook/create\n"):
            self.said += command.stderr.readline()
        self.address = self.said.split()[-1]
        self.link = command.stdout.readline().strip()

    def interrupt(self) -> None:
        self._command.send_signal(signal.SIGINT)

    def ended(self) -> tuple[int, str, str]:
        """Exit code, and everything that was said since the link."""
        output, errors = self._command.communicate(timeout=30)
        return self._command.returncode, output, errors


@contextmanager
def connecting(portal: DemoPortal, folder: Path, **settings: str) -> Generator[Connecting]:
    command = [COMMAND, "connect", portal.url, "--port", "0", "--no-browser"]
    pipe = subprocess.PIPE
    env = environment(folder, portal.url, **settings)
    with subprocess.Popen(command, env=env, stdout=pipe, stderr=pipe, text=True) as running:
        waiting = Connecting(running)
        portal.register_application(waiting.address)
        try:
            yield waiting
        finally:
            running.kill()


def run(folder: Path, arguments: Sequence[str], host: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments],
        env=environment(folder, host, **settings),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def visit(link: str) -> httpx.Response:
    """What a browser does: follows the redirects to the end."""
    return httpx.get(link, follow_redirects=True)
