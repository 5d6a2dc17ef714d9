"""Triage: accepted deliveries become snapshots, and their tickets become due."""
