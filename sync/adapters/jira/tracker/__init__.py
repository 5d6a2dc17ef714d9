"""The tracker: what the worker asks of a Jira site."""
