"""A balancer in front of the replicas, as a transport of each client: requests go to one replica after the other."""

import itertools
import json
import time
from collections.abc import Sequence

import httpx2

LOST = -32099
"""The code of a request whose answer was lost on the way: nobody knows whether it was worked on."""
Answered = tuple[float, int]
"""When a replica answered, and on which port."""


class Balanced(httpx2.AsyncBaseTransport):
    """Each request goes to the next replica; where that takes no connection, to the one after it.

    A connection that breaks after that is answered for the replica, as balancers do, and never tried elsewhere.
    `answered` gets an entry for each answer of a replica.
    """

    def __init__(self, ports: Sequence[int], first: int, answered: list[Answered]) -> None:
        self._turns = itertools.cycle([*ports[first % len(ports) :], *ports[: first % len(ports)]])
        self._most = len(ports)
        self._answered = answered
        self._http = httpx2.AsyncHTTPTransport(verify=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        for _ in range(self._most):
            port = next(self._turns)
            request.url = request.url.copy_with(port=port)
            request.headers["Host"] = f"127.0.0.1:{port}"
            try:
                response = await self._http.handle_async_request(request)
            except httpx2.ConnectError:
                continue
            except httpx2.TransportError:
                return _lost()
            if response.status_code < 500:
                self._answered.append((time.monotonic(), port))
            return response
        return _lost()

    async def aclose(self) -> None:
        await self._http.aclose()


def _lost() -> httpx2.Response:
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": LOST, "message": "The connection was lost."}}
    return httpx2.Response(502, headers={"Content-Type": "application/json"}, content=json.dumps(body).encode())
