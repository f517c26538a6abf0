"""How often the portal was asked, as its own log of requests tells."""

from collections.abc import Iterable, Sequence

from bitrix24_mcp.demo.recording import RecordedRequest

PER_SECOND = 10
PER_MINUTE = 300
"""What a portal takes in any second of all its keys, and of one key in any 60 (docs/keys-auth, docs/optimization)."""


def most_within(moments: Iterable[float], seconds: float) -> int:
    """The most of these moments that lie in any stretch of so many seconds, its end excluded."""
    ordered = sorted(moments)
    most = start = 0
    for end, moment in enumerate(ordered):
        while ordered[start] <= moment - seconds:
            start += 1
        most = max(most, end + 1 - start)
    return most


def most_in_a_second(requests: Sequence[RecordedRequest]) -> int:
    """Requests of all keys in any second."""
    return most_within((each.at for each in requests), 1.0)


def most_in_a_minute(requests: Sequence[RecordedRequest]) -> int:
    """Requests in any 60 seconds of the key that asked most often then."""
    by_key: dict[str, list[float]] = {}
    for each in requests:
        by_key.setdefault(each.key, []).append(each.at)
    return max((most_within(moments, 60.0) for moments in by_key.values()), default=0)
