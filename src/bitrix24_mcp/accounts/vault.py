"""Tokens under lock: sealed with a key from a file that only its owner can read.

A key file, not the operating system's keyring: a server that a desktop program or a scheduler starts has nobody to
unlock a keyring for it, and containers and most Linux servers have none. The file is one way that works everywhere and
is refused as soon as others could read it. What it protects is the database where that travels alone (a backup, a
support request); who can read both files as their owner can read the tokens.
"""

import json
import os
import stat
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bitrix24_mcp.accounts import failures
from bitrix24_mcp.accounts.account import Tokens

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

KEY_FILE = "accounts.key"
_PUT_BACK = (
    "Put the right key file back, or remove it to begin with a new one; then the portals must be connected again."
)


class Vault:
    """Seals and opens with the key in a folder; raises PortalError when the key file cannot be trusted."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / KEY_FILE

    def __repr__(self) -> str:
        return "Vault()"

    @property
    def has_key(self) -> bool:
        """Whether there is a key file."""
        try:
            return self._path.exists()
        except OSError as error:  # the folder may not be entered
            raise failures.store_unusable(
                f"{self._path} cannot be reached: {error.strerror}.", "Check the rights on its folder."
            ) from None

    def make_key(self) -> None:
        """Makes the key file; the caller sees to it that only one process does."""
        from cryptography.fernet import Fernet  # noqa: PLC0415 - only who uses accounts waits for it

        _write(self._path, Fernet.generate_key())

    def check(self) -> None:
        """Raises PortalError when the key file cannot be trusted or holds no key."""
        _ = self._fernet

    def seal(self, tokens: Tokens) -> bytes:
        """The tokens as nobody without the key can read them."""
        return self._fernet.encrypt(json.dumps([tokens.access, tokens.refresh]).encode())

    def open(self, sealed: bytes) -> Tokens | None:
        """The tokens; None when they were sealed with another key, or were tampered with."""
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - see above

        try:
            opened: Any = json.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            return None
        access, refresh = cast("list[str]", opened)
        return Tokens(access, refresh)

    @property
    def signing_key(self) -> bytes:
        """A second key, for signatures: it tells nothing of the first."""
        import hmac  # noqa: PLC0415 - see above

        return hmac.digest(self._key, b"state", "sha256")

    @cached_property
    def _fernet(self) -> "Fernet":
        from cryptography.fernet import Fernet  # noqa: PLC0415 - see above

        try:
            return Fernet(self._key)
        except ValueError:  # of another length, or no base64
            raise failures.store_unusable(f"{self._path} holds no key.", _PUT_BACK) from None

    @cached_property
    def _key(self) -> bytes:
        try:
            if os.name == "posix" and stat.S_IMODE(self._path.stat().st_mode) & 0o077:
                raise failures.WORDS.insecure(self._path, "600")
            return self._path.read_bytes().strip()
        except OSError as error:
            raise failures.store_unusable(
                f"{self._path} cannot be read: {error.strerror}.",
                "The key file must belong to the user who runs this program, with mode 600.",
            ) from None


def _write(path: Path, key: bytes) -> None:
    """Puts the key in place whole or not at all: never a file that a crash left half written."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise failures.store_unusable(
            f"{path} cannot be written: {error.strerror}.",
            "Make room, or choose another folder with BITRIX24_MCP_DATA_DIR.",
        ) from None
