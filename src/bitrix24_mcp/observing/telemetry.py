"""Figures of calls as OpenTelemetry metrics, scraped at `/metrics` or sent to a collector, and traces for the same.

The names `mcp.server.operation.duration`, `mcp.method.name`, `gen_ai.tool.name` and `error.type` are those of the
semantic conventions for MCP (open-telemetry/semantic-conventions-genai); what they know nothing of is `bitrix24.…`.
The spans are the SDK's own: it makes one for each message, and they go wherever a provider of traces is set.
"""

from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from bitrix24_mcp.observing.record import Call

_DURATION = "mcp.server.operation.duration"
_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)
"""The conventions' advice for its buckets, and a few for questions that read thousands of records."""


class Telemetry:
    """Measures calls. `scraped`: for Prometheus at `/metrics`; `sent`: to the collector that OTEL_… variables name."""

    def __init__(self, name: str, version: str, *, scraped: bool, sent: bool) -> None:
        resource = Resource.create({"service.name": name, "service.version": version})
        readers: list[MetricReader] = []
        if scraped:
            readers.append(PrometheusMetricReader())
        if sent:
            readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
        self._meters = MeterProvider(readers, resource, views=[_buckets()])
        self._traces = TracerProvider(resource=resource) if sent else None
        if self._traces is not None:
            self._traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
            trace.set_tracer_provider(self._traces)
        self._meter = meter = self._meters.get_meter(name, version)
        self._duration = meter.create_histogram(_DURATION, "s", "How long calls take")
        self._requests = meter.create_counter("bitrix24.portal.requests", "{request}", "Requests sent to the portal")
        self._waited = meter.create_counter("bitrix24.portal.wait", "s", "Waited for the portal's pace")
        self._lookups = meter.create_counter("bitrix24.metadata.lookups", "{lookup}", "What the portal says of itself")
        self._tokens = meter.create_counter("bitrix24.answer.tokens", "{token}", "Answered, estimated from above")

    def record(self, call: Call) -> None:
        """Counts a call."""
        of: Mapping[str, Any] = {"gen_ai.tool.name": call.tool, "bitrix24.tenant": call.tenant}
        ended = {"error.type": call.error} if call.error else {}
        self._duration.record(call.seconds, {"mcp.method.name": "tools/call", **of, **ended})
        self._requests.add(call.usage.requests, of)
        self._waited.add(call.usage.waited, of)
        self._lookups.add(call.usage.kept, {**of, "bitrix24.kept": True})
        self._lookups.add(call.usage.read, {**of, "bitrix24.kept": False})
        self._tokens.add(call.tokens, of)

    def watch_losses(self, losses: Callable[[], int]) -> None:
        """Counts how often Redis was lost, which `losses` tells."""
        self._meter.create_observable_counter(
            "bitrix24.redis.losses", [lambda _: [Observation(losses())]], "{loss}", "How often Redis was lost"
        )

    def close(self) -> None:
        """Sends what is not sent yet."""
        self._meters.shutdown()
        if self._traces is not None:
            self._traces.shutdown()


def _buckets() -> View:
    return View(instrument_name=_DURATION, aggregation=ExplicitBucketHistogramAggregation(_SECONDS))
