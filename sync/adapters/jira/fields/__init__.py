"""Fields of a Jira site: metadata, canonical values, drafts, and tickets as Jira shows them."""
