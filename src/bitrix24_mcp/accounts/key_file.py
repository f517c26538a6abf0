"""The key that seals tokens, in a file that only its owner can read.

A key file, not the operating system's keyring: a server that a desktop program or a scheduler starts has nobody to
unlock a keyring for it, and containers and most Linux servers have none. The file is one way that works everywhere and
is refused as soon as others could read it. What it protects is the database where that travels alone (a backup, a
support request); who can read both files as their owner can read the tokens.
"""

import os
import stat
from pathlib import Path

from bitrix24_mcp.accounts import failures
from bitrix24_mcp.accounts.vault import is_key
from bitrix24_mcp.storage.sqlite import SqliteDatabase

KEY_FILE = "accounts.key"
_PUT_BACK = (
    "Put the right key file back, or remove it to begin with a new one; then the portals must be connected again."
)


def key_in(folder: Path, database: SqliteDatabase) -> bytes:
    """The key in a folder, which is made where it is missing; the database sees to it that only one process does.

    Raises PortalError when the key file cannot be trusted or holds no key.
    """
    path = folder / KEY_FILE
    if not _is_there(path):
        with database.alone():
            if not _is_there(path):  # no other process was quicker
                _make(path)
    key = _read(path)
    if not is_key(key):
        raise failures.store_unusable(f"{path} holds no key.", _PUT_BACK)
    return key


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # the folder may not be entered
        raise failures.store_unusable(
            f"{path} cannot be reached: {error.strerror}.", "Check the rights on its folder."
        ) from None


def _read(path: Path) -> bytes:
    try:
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise failures.WORDS.insecure(path, "600")
        return path.read_bytes().strip()
    except OSError as error:
        raise failures.store_unusable(
            f"{path} cannot be read: {error.strerror}.",
            "The key file must belong to the user who runs this program, with mode 600.",
        ) from None


def _make(path: Path) -> None:
    """Puts a key in place whole or not at all: never a file that a crash left half written."""
    from cryptography.fernet import Fernet  # noqa: PLC0415 - only the first start makes a key

    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise failures.store_unusable(
            f"{path} cannot be written: {error.strerror}.",
            "Make room, or choose another folder with BITRIX24_MCP_DATA_DIR.",
        ) from None
