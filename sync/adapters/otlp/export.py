"""Spans in batches to one collector, from a thread of its own.

No tracer of OpenTelemetry is used: the ids of spans come from the ids of deliveries, and a span is
made once it is done, which costs those who report a fifth as much.
"""

from __future__ import annotations

import logging
import os
import platform
import threading
from collections.abc import Sequence

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from sync import __version__
from sync.tracing import Span

log = structlog.get_logger("traces")

# Seconds until one request to the collector is given up, and until what is waiting is sent.
_TIMEOUT = 5.0
_EVERY = 2.0
# Spans that wait at most: of more, the oldest are lost.
_MOST = 2048

_KINDS = {"server": SpanKind.SERVER, "internal": SpanKind.INTERNAL, "client": SpanKind.CLIENT}
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_SCOPE = InstrumentationScope("ticket-sync", __version__)
_UNSET, _ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)


class Export:
    """Sends spans to the collector at an address such as ``http://127.0.0.1:4318``.

    A collector that does not answer costs nobody anything: spans wait in memory, the oldest are lost.
    """

    def __init__(self, url: str) -> None:
        _silence()
        self._exporter = OTLPSpanExporter(f"{url}/v1/traces", timeout=_TIMEOUT)
        self._heard = _Heard(self._exporter)
        self._batches = BatchSpanProcessor(
            self._heard, max_queue_size=_MOST, schedule_delay_millis=_EVERY * 1000
        )
        self._resource = Resource.create(
            {
                "service.name": "ticket-sync",
                "service.version": __version__,
                "service.instance.id": f"{platform.node()}:{os.getpid()}",
            }
        )

    def take(self, span: Span) -> None:
        """Have a span sent with the next batch."""
        self._batches.on_end(
            ReadableSpan(
                span.name,
                context=_context(span.trace, span.id),
                parent=_context(span.trace, span.parent) if span.parent else None,
                resource=self._resource,
                attributes={f"ticket_sync.{name}": fact for name, fact in span.facts.items()},
                kind=_KINDS[span.kind],
                status=_ERROR if span.failed else _UNSET,
                start_time=span.began,
                end_time=span.ended,
                instrumentation_scope=_SCOPE,
            )
        )

    def close(self, seconds: float) -> None:
        """Send what waits, for at most so many seconds."""
        ending = threading.Thread(target=self._batches.shutdown, name="traces-end", daemon=True)
        ending.start()
        ending.join(seconds)
        self._heard.over = True
        if ending.is_alive():
            log.warning("the last traces are lost: the collector did not take them in time")
        # Ends the pause before another try at a collector that does not answer.
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class _Heard(SpanExporter):
    """An exporter that says once that the collector does not take the spans, and once that it does
    again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._fails = False
        # Whether nothing is to be said any more.
        self.over = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        fails = result is not SpanExportResult.SUCCESS
        if self.over:
            return result
        if fails and not self._fails:
            log.warning("the collector does not take traces; they are lost until it does")
        elif self._fails and not fails:
            log.info("the collector takes traces again")
        self._fails = fails
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _context(trace: int, span: int) -> SpanContext:
    return SpanContext(trace, span, is_remote=False, trace_flags=_SAMPLED)


def _silence() -> None:
    """Keep what OpenTelemetry logs of each lost batch, with the address, from every handler."""
    own = logging.getLogger("opentelemetry")
    own.propagate = False
    if not own.handlers:
        own.addHandler(logging.NullHandler())
