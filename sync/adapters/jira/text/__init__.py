"""Text in Jira's two dialects: Atlassian documents (Cloud) and wiki markup (Data Center)."""
