"""Coalesce Quality (formerly SYNQ): signatures, webhook bodies, the REST API, callbacks."""

from sync.adapters.coalesce.api.access import REGIONS, ApiAccess
from sync.adapters.coalesce.api.callback_caller import CallbackCaller
from sync.adapters.coalesce.api.client import CoalesceApi
from sync.adapters.coalesce.webhook.signature import sign, signed_headers
from sync.adapters.coalesce.webhook.source import CoalesceSource

__all__ = [
    "REGIONS",
    "ApiAccess",
    "CallbackCaller",
    "CoalesceApi",
    "CoalesceSource",
    "sign",
    "signed_headers",
]
