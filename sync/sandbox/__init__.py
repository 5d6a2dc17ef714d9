"""A simulated Jira and a simulated Coalesce Quality, for demo, preview and tests."""
