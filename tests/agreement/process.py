"""The installed command over stdio, line by line, so that it can be left at any moment."""

import json
import signal
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Self

from agreement.trial import Told
from bitrix24_mcp.demo import DemoPortal
from installed import COMMAND
from writing_assistants import Door

_HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}


class Process:
    """A server that may write, with its journal in a folder."""

    def __init__(self, door: Door, portal: DemoPortal, folder: Path) -> None:
        way = {
            "gateway": {"VIBECODE_BASE_URL": portal.url, "VIBECODE_API_KEY": "vibe_api_demo"},
            "rest": {"BITRIX24_WEBHOOK_URL": f"{portal.url}/rest/1/demo-admin/"},
        }[door]
        self._server = subprocess.Popen(
            [COMMAND, "serve", "--allow-writes", "--allow-deletes"],
            env={**way, "BITRIX24_MCP_DATA_DIR": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._numbers = count(1)

    @classmethod
    @contextmanager
    def started(cls, door: Door, portal: DemoPortal, folder: Path) -> Generator[Self]:
        """One that has said hello; it is killed at the end if it still runs."""
        process = cls(door, portal, folder)
        try:
            process.answer(process.ask("initialize", _HELLO))
            process.tell("notifications/initialized", {})
            yield process
        finally:
            process.kill(signal.SIGKILL)

    def call(self, tool: str, **arguments: Any) -> Told:
        """What a tool answers."""
        result = self.answer(self.ask("tools/call", {"name": tool, "arguments": arguments}))
        content = result["structuredContent"]
        return Told(error=content["error"]) if result.get("isError") else Told(content)

    def ask(self, method: str, params: Mapping[str, Any]) -> int:
        """Asks without waiting for the answer; the question's number."""
        number = next(self._numbers)
        self._say({"id": number, "method": method, "params": params})
        return number

    def tell(self, method: str, params: Mapping[str, Any]) -> None:
        """A notification."""
        self._say({"method": method, "params": params})

    def answer(self, number: int) -> Mapping[str, Any]:
        """The result of a question; what else comes is passed over."""
        assert self._server.stdout is not None
        for line in self._server.stdout:
            told = json.loads(line)
            if told.get("id") == number:
                return told["result"]
        raise AssertionError("the server has ended")

    def kill(self, how: signal.Signals) -> None:
        """Ends it by a signal, and waits until it is gone."""
        if self._server.poll() is None:
            self._server.send_signal(how)
        self._server.communicate()

    def hang_up(self) -> None:
        """Ends it as clients do: its input is closed."""
        self._server.communicate()

    def _say(self, message: Mapping[str, Any]) -> None:
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self._server.stdin.flush()
