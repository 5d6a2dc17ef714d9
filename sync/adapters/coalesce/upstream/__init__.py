"""Coalesce Quality told of acts: by its REST API, or by the callbacks that deliveries offer."""
