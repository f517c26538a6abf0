"""A portal's own words, as far as they may be repeated."""

import re
from collections.abc import Iterable
from typing import Any, cast

from bitrix24_mcp.crm.text import cut, plain

_SECRETS = re.compile(
    r"vibe_[a-z]+_[\w-]+|bearer\s+\S+|https?://\S+|[\w.-]+/rest/\S+|[\w.+-]+@[\w-]+\.[\w.]+"
    r"|\b(?:auth|access_token|refresh_token|client_secret)\b[\"']?\s*[=:]\s*\S+",
    re.IGNORECASE,
)
_TOLD = 300
_SHORTEST = 8
"""Characters of a word that is surely a secret wherever it stands; webhook codes and tokens are longer."""


class Secrets:
    """Words that nobody may repeat; it shows none of them itself."""

    def __init__(self, *words: str) -> None:
        self._words = {word for word in words if word}

    def learn(self, words: Iterable[str]) -> None:
        """Adds to them, such as a token that has just been renewed."""
        self._words.update(word for word in words if word)

    def hide(self, text: str) -> str:
        """The text with a mark in the place of each, however it is written."""
        for word in self._words:
            text = re.sub(re.escape(word), "…", text, flags=re.IGNORECASE)
        return text

    def hidden_in(self, body: bytes, told: Any) -> Any:
        """What a portal's answer told, without the secrets that it repeats, as in addresses to download files from."""
        if not any(len(word) >= _SHORTEST and word.encode() in body for word in self._words):
            return told
        return self._hidden(told)

    def _hidden(self, told: Any) -> Any:
        match told:
            case str():
                return self.hide(told)
            case list():
                return [self._hidden(each) for each in cast("list[Any]", told)]
            case dict():
                return {self.hide(name): self._hidden(each) for name, each in cast("dict[str, Any]", told).items()}
            case _:
                return told


def harmless(message: str, secrets: Secrets | None = None) -> str:
    """The words without links, keys, tokens, addresses and these secrets, on one line and cut."""
    one_line, before = message, ""
    while one_line != before:  # what is written out twice must not hide a key either; each round shortens it
        one_line, before = plain(one_line, len(message)).replace("\n", " "), one_line
    without = _SECRETS.sub("…", one_line)
    return cut(secrets.hide(without) if secrets else without, _TOLD)
