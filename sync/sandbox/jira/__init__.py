"""A simulated Jira, Cloud or Data Center, that the real client cannot tell from the real one."""

from sync.sandbox.jira.faults import Effect, Fault
from sync.sandbox.jira.outbox import Outbox, Sender, WebhookFaults
from sync.sandbox.jira.person import Refusal
from sync.sandbox.jira.robots import Robot
from sync.sandbox.jira.server import JiraSandbox
from sync.sandbox.jira.site.call import Exchange, Response
from sync.sandbox.jira.site.events import Event, Webhook
from sync.sandbox.jira.site.model import Dialect
from sync.sandbox.jira.site.rate_limits import Limits
from sync.sandbox.jira.site.ticket import Ticket, TicketComment
from sync.sandbox.jira.transport import SandboxTransport

__all__ = [
    "Dialect",
    "Effect",
    "Event",
    "Exchange",
    "Fault",
    "JiraSandbox",
    "Limits",
    "Outbox",
    "Refusal",
    "Response",
    "Robot",
    "SandboxTransport",
    "Sender",
    "Ticket",
    "TicketComment",
    "Webhook",
    "WebhookFaults",
]
