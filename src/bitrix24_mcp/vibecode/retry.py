"""What is worth asking again, how often, and after which wait (docs/errors)."""

import random
from dataclasses import dataclass

from bitrix24_mcp.crm.errors import PortalError, UnexpectedAnswer
from bitrix24_mcp.vibecode.errors import Refusal

ATTEMPTS = 4
LONGEST_WAIT = 30.0
"""Seconds that one request is held back for a Retry-After; when the portal asks for more, the caller is told."""
_ONCE_MORE = frozenset({"INTERNAL_ERROR", "WINDOWED_SEARCH_FAILED"})
"""Codes that are repeated only once."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that brought no answer: the error it means, the attempts it is worth in all, and the wait asked for."""

    error: PortalError
    attempts: int = 1
    wait: float | None = None


def of_refusal(refusal: Refusal) -> Failure:
    """What a refusal is worth: nothing unless the contract calls it passing and the wait is bearable."""
    wait = refusal.retry_after
    if not refusal.transient or (wait is not None and wait > LONGEST_WAIT):
        return Failure(refusal.error())
    return Failure(refusal.error(), attempts=2 if refusal.code in _ONCE_MORE else ATTEMPTS, wait=wait)


def of_unexpected(error: UnexpectedAnswer) -> Failure:
    """An answer that is none, such as a sign-in page, may be a passing fault of what stands between: once more."""
    return Failure(error, attempts=2)


def backoff(attempt: int) -> float:
    """1, 2, 4 seconds, with jitter so that many clients do not return together."""
    return 2 ** (attempt - 1) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter is no secret
