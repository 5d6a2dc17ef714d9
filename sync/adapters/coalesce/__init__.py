"""Coalesce Quality (formerly SYNQ): signatures, webhook bodies, the REST API, callbacks."""

from sync.adapters.coalesce.bodies import CoalesceSource
from sync.adapters.coalesce.signature import sign, signed_headers

__all__ = ["CoalesceSource", "sign", "signed_headers"]
