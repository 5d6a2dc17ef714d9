"""Coalesce Quality: signature, bodies, API, callbacks."""
