"""What an edit of the rules changes in what is asked of one ticket. Pure."""

from __future__ import annotations

from dataclasses import fields

from sync.domain.rule import Desired, Ownership

# Where a rule is written and the digest of its state ask nothing of a ticket.
_NOT_WISHES = {"key", "rule", "version", "places"}


def differences(before: Desired, after: Desired, *, made: bool) -> tuple[str, ...]:
    """What of ``after`` would act on the ticket that ``before`` has brought where it stands, by name.

    Of a ticket that is not ``made`` everything counts. Of one that is made, fields, links and the
    status count. Its project and type stay; a status that stays is not moved to another place in Jira;
    a field that the rule does not set any more is left alone.
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
    # The status differs where, for one, an incident's rule closes the tickets of its issues now.
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
    return bool(wish.value != known.value)
