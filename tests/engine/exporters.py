"""OpenTelemetry's in-memory exporters, set up once a process as an application would."""

from functools import cache
from typing import NamedTuple

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class Exported(NamedTuple):
    """Where spans and metrics of this process end up."""

    spans: InMemorySpanExporter
    reader: InMemoryMetricReader

    def take_spans(self) -> tuple[ReadableSpan, ...]:
        """Return the spans since the last time."""
        found = self.spans.get_finished_spans()
        self.spans.clear()
        return found

    def points(self) -> dict[str, list[tuple[dict[str, object], float]]]:
        """Return each metric's points: attributes, and the value or the number of recordings."""
        data = self.reader.get_metrics_data()
        found: dict[str, list[tuple[dict[str, object], float]]] = {}
        if data is None:
            return found
        for resource in data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found[metric.name] = [
                        (dict(point.attributes or {}), getattr(point, "value", None) or getattr(point, "count", 0))
                        for point in metric.data.data_points
                    ]
        return found


@cache
def exported() -> Exported:
    """Set up the process's providers."""
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([reader]))
    return Exported(spans, reader)
