"""Everything that can go wrong, as one tree.

    PortalError                 base: message, advice, code, candidates, next_call
    ├── InvalidArguments        the question is wrong; mend the arguments and ask again
    ├── KeyRefused              the key or session is missing, unknown, expired or of the wrong kind
    ├── PermissionRefused       the key is fine, but its scopes or its user's rights do not reach this far
    ├── NotFound                the portal has no such record
    ├── RequestRefused          the portal understood the request and declined it
    ├── PortalUnavailable       the portal did not answer, or asked for patience, also after repeating
    └── UnexpectedAnswer        an answer came that the contract does not know, or that is incomplete

`code` is the portal's own code where the portal refused, else one of ours in the same style.
No message holds a URL, a key or a token, nor of a record more than the names that a caller has to choose among.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any


class PortalError(Exception):
    """What happened (`message`), what to do next (`advice`) and the `code`; `str()` gives the three as one text.

    `candidates` are valid values near to a wrong one; `next_call` is a tool call that helps, as `{tool, arguments}`.
    """

    def __init__(
        self,
        message: str,
        *,
        advice: str,
        code: str,
        candidates: Sequence[str] = (),
        next_call: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{message} {advice} [{code}]")
        self.message = message
        self.advice = advice
        self.code = code
        self.candidates = tuple(candidates)
        self.next_call = next_call


class InvalidArguments(PortalError):
    """The question is wrong: the caller can mend it and ask again."""


class KeyRefused(PortalError):
    """The key or session is missing, unknown, expired or of the wrong kind."""


class PermissionRefused(PortalError):
    """The key's scopes or its user's rights do not reach this far."""


class NotFound(PortalError):
    """The portal has no such record."""


class RequestRefused(PortalError):
    """The portal understood the request and declined it."""


class PortalUnavailable(PortalError):
    """The portal did not answer, or asked for patience, also after repeating."""


class UnexpectedAnswer(PortalError):
    """An answer came that the contract does not know, or that is incomplete."""


def nearest(name: str, known: Sequence[str], count: int = 5) -> list[str]:
    """The known names nearest to a wrong one, best first; none when none is near."""
    lowered: dict[str, str] = {}
    for candidate in known:
        lowered.setdefault(candidate.casefold(), candidate)
    close = get_close_matches(name.casefold(), list(lowered), n=count, cutoff=0.5)
    parts = [key for key in lowered if name.casefold() in key and key not in close] if len(name) > 2 else []
    return [lowered[key] for key in [*close, *parts]][:count]


def suggestion(near: Sequence[str], known: Sequence[str]) -> str:
    """A sentence with the near names, or with the first few known ones where none is near."""
    if near:
        return f"The nearest are {', '.join(near)}."
    return f"There are {', '.join(known[:8])}{' and others' if len(known) > 8 else ''}." if known else ""


def quoted(names: Sequence[str]) -> str:
    """The names as a readable list: `a, b or c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} or {names[-1]}"
