"""The handlers of Jira's REST API, and the routes that lead to them."""
