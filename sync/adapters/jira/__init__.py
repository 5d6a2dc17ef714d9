"""Jira, Cloud and Data Center: client, canonical form, faults."""

from sync.adapters.jira.breaker import BreakerState
from sync.adapters.jira.site import JiraSite
from sync.adapters.jira.tracker import JiraTracker

__all__ = ["BreakerState", "JiraSite", "JiraTracker"]
