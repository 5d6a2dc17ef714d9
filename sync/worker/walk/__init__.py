"""A walk: one ticket brought to where its rule wants it. Gather, plan, apply, settle."""
