"""Notifications sent to people: a webhook in the shape of Slack, a signed webhook, email, apprise."""

from sync.adapters.notify.by_apprise import AppriseChannel
from sync.adapters.notify.by_email import EmailAccess, EmailChannel
from sync.adapters.notify.channel import Channel, Letter, NotSent, Sent, Thing
from sync.adapters.notify.http import HttpAccess
from sync.adapters.notify.signed import SignedChannel
from sync.adapters.notify.slack import SlackChannel

__all__ = [
    "AppriseChannel",
    "Channel",
    "EmailAccess",
    "EmailChannel",
    "HttpAccess",
    "Letter",
    "NotSent",
    "Sent",
    "SignedChannel",
    "SlackChannel",
    "Thing",
]
