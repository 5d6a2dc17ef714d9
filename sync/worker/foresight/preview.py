"""Preview: the tickets that a delivery would make, and why by which rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sync.domain.errors import Rejected, Unreadable
from sync.domain.rule import Desired
from sync.domain.subject import Event, Snapshot
from sync.domain.surroundings import Impact, Product
from sync.ports import Source
from sync.rules import Explained, Rule, RuleSet, Undecided
from sync.store.engine import Store
from sync.worker.foresight.besides import with_besides


@dataclass(frozen=True, slots=True)
class Preview:
    """What one event of a delivery comes to. ``rule`` is None where none matches. ``desired`` is None
    where the rule fails on the event, or where it is undecided whether the rule matches; ``rejected``
    then says why."""

    event: Event
    explained: Sequence[Explained] = ()
    rule: Rule | None = None
    desired: Desired | None = None
    rejected: Rejected | None = None

    @property
    def snapshot(self) -> Snapshot | None:
        return self.event.snapshot


@dataclass(frozen=True, slots=True)
class Variation:
    """What a preview supposes of the subject instead of what the delivery says. "" changes nothing.

    Only the API tells of a severity, an impact and the addresses of owners. Without a variation a
    preview knows what the ``store`` has of the subject, where one is given. ``priority`` is that of a
    data product on which the issue has an impact; ``impact`` is all that the impact is, instead.
    """

    title: str = ""
    owner: str = ""
    severity: str = ""
    priority: str = ""
    impact: Impact | None = None
    store: Store | None = None

    def of(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot as supposed. Raises StoreUnavailable."""
        if self.store is not None:
            (snapshot,) = with_besides(self.store, [snapshot])
        impact = self.impact or snapshot.impact
        if self.priority:
            product = Product("A data product", priority=self.priority.upper(), downstream=True)
            impact = Impact((product,), count=1)
        supposed: dict[str, Any] = {"title": self.title} if self.title else {}
        if self.owner:
            supposed["owners"] = [{"title": self.owner}]
        payload = {**snapshot.payload, **supposed}
        severity = self.severity or snapshot.severity
        return replace(snapshot, payload=payload, severity=severity, impact=impact)


# The subject as the delivery tells of it.
AS_IT_IS = Variation()


def preview(
    sources: Iterable[Source], rules: RuleSet, body: bytes, supposed: Variation = AS_IT_IS
) -> list[Preview]:
    """Each event of a delivery, and the ticket that the rules would make of it.

    The first source that can read the body reads it. Raises Unreadable, with the reason of the first
    source, where none can.
    """
    events = _events(sources, body)
    varied = [
        replace(one, snapshot=supposed.of(one.snapshot)) if one.snapshot else one for one in events
    ]
    return [_of_event(event, rules) for event in varied]


def _events(sources: Iterable[Source], body: bytes) -> Sequence[Event]:
    reasons: list[Unreadable] = []
    for source in sources:
        try:
            return source.read(body)
        except Unreadable as reason:
            reasons.append(reason)
    raise reasons[0]


def _of_event(event: Event, rules: RuleSet) -> Preview:
    if event.snapshot is None:
        return Preview(event)
    explained = rules.explain(event.snapshot)
    try:
        rule = rules.match(event.snapshot)
    except Undecided as fault:
        return Preview(event, explained, rules.get(fault.rule), rejected=fault)
    if rule is None:
        return Preview(event, explained)
    try:
        desired = rule.project_ticket(rule.ticket_key(event.snapshot), [event.snapshot])
    except Rejected as fault:
        return Preview(event, explained, rule, rejected=fault)
    return Preview(event, explained, rule, desired)
