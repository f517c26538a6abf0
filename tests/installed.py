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


def writing_settings_for(portal: DemoPortal, folder: Path, **more: str) -> dict[str, str]:
    """The same with leave to write, deletions included; the journal is kept in the folder."""
    allowed = {"BITRIX24_MCP_ALLOW_WRITES": "true", "BITRIX24_MCP_ALLOW_DELETES": "true"}
    return {**settings_for(portal), **allowed, "BITRIX24_MCP_DATA_DIR": str(folder), **more}


@contextmanager
def serving_http(portal: DemoPortal, env: dict[str, str] | None = None) -> Generator[str]:
    """Where the command serves HTTP in front of a portal: the address without a path."""
    arguments = [COMMAND, "serve", "--transport", "http", "--port", "0"]
    with subprocess.Popen(arguments, env=env or settings_for(portal), stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            yield server.stderr.readline().split()[3].removesuffix("/mcp")
        finally:
            server.terminate()
