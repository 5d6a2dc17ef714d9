"""Rules held against a real site: everything they name exists, and our account may do it."""

from sync.adapters.jira.check.findings import Finding, Report
from sync.adapters.jira.check.site import check_site

__all__ = ["Finding", "Report", "check_site"]
