"""ticket-sync: keeps Jira tickets in step with the issues and incidents of Coalesce Quality."""

__version__ = "0.1.0"
