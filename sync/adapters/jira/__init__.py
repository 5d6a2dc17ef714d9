"""Jira, Cloud and Data Center: client, canonical form, faults."""
