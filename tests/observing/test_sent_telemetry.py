"""Traces and figures reach a collector, the last of them when the server ends, and hold nothing that was asked."""

import gzip

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bitrix24_mcp.demo import DemoPortal
from callers.shared_server import as_key, calling
from observing.collector import collecting
from observing.test_watched_server import running

pytestmark = pytest.mark.anyio


def plain(body: bytes) -> bytes:
    return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body


async def test_a_call_is_a_span_and_counts_in_the_figures(own_portal: DemoPortal) -> None:
    with collecting() as collector:
        env = {
            "BITRIX24_MCP_AUTH": "key",
            "BITRIX24_MCP_TELEMETRY": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "NO_PROXY": "127.0.0.1",
        }
        with running(own_portal, **env) as watched:
            async with calling(watched.url, as_key("vibe_api_demo")) as client:
                await client.ask("search_items", entity="deals", filter={"title": "a secret question"})

    spans = [
        span
        for body in collector.bodies["/v1/traces"]
        for resource in ExportTraceServiceRequest.FromString(plain(body)).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    metrics = {
        metric.name
        for body in collector.bodies["/v1/metrics"]
        for resource in ExportMetricsServiceRequest.FromString(plain(body)).resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    [called] = [span for span in spans if span.name == "tools/call search_items"]
    told = {each.key: each.value.string_value for each in called.attributes}
    assert (told["mcp.method.name"], told["gen_ai.tool.name"]) == ("tools/call", "search_items")
    assert {"mcp.server.operation.duration", "bitrix24.portal.requests", "bitrix24.portal.wait"} <= metrics
    everything = b"".join(plain(body) for bodies in collector.bodies.values() for body in bodies)
    assert b"secret question" not in everything
    assert b"vibe_api" not in everything
