"""Traces for as long as the daemon runs, where the settings ask for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sync import tracing
from sync.settings import Settings

# Seconds that the end of the program waits for a collector.
CLOSE_SECONDS = 0.8


@contextmanager
def traced(settings: Settings) -> Iterator[None]:
    """Within this, what happens to deliveries is sent to the collector of ``[traces]``; without one,
    OpenTelemetry is not loaded."""
    if not settings.traces.url:
        yield
        return
    from sync.adapters.otlp import Export

    export = Export(settings.traces.url)
    tracing.use(tracing.Traces(export.take))
    try:
        yield
    finally:
        tracing.use(None)
        export.close(CLOSE_SECONDS)
