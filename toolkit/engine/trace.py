"""Tracing: OpenTelemetry spans and metrics, off unless asked for."""

from __future__ import annotations

import asyncio
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.engine import _semconv as names
from toolkit.engine.run import Run, current_run
from toolkit.errors import CallError
from toolkit.events import Event, EventStream
from toolkit.models import Call, Identity, Reply, Responder
from toolkit.redact import Scrubber

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider, Observation
    from opentelemetry.trace import Span, Status, TracerProvider

__all__ = ["Gauges", "Traced", "Tracing", "TracingAbsent", "open_tracing"]

_SCOPE = "dramatis-toolkit"


class TracingAbsent(UserWarning):
    """Tracing was asked for, and OpenTelemetry is not installed; work goes on without."""


class Gauges(Protocol):
    """Anything with numbers to watch, under the names they are exported by."""

    def metrics(self) -> Mapping[str, float]:
        """Return the numbers as they are now; called when an exporter asks, from its thread."""
        ...


class Tracing:
    """Spans for runs and calls, and metrics, to whatever OpenTelemetry exporters the process has set up.

    Without any set up, OpenTelemetry drops everything; nothing is ever sent by us. Make one for a meter provider, as
    ``open_tracing`` does for the process's own: of two gauges with one name OpenTelemetry would keep one.

    Args:
        tracer_provider: Where spans go; the process's own when not given.
        meter_provider: Where metrics go; the process's own when not given.

    Raises:
        ImportError: OpenTelemetry is not installed.

    Example:
        >>> class Busy:
        ...     def metrics(self):
        ...         return {"toolkit_engine_inflight": 3}
        >>> stop = open_tracing().watch(Busy(), model_name="scripted:default")
        >>> stop()
    """

    def __init__(
        self, *, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        from opentelemetry import metrics, trace

        self._tracer = trace.get_tracer(_SCOPE, tracer_provider=tracer_provider)
        self._meter = metrics.get_meter(_SCOPE, meter_provider=meter_provider)
        self._watched: tuple[tuple[Gauges, Mapping[str, str]], ...] = ()
        self._instruments: dict[str, Any] = {name: self._instrument(name) for name in names.METRICS}

    # --- spans ---

    @contextmanager
    def run(self, run: Run) -> Iterator[None]:
        """Put a span around a run; its calls become children."""
        told = {names.OPERATION: names.INVOKE_WORKFLOW, names.WORKFLOW: run.verb, names.RUN: run.id}
        with self._tracer.start_as_current_span(
            f"{names.INVOKE_WORKFLOW} {run.verb}",
            attributes=told,
            record_exception=False,
            set_status_on_exception=False,
        ):
            yield

    def layer(self, inner: Responder, identity: Identity, scrubber: Scrubber) -> Traced:
        """Return the layer that puts a span around each live call."""
        return Traced(inner, identity, scrubber, self._tracer)

    # --- metrics ---

    def listen(self, events: EventStream) -> Callable[[], None]:
        """Record a stream's calls and mappings as metrics; returns a function that ends it."""
        ends = (
            events.subscribe(self._record, "call.finished"),
            events.subscribe(self._count_mapping, "evolutions.mapping"),
        )

        def stop() -> None:
            for end in ends:
                end()

        return stop

    def watch(self, gauges: Gauges, **attributes: str) -> Callable[[], None]:
        """Export numbers whenever an exporter asks for them.

        Args:
            gauges: What has them.
            attributes: Which lab or model they belong to.

        Returns:
            A function that ends it; calling it twice is harmless.
        """
        entry = (gauges, attributes)
        self._watched = (*self._watched, entry)

        def stop() -> None:
            self._watched = tuple(one for one in self._watched if one is not entry)

        return stop

    def _record(self, event: Event) -> None:
        row = event.data["row"]
        where = {names.STAGE: row.stage, names.MODEL_NAME: row.model}
        if row.status == "cached":
            self._instruments[names.CACHE_HITS].add(1, where)
            return
        self._instruments[names.CACHE_MISSES].add(1, where)
        told = {**where, names.ERROR_TYPE: row.kind or row.status} if row.status != "ok" else where
        self._instruments[names.CALL_SECONDS].record(row.seconds, told)
        self._spent(row, where)
        if row.status != "ok":
            return
        provider, _, model = row.model.partition(":")
        general = {names.OPERATION: names.CHAT, names.PROVIDER: provider, names.REQUEST_MODEL: model}
        self._instruments[names.TOKEN_USAGE].record(row.input, {**general, names.TOKEN_TYPE: "input"})
        self._instruments[names.TOKEN_USAGE].record(row.output, {**general, names.TOKEN_TYPE: "output"})
        if row.latency is not None:
            self._instruments[names.OPERATION_DURATION].record(row.latency, general)

    def _count_mapping(self, event: Event) -> None:
        self._instruments[names.MAPPED_FEATURES].add(event.data["metrics"][names.MAPPED_FEATURES])
        for name, counts in event.data["sets"].items():
            for what, count in counts.items():
                self._instruments[names.MAPPED.format(what)].add(count, {names.MAPPING_SET: name})

    def _spent(self, row: Any, where: Mapping[str, str]) -> None:
        cost = getattr(row, "cost", None)
        if cost is not None and math.isfinite(cost):
            self._instruments[names.COST].add(cost, where)
        elif row.status == "ok":
            self._instruments[names.COST_UNKNOWN].add(1, where)

    def _instrument(self, name: str) -> Any:
        metric = names.METRICS[name]
        if metric.form == "histogram":
            return self._meter.create_histogram(
                name, metric.unit, metric.told, explicit_bucket_boundaries_advisory=metric.buckets
            )
        if metric.form == "counter":
            return self._meter.create_counter(name, metric.unit, metric.told)
        create = self._meter.create_observable_gauge
        if metric.form == "total":
            create = self._meter.create_observable_counter  # type: ignore[assignment]  # same signature
        return create(name, [lambda _: self._observe(name)], metric.unit, metric.told)

    def _observe(self, name: str) -> Iterator[Observation]:
        from opentelemetry.metrics import Observation

        for gauges, attributes in self._watched:
            value = gauges.metrics().get(name)
            if value is not None and math.isfinite(value):  # no limit is no number
                yield Observation(value, dict(attributes))


class Traced:
    """The layer that puts a span around each call that memory does not answer; it stands right under the cache."""

    def __init__(self, inner: Responder, identity: Identity, scrubber: Scrubber, tracer: Any) -> None:
        from opentelemetry.trace import SpanKind, Status, StatusCode

        self._inner = inner
        self._identity = identity
        self._scrubber = scrubber
        self._tracer = tracer
        self._client = SpanKind.CLIENT
        self._failed: Callable[[str], Status] = partial(Status, StatusCode.ERROR)

    async def complete(self, call: Call) -> Reply:
        """Answer within a span ``chat <model>``."""
        with self._tracer.start_as_current_span(
            f"{names.CHAT} {self._identity.model}",
            kind=self._client,
            attributes=self._asked(call),
            record_exception=False,  # a traceback may quote the prompt
            set_status_on_exception=False,
        ) as span:
            try:
                reply = await self._inner.complete(call)
            except CallError as error:
                self._set_failure(span, error)
                raise
            except asyncio.CancelledError:
                span.set_attribute(names.ERROR_TYPE, "cancelled")
                raise
            if span.is_recording():
                span.set_attributes(_answered(reply))
            return reply

    def _asked(self, call: Call) -> dict[str, Any]:
        run = current_run.get()
        sampling = call.sampling
        told = {
            names.OPERATION: names.CHAT,
            names.PROVIDER: self._identity.provider,
            names.REQUEST_MODEL: self._identity.model,
            names.OUTPUT_TYPE: "json" if call.schema is not None else "text",
            names.REQUEST_SEED: call.seed,
            names.REQUEST_TEMPERATURE: sampling.temperature,
            names.REQUEST_TOP_P: sampling.top_p,
            names.REQUEST_MAX_TOKENS: sampling.max_tokens,
            names.STAGE: call.stage,
            names.MODEL_NAME: str(self._identity),
            names.SERVICE_ID: self._scrubber(call.item),
            names.REQUEST_ID: "",
            names.RUN: run.id if run is not None else None,
        }
        return {name: value for name, value in told.items() if value is not None}

    def _set_failure(self, span: Span, error: CallError) -> None:
        span.set_status(self._failed(self._scrubber(str(error))))
        span.set_attribute(names.ERROR_TYPE, error.kind)
        span.set_attribute(names.TRIES, error.tries)
        span.set_attribute(names.REQUEST_ID, error.request_id or "")
        if isinstance(error.reply, Reply):
            span.set_attributes({**_answered(error.reply), names.TRIES: error.tries})


def _answered(reply: Reply) -> dict[str, Any]:
    usage = reply.usage
    return {
        names.MODEL_NAME: reply.model,
        names.RESPONSE_MODEL: reply.model.partition(":")[2] or reply.model,
        names.FINISH_REASONS: (reply.finish,),
        names.INPUT_TOKENS: usage.input,
        names.CACHED_TOKENS: usage.cached,
        names.CACHE_WRITE_TOKENS: usage.cache_write,
        names.OUTPUT_TOKENS: usage.output,
        names.REASONING_TOKENS: usage.reasoning,
        names.REQUEST_ID: reply.request_id or "",
        names.TRIES: reply.tries,
    }


def open_tracing() -> Tracing | None:
    """Return the process's tracing, or nothing and a warning where OpenTelemetry is not installed.

    Example:
        >>> open_tracing() is open_tracing()
        True
    """
    try:
        return _shared()
    except ImportError:
        warnings.warn(
            "tracing is on, but OpenTelemetry is not installed, so nothing is traced; install dramatis-toolkit[trace]",
            TracingAbsent,
            stacklevel=2,
        )
        return None


@cache
def _shared() -> Tracing:
    """Make it once: two observable instruments of one name in one process would be exported twice."""
    return Tracing()
