"""Where this program keeps files of its own on this machine."""

import sys
from pathlib import Path

from bitrix24_mcp.accounts import failures

_NAME = "bitrix24-mcp"


def data_folder(chosen: str, data_home: str) -> Path:
    """The folder an operator chose, else the place where the operating system keeps a user's data.

    `data_home` is XDG_DATA_HOME; only Linux and its relatives have it. Raises PortalError for a user without a home.
    """
    try:
        return _folder(chosen, data_home)
    except RuntimeError:
        raise failures.store_unusable(
            "This user has no home folder in which anything could be kept.",
            "Name a folder with its whole path in BITRIX24_MCP_DATA_DIR.",
        ) from None


def _folder(chosen: str, data_home: str) -> Path:
    if chosen:
        return Path(chosen).expanduser().absolute()
    if sys.platform == "win32":
        return Path.home() / "AppData" / "Local" / _NAME
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / _NAME
    home = Path(data_home)  # a relative one is to be ignored, by the convention that names the variable
    return (home if home.is_absolute() else Path.home() / ".local" / "share") / _NAME
