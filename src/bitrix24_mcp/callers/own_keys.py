"""Callers that bring a gateway key of their own, as the gateway itself takes it (docs/keys-auth)."""

import hashlib
from collections.abc import Mapping

from pydantic import SecretStr

from bitrix24_mcp.callers.caller import Caller, Unrecognised, bearer_of
from bitrix24_mcp.settings import Settings

_LONGEST = 500
"""Characters of a key or of a session token."""


class OwnKeys:
    """Recognises a caller by `X-Api-Key` and, beside a `vibe_app_` key, the session in the Bearer slot."""

    challenge = 'ApiKey realm="bitrix24-mcp", header="X-Api-Key"'

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def check(self) -> None:
        """Nothing is needed: the gateway knows the keys."""

    async def recognise(self, headers: Mapping[str, str]) -> Caller:
        """Who sends these headers. Whether the key is valid tells the gateway with the first call."""
        key, session = headers.get("x-api-key", "").strip(), bearer_of(headers)
        if not key:
            raise Unrecognised("Send your own gateway key in the header X-Api-Key.")
        if not (_plain(key) and _plain(session)):
            raise Unrecognised("The header X-Api-Key takes a gateway key: one word of plain characters.")
        if key.startswith("vibe_app_") and not session:
            raise Unrecognised(
                "An app key (vibe_app_…) needs a user's session: send it as Authorization: Bearer beside X-Api-Key."
            )
        theirs = {"api_key": SecretStr(key), "session_token": SecretStr(session)}
        return Caller(_digest(key, session), "", self._settings.model_copy(update=theirs))


def _plain(word: str) -> bool:
    return len(word) <= _LONGEST and word.isascii() and not any(c.isspace() or not c.isprintable() for c in word)


def _digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()
