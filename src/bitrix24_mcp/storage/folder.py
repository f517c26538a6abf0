"""The folder in which files of ours are kept."""

import os
import stat
from pathlib import Path

from bitrix24_mcp.storage.words import Words


def prepare(folder: Path, words: Words) -> None:
    """Makes the folder, for its owner alone; one that others may write to is refused. Raises PortalError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        others_may_write = os.name == "posix" and stat.S_IMODE(folder.stat().st_mode) & 0o022
    except OSError as error:
        raise words.folder_refused(folder, error) from None
    if others_may_write:
        raise words.insecure(folder, "700")
