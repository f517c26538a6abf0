"""What the portal was asked, in order."""

from __future__ import annotations

from dataclasses import dataclass, replace

_MOST = 20_000


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request; its status is 0 while it is unanswered, and stays so when the connection was dropped."""

    method: str
    path: str
    query: list[tuple[str, str]]
    body: object
    status: int
    key: str
    at: float


class Recorder:
    """Keeps the latest requests in a list that callers may read and clear."""

    def __init__(self) -> None:
        self.requests: list[RecordedRequest] = []

    def begin(self, request: RecordedRequest) -> RecordedRequest:
        """Note a request that has arrived."""
        if len(self.requests) >= _MOST:
            del self.requests[: _MOST // 2]
        self.requests.append(request)
        return request

    def finish(self, request: RecordedRequest, status: int) -> None:
        """Fill in how it was answered, unless the list was cleared meanwhile."""
        requests = self.requests
        for place in range(len(requests) - 1, -1, -1):
            if requests[place] is request:
                requests[place] = replace(request, status=status)
                return
