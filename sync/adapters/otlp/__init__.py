"""Spans sent to a collector by OTLP over HTTP. Needs the extra ``otel``; imported only with it."""

from sync.adapters.otlp.export import Export

__all__ = ["Export"]
