"""Triage, claim, converge, apply, sweeps, schedule."""
