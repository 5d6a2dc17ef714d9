"""Webhook deliveries: signatures, and bodies read into events."""
