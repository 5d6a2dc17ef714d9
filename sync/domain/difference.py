"""What an edit of the rules changes in what is asked of one ticket. Pure."""

from __future__ import annotations

from dataclasses import fields

from sync.domain.rule import Desired, Ownership

# Where a rule is written, and the digest of its state, are no wishes.
_NOT_WISHES = {"key", "rule", "version"}


def differences(before: Desired, after: Desired, *, made: bool) -> tuple[str, ...]:
    """What of ``after`` would act on the ticket that ``before`` has brought where it stands.

    For a ticket that is ``made``, that is fields (by name), links and the status it is to have: its
    project and type stay, it moves only to another status, not to another place for the same, and a
    field the rule says no more of is left alone. For one that is not, everything counts.
    """
    if not made:
        return tuple(
            one.name
            for one in fields(Desired)
            if one.name not in _NOT_WISHES and getattr(before, one.name) != getattr(after, one.name)
        )
    found = [
        name
        for name, wish in after.fields.items()
        if wish.ownership is not Ownership.TICKET
        and wish.value != (known.value if (known := before.fields.get(name)) else None)
        and not (name not in before.fields and wish.value in (None, "", []))
    ]
    if before.status is not after.status:
        # As where an incident's rule closes the tickets of its issues now.
        found.append("status")
    if set(after.remote_links) - set(before.remote_links):
        found.append("links back")
    if set(after.ticket_links) != set(before.ticket_links):
        found.append("links to tickets")
    return tuple(found)
