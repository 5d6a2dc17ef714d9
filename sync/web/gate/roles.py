"""Roles by groups, and names of accounts, as somebody else tells them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from sync.operations.accounts import Role

# With a space it could be taken for a token, and with a comma it may be two headers in one.
_NAME = re.compile(r"[^\s,]{1,200}")


def role_of(granted: Mapping[str, frozenset[str]], groups: Collection[str]) -> Role | None:
    """The highest role that one of the groups has; None for nobody. "*" stands for everybody."""
    for role, of_role in granted.items():
        if "*" in of_role or not of_role.isdisjoint(groups):
            return Role(role)
    return None


def is_name(text: object) -> bool:
    """Whether a text can name an account."""
    return isinstance(text, str) and text.isprintable() and _NAME.fullmatch(text) is not None
