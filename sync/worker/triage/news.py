"""News: which of the snapshots that changed say something that their tickets have to hear."""

from __future__ import annotations

from collections.abc import Mapping

from sync.domain.subject import Snapshot, same_event, says_the_same
from sync.rules import COMMENTS, Rule, RuleSet
from sync.store.slate import Slate

# By subject: the snapshot as it was known (None for an unknown subject), and as it is now.
Changed = Mapping[str, tuple[Snapshot | None, Snapshot]]


def with_news(slate: Slate, rules: RuleSet, changed: Changed, *, same: bool) -> dict[str, Snapshot]:
    """Those of the changed snapshots that have news, by subject. ``same``: one that says the same as
    before has none, although it speaks of a later moment.

    For rules that tell upstream: comments there, and when a mark was set, are news where the ticket's
    rule asks for them.
    """
    news = {ref: after for ref, (before, after) in changed.items() if _is_news(before, after, same)}
    left = changed.keys() - news.keys()
    slate.tickets_of(left)
    for ref in left:
        before, after = changed[ref]
        if before is not None and _is_told(_rule_of(slate, rules, ref), before, after):
            news[ref] = after
    return news


def _is_news(before: Snapshot | None, after: Snapshot, same: bool) -> bool:
    if before is None:
        return True
    return not (says_the_same if same else same_event)(before, after)


def _rule_of(slate: Slate, rules: RuleSet, ref: str) -> Rule | None:
    ticket = slate.ticket_of(ref)
    return rules.get(ticket.rule) if ticket is not None else None


def _is_told(rule: Rule | None, before: Snapshot, after: Snapshot) -> bool:
    """Whether telling upstream by this rule depends on what changed."""
    if rule is None or not rule.tells:
        return False
    return before.set_at != after.set_at or (
        rule.asks(COMMENTS) and before.comments != after.comments
    )
