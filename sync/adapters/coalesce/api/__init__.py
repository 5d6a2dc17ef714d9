"""Calls to Coalesce Quality: its REST API, and the callbacks that deliveries offer."""
