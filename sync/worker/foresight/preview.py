"""Preview: the ticket that one delivery would make, and why by this rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sync.domain.errors import Rejected
from sync.domain.rule import Desired
from sync.domain.subject import Event, Snapshot
from sync.ports import Source
from sync.rules import Explained, Rule, RuleSet


@dataclass(frozen=True, slots=True)
class Preview:
    """What the rules make of one delivery. ``rule`` is None where no rule matches. Where the rule fails
    on the delivery, ``desired`` is None and ``rejected`` says why."""

    event: Event
    explained: Sequence[Explained] = ()
    rule: Rule | None = None
    key: str = ""
    desired: Desired | None = None
    rejected: Rejected | None = None

    @property
    def snapshot(self) -> Snapshot | None:
        return self.event.snapshot


def preview(source: Source, rules: RuleSet, body: bytes) -> Preview:
    """Read a delivery and work out its ticket by the rules. Makes nothing. Raises Unreadable."""
    event = source.read(body)
    if event.snapshot is None:
        return Preview(event)
    explained = rules.explain(event.snapshot)
    rule = rules.match(event.snapshot)
    if rule is None:
        return Preview(event, explained)
    try:
        key = rule.ticket_key(event.snapshot)
        desired = rule.project_ticket(key, [event.snapshot])
    except Rejected as fault:
        return Preview(event, explained, rule, rejected=fault)
    return Preview(event, explained, rule, key, desired)
