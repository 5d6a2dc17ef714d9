"""The tickets and fields that were set aside, by what keeps them so."""

from __future__ import annotations

from collections.abc import Sequence

from sync.store.parking import Group

_NAMED = 5


def said_of(group: Group) -> str:
    """Why the tickets of a group are parked: the field, the values, and what is wrong with them."""
    field = f"{group.why['field']}: " if group.why.get("field") else ""
    values = f"{several([repr(value) for value in group.values])} " if group.values else ""
    return f"{field}{values}{group.why['reason']}"


def several(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
