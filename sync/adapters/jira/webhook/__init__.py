"""Webhooks of Jira: proven to come from the site, and read for the ticket that they name."""

from sync.adapters.jira.webhook.notices import NEEDED, JiraNotices
from sync.adapters.jira.webhook.proof import HEADER, WebhookSecrets

__all__ = ["HEADER", "NEEDED", "JiraNotices", "WebhookSecrets"]
