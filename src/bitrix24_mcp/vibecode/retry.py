"""What a refusal is worth: how often it is asked again, after which wait, whether nothing was done (docs/errors)."""

from bitrix24_mcp.sending.failures import ATTEMPTS, LONGEST_WAIT, REQUEST_TIMEOUT, Failure
from bitrix24_mcp.vibecode.errors import LASTING, TRANSIENT, Refusal

_ONCE_MORE = frozenset({"INTERNAL_ERROR", "WINDOWED_SEARCH_FAILED"})
"""Codes that are repeated only once."""
_NOT_ADMITTED = frozenset({"RATE_LIMITED", "QUEUE_OVERFLOW", "OPERATION_TIME_LIMIT"})
"""Passing codes of a request that was turned away before anybody worked on it."""


def of_refusal(refusal: Refusal) -> Failure:
    """What a refusal is worth: nothing unless the contract calls it passing and the wait is bearable."""
    wait, sure = refusal.retry_after, surely_not_done(refusal)
    if not refusal.transient or (wait is not None and wait > LONGEST_WAIT):
        return Failure(refusal.error(), sure=sure)
    attempts = 2 if refusal.code in _ONCE_MORE else ATTEMPTS
    return Failure(refusal.error(), attempts=attempts, wait=wait, sure=sure)


def surely_not_done(refusal: Refusal) -> bool:
    """Whether what was refused was surely not carried out; of a call in a batch, which has no status, the code says it.

    A fault of the gateway or behind it says nothing, nor does a code that nobody knows and that may be passing.
    """
    if refusal.status >= 500:
        return refusal.code == "OPERATION_TIME_LIMIT"
    if refusal.code in _NOT_ADMITTED or refusal.code in LASTING:
        return True
    if refusal.code in TRANSIENT or refusal.status == REQUEST_TIMEOUT:
        return False
    return refusal.status >= 400 and not (refusal.code and refusal.transient)
