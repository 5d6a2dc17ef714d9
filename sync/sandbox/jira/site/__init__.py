"""What a simulated Jira site holds, one call to it, and how REST shows what it holds."""
