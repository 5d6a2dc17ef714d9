"""Why the program cannot start, in words."""

from __future__ import annotations


class CannotStart(Exception):
    """Something this machine or the settings must change first. ``str()`` is for people."""
