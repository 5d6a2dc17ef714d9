"""One HTTP call to a Jira site, with everything that guards it."""
