"""Coalesce Quality (formerly SYNQ): signatures, webhook bodies, the REST API, callbacks."""

from sync.adapters.coalesce.api.access import REGIONS, ApiAccess
from sync.adapters.coalesce.api.client import CoalesceApi
from sync.adapters.coalesce.upstream.addresses import Addresses
from sync.adapters.coalesce.upstream.by_api import ApiUpstream
from sync.adapters.coalesce.upstream.by_callbacks import CallbackUpstream
from sync.adapters.coalesce.upstream.caller import CallbackCaller
from sync.adapters.coalesce.webhook.callbacks import without_addresses
from sync.adapters.coalesce.webhook.signature import sign, signed_headers
from sync.adapters.coalesce.webhook.source import CoalesceSource

__all__ = [
    "REGIONS",
    "Addresses",
    "ApiAccess",
    "ApiUpstream",
    "CallbackCaller",
    "CallbackUpstream",
    "CoalesceApi",
    "CoalesceSource",
    "sign",
    "signed_headers",
    "without_addresses",
]
