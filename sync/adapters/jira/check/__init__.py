"""Rules compared with a real site: what they name exists there, and our account may do it."""

from sync.adapters.jira.check.findings import Finding, Report
from sync.adapters.jira.check.site import check_names, check_site
from sync.adapters.jira.check.webhooks import WebhookWish

__all__ = ["Finding", "Report", "WebhookWish", "check_names", "check_site"]
