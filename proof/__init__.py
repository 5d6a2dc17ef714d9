"""Proof by trial: daemon and simulated Jira as real processes, with every fault there is between them."""
