"""Intake: snapshots from an API are merged as those of webhooks are, and the differences reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from sync.domain.subject import Snapshot, merge_from_api, says_the_same
from sync.store import subjects
from sync.store.engine import Store
from sync.store.slate import Slate
from sync.worker.sweeps.findings import FindingKind
from sync.worker.sweeps.run import Run
from sync.worker.triage.batch import Triage


def take_in(
    run: Run,
    store: Store,
    triage: Triage,
    snapshots: Sequence[Snapshot],
    *,
    slots: Callable[[], float] | None = None,
) -> None:
    """Merge snapshots from an API into the store, and report what was missing, stale or wrong.

    ``slots`` as for ``Triage.merge``. In a dry run nothing is written.
    """
    run.looked(len(snapshots))
    if not snapshots:
        return
    by_ref = {str(snapshot.ref): snapshot for snapshot in with_workspace(store, snapshots)}
    new = list(by_ref.values())
    # No transaction is open while the API is asked for what is around the subjects.
    learnt = None if run.dry else triage.ask_around(new)

    def decide(slate: Slate) -> tuple[dict[str, Snapshot], dict[str, str]]:
        known = {ref: one.snapshot for ref, one in slate.subjects(by_ref).items()}
        merged = triage.merge(slate, new, merge=merge_from_api, slots=slots, learnt=learnt)
        return known, merged

    known, outcomes = _known(store, by_ref) if run.dry else triage.decided(decide)
    for ref, snapshot in by_ref.items():
        before = known.get(ref)
        after = merge_from_api(before, snapshot)
        if before is None or not says_the_same(before, after):
            _report(run, ref, before, after, outcomes.get(ref, ""))
        elif outcomes.get(ref, "").endswith(" is due"):
            run.tally.reasons["comments or marks"] += 1


def _known(store: Store, refs: Iterable[str]) -> tuple[dict[str, Snapshot], dict[str, str]]:
    """The snapshots on record, and no outcomes."""
    with store.read() as session:
        rows = subjects.load(session, refs)
    return {ref: subjects.to_snapshot(row) for ref, row in rows.items()}, {}


def with_workspace(store: Store, snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """The snapshots with a workspace. The API does not return workspaces: those without one get the
    workspace of the last webhook."""
    if all(snapshot.workspace for snapshot in snapshots):
        return list(snapshots)
    with store.read() as session:
        here = subjects.latest_workspace(session, snapshots[0].ref.source)
    return [s if s.workspace else replace(s, workspace=here) for s in snapshots]


def _report(run: Run, ref: str, before: Snapshot | None, after: Snapshot, outcome: str) -> None:
    then = f"; {outcome}" if outcome else ""
    if before is None:
        title = str(after.payload.get("title") or "")
        run.found(FindingKind.MISSING, ref, f"{after.status.value}: {title!r}{then}")
    elif after.event_time > before.event_time and _sent_by_webhooks(before, after):
        words = f"known as {before.status.value}, is {after.status.value}"
        if before.status is after.status:
            words = f"{after.status.value}, with details that changed"
        run.found(FindingKind.STALE, ref, words + then)
    elif before.severity and before.severity != after.severity:
        words = f"severity {before.severity} became {after.severity}{then}"
        run.found(FindingKind.STALE, ref, words)
    elif before.issue_ids and set(before.issue_ids) != set(after.issue_ids):
        words = f"{len(before.issue_ids)} issues became {len(after.issue_ids)}, or others{then}"
        run.found(FindingKind.STALE, ref, words)
    else:
        # Webhooks do not carry this, so no webhook was missed.
        run.tally.reasons["learnt"] += 1


def _sent_by_webhooks(before: Snapshot, after: Snapshot) -> bool:
    return before.status is not after.status or before.payload != after.payload
