"""Mapping rules: TOML files to a RuleSet, matching, and projection to Desired."""
