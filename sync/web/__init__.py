"""Litestar: receivers, dashboard, health, metrics."""
