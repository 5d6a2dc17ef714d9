"""Jira, Cloud and Data Center: client, canonical form, faults."""

from sync.adapters.jira.calls.site import JiraSite
from sync.adapters.jira.tracker.tracker import JiraTracker

__all__ = ["JiraSite", "JiraTracker"]
