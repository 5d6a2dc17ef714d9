"""Proof by trial: daemon and simulated Jira as real processes, and every fault between them."""
