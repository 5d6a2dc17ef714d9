"""Coalesce Quality (formerly SYNQ): signatures, webhook bodies, the REST API, callbacks."""

from sync.adapters.coalesce.access import REGIONS, ApiAccess
from sync.adapters.coalesce.api import CoalesceApi
from sync.adapters.coalesce.bodies import CoalesceSource
from sync.adapters.coalesce.callbacks import CallbackCaller
from sync.adapters.coalesce.signature import sign, signed_headers

__all__ = [
    "REGIONS",
    "ApiAccess",
    "CallbackCaller",
    "CoalesceApi",
    "CoalesceSource",
    "sign",
    "signed_headers",
]
