"""The installed command, as clients start it."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from bitrix24_mcp.demo import DemoPortal

COMMAND = str(Path(sys.executable).with_name("bitrix24-mcp"))
KEY = "vibe_api_demo"


def settings_for(portal: DemoPortal, key: str = KEY) -> dict[str, str]:
    """The environment that points the command at a demo portal."""
    return {"VIBECODE_BASE_URL": portal.url, "VIBECODE_API_KEY": key}


@contextmanager
def serving_http(portal: DemoPortal) -> Generator[str]:
    """Where the command serves HTTP in front of a portal: the address without a path."""
    arguments = [COMMAND, "serve", "--transport", "http", "--port", "0"]
    with subprocess.Popen(arguments, env=settings_for(portal), stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        yield server.stderr.readline().split()[3].removesuffix("/mcp")
        server.terminate()
