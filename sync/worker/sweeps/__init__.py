"""Sweeps: look for what was missed and make it due. One file a sweep."""
