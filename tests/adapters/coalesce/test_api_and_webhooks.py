"""What deliveries lost, the API tells; after one round all is known as it is."""

from __future__ import annotations

import random

from sync.adapters.coalesce import CoalesceSource
from sync.domain.subject import Snapshot, SubjectRef, merge_from_api, newest
from sync.sandbox.coalesce import FORMATS, Stream, encode, render
from tests.adapters.coalesce.served import Upstream, serving

Known = dict[SubjectRef, Snapshot]


def hear(known: Known, events: list[dict[str, object]], pick: random.Random) -> None:
    for event in events:
        snapshot = CoalesceSource().read(encode(render(event, pick.choice(FORMATS))))[0].snapshot
        assert snapshot is not None
        known[snapshot.ref] = newest(known.get(snapshot.ref), snapshot)


def ask(known: Known, upstream: Upstream) -> int:
    """One round of asking; how many snapshots changed."""
    until = upstream.clock.now + 60
    told = upstream.api.incidents_updated(0, until)
    for page in upstream.api.issues_updated(0, until):
        told += upstream.api.issues(page)
    before = dict(known)
    for snapshot in told:
        known[snapshot.ref] = merge_from_api(known.get(snapshot.ref), snapshot)
    return sum(before.get(ref) != snapshot for ref, snapshot in known.items())


def truth(upstream: Upstream) -> dict[str, tuple[str, tuple[str, ...]]]:
    sandbox = upstream.sandbox
    issues = {
        i.id: ("closed" if i.ended_at else i.status or "open", ()) for i in sandbox.issues.values()
    }
    return issues | {i.id: (i.state, tuple(i.issue_ids)) for i in sandbox.incidents.values()}


def test_after_one_round_all_is_known_and_a_second_finds_nothing() -> None:
    pick = random.Random(2)
    with serving(page_size=20) as upstream:
        stream = Stream(upstream.sandbox, seed=4)
        for _ in range(400):
            stream.step()
            upstream.clock.now += 1
        events = [event for event in upstream.sandbox.events if pick.random() > 0.3]
        pick.shuffle(events)
        known: Known = {}
        hear(known, events, pick)
        wanted = truth(upstream)
        assert {ref.id: (s.status.value, s.issue_ids) for ref, s in known.items()} != wanted
        assert ask(known, upstream) > 0
        assert {ref.id: (s.status.value, s.issue_ids) for ref, s in known.items()} == wanted
        assert ask(known, upstream) == 0
        late = list(upstream.sandbox.events)
        pick.shuffle(late)
        hear(known, late, pick)
        assert {ref.id: (s.status.value, s.issue_ids) for ref, s in known.items()} == wanted
        issues = [s for ref, s in known.items() if ref.kind == "issue"]
        assert all(s.severity and s.payload["owners"] and s.payload["issue_url"] for s in issues)
