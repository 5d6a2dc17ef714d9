"""A simulated Coalesce Quality: a stream of changes, signed deliveries, and the REST API."""

from sync.sandbox.coalesce.outbox import DeliveryFaults, Outbox, Outcome, Reply
from sync.sandbox.coalesce.rest import CoalesceRest
from sync.sandbox.coalesce.robots import Robot, Robots
from sync.sandbox.coalesce.samples import SAMPLES, sample, sample_body
from sync.sandbox.coalesce.sender import HttpPost, Sender
from sync.sandbox.coalesce.stream import Mix, Stream
from sync.sandbox.coalesce.webhook_body import FORMATS, Format, encode, render
from sync.sandbox.coalesce.workspace import CoalesceSandbox

__all__ = [
    "FORMATS",
    "SAMPLES",
    "CoalesceRest",
    "CoalesceSandbox",
    "DeliveryFaults",
    "Format",
    "HttpPost",
    "Mix",
    "Outbox",
    "Outcome",
    "Reply",
    "Robot",
    "Robots",
    "Sender",
    "Stream",
    "encode",
    "render",
    "sample",
    "sample_body",
]
