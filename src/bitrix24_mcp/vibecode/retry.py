"""What a refusal is worth: how often it is asked again, and after which wait (docs/errors)."""

from bitrix24_mcp.sending.failures import ATTEMPTS, LONGEST_WAIT, Failure
from bitrix24_mcp.vibecode.errors import Refusal

_ONCE_MORE = frozenset({"INTERNAL_ERROR", "WINDOWED_SEARCH_FAILED"})
"""Codes that are repeated only once."""


def of_refusal(refusal: Refusal) -> Failure:
    """What a refusal is worth: nothing unless the contract calls it passing and the wait is bearable."""
    wait = refusal.retry_after
    if not refusal.transient or (wait is not None and wait > LONGEST_WAIT):
        return Failure(refusal.error())
    return Failure(refusal.error(), attempts=2 if refusal.code in _ONCE_MORE else ATTEMPTS, wait=wait)
