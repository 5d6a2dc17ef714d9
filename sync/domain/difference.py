"""The parts of what is asked of one ticket that an edit of the rules changes. Pure."""

from __future__ import annotations

from dataclasses import fields

from sync.domain.rule import Desired, Ownership

# Fields of ``Desired`` that say which ticket, rule and state it is about: they ask nothing of a ticket.
_NOT_WISHES = {"key", "rule", "version", "places", "refs"}


def differences(before: Desired, after: Desired, *, made: bool) -> tuple[str, ...]:
    """The names of the parts of ``after`` that would change a ticket which is as ``before`` asks.

    As long as the ticket is not ``made``, every part counts. Later only fields, links and the upstream
    status count: the project and the issue type are not changed any more, the ticket is not moved
    while the upstream status stays the same, and a field that the rule no longer sets is left alone.
    """
    if not made:
        return tuple(
            one.name
            for one in fields(Desired)
            if one.name not in _NOT_WISHES and getattr(before, one.name) != getattr(after, one.name)
        )
    found = [name for name in after.fields if _acts(before, after, name)]
    found += [
        key for key in after.failed if key not in before.failed and not key.startswith("fields.")
    ]
    # An edit changes the status if, for example, an incident's rule now closes the tickets of its
    # issues.
    changed = {
        "status": before.status is not after.status,
        "links back": bool(set(after.remote_links) - set(before.remote_links)),
        "links to tickets": set(after.ticket_links) != set(before.ticket_links),
    }
    return (*found, *(name for name, differs in changed.items() if differs))


def _acts(before: Desired, after: Desired, name: str) -> bool:
    """Whether a field is written to a ticket that exists, or is newly parked."""
    wish, known, key = after.fields[name], before.fields.get(name), f"fields.{name}"
    if wish.ownership is Ownership.TICKET:
        return False
    if key in after.failed:
        return key not in before.failed
    if known is None:
        return wish.value not in (None, "", [])
    # What was left to the ticket so far may differ from what is asked, whatever is asked.
    return bool(wish.value != known.value) or wish.ownership.is_more_ours_than(known.ownership)
