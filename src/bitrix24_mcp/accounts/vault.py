"""Tokens under lock: sealed with a key, so that nobody can read them who has only the database."""

import json
from base64 import urlsafe_b64decode
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from bitrix24_mcp.accounts.account import Tokens

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


class Vault:
    """Seals and opens with a key: 32 bytes in URL-safe base64, as `is_key` knows them."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "Vault()"

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
        from cryptography.fernet import Fernet  # noqa: PLC0415 - only who uses accounts waits for it

        return Fernet(self._key)


def is_key(text: bytes) -> bool:
    """Whether a vault can be made with it."""
    try:
        return len(urlsafe_b64decode(text)) == 32
    except ValueError:
        return False
