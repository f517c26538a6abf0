"""What watches the server asks: whether it lives, whether it takes calls, and its figures."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

_PROXIED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "via")


def health_routes(
    missing: Callable[[], Awaitable[Sequence[str]]], doing_without: Callable[[], Awaitable[Sequence[str]]]
) -> Sequence[BaseRoute]:
    """`/healthz`: 200 while the program runs; `/readyz`: 503 while something is missing that calls need.

    What calls can do without, if not as well, is named with a 200: to send them elsewhere would help nobody.
    """

    async def alive(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def takes_calls(_: Request) -> Response:
        if names := await missing():
            return PlainTextResponse(f"not ready: {', '.join(names)}\n", 503)
        without = await doing_without()
        return PlainTextResponse(f"ok, degraded: {', '.join(without)}\n" if without else "ok\n")

    return [Route("/healthz", alive), Route("/readyz", takes_calls)]


def metrics_route() -> BaseRoute:
    """`/metrics` in Prometheus' text format; what comes through a proxy, from anybody, is refused."""
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest  # noqa: PLC0415 - of an optional extra

    async def metrics(request: Request) -> Response:
        if any(name in request.headers for name in _PROXIED):
            return PlainTextResponse("Ask the server itself, not through a proxy.\n", 403)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", metrics)
