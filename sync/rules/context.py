"""Context: what a ticket's subjects look like to templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync.domain.subject import Kind, Snapshot, Status
from sync.domain.surroundings import Impact, together
from sync.domain.text import cut
from sync.rules.moments import moment
from sync.rules.vocabulary import IMPACT, INCIDENT, ISSUE, SEVERITIES, Shape
from sync.toml import Wrong

# The most characters of a description that templates get. Jira's own limit is less than half of this.
LONGEST_DESCRIPTION = 70_000

_ADVANCE = (
    *(Status.OPEN, Status.INVESTIGATING, Status.EXPECTED, Status.FIXED),
    *(Status.NO_ACTION_NEEDED, Status.CLOSED, Status.CANCELLED),
)


class Sparse(dict[str, Any]):
    """A table whose missing fields read as empty, at any depth."""

    def __init__(self, data: Mapping[str, Any], shape: Shape) -> None:
        super().__init__({k: filled(v, shape.fields.get(k)) for k, v in data.items()})
        self._shape = shape

    def __missing__(self, key: str) -> Any:
        if key not in self._shape.fields:
            raise KeyError(key)
        return filled(None, self._shape.fields[key])


def filled(value: Any, shape: Shape | None) -> Any:
    """A value of a payload, completed with the fields that its shape has."""
    if shape is None:
        return "" if value is None else value
    if shape.listed:
        return [filled(one, shape.item) for one in value or ()]
    if value is None or isinstance(value, Mapping):
        return Sparse(value or {}, shape)
    return value


def group_status(snapshots: Sequence[Snapshot]) -> Status:
    """The one status of several subjects on a ticket.

    It is the least advanced status of the subjects that have not ended. Where all have ended it is
    closed, or cancelled if every one was cancelled. Where the ticket has an incident, only incidents
    count.
    """
    snapshots = [s for s in snapshots if s.ref.kind is Kind.INCIDENT] or snapshots
    going = [s.status for s in snapshots if not s.status.ended] or [s.status for s in snapshots]
    return min(going, key=_ADVANCE.index)


def subject_url(snapshot: Snapshot) -> str:
    """The subject's address upstream, as the payload has it."""
    return str(snapshot.payload.get(f"{snapshot.ref.kind.value}_url") or "")


def record(snapshot: Snapshot) -> Mapping[str, Any]:
    """One subject as templates see it: the payload, and what is known besides."""
    description = str(snapshot.payload.get("description") or "")
    if len(description) > LONGEST_DESCRIPTION:
        description = cut(
            description, LONGEST_DESCRIPTION, "\n\n… (cut: the whole text is upstream)"
        )
    known = {
        **snapshot.payload,
        "description": description,
        "id": snapshot.ref.id,
        "kind": snapshot.ref.kind.value,
        "url": subject_url(snapshot),
        "state": snapshot.status.value,
        "severity": snapshot.severity,
        "issue_ids": list(snapshot.issue_ids),
        "impact": impact_shown(snapshot.impact),
    }
    if snapshot.contacts is not None:
        emails = snapshot.contacts.emails
        known["owners"] = [
            {**owner, "emails": list(emails.get(str(owner.get("id")), ()))}
            for owner in snapshot.payload.get("owners") or ()
        ]
    return Sparse(known, ISSUE if snapshot.ref.kind is Kind.ISSUE else INCIDENT)


def impact_shown(impact: Impact | None) -> dict[str, Any]:
    """An impact as templates see it. One that is not known looks like none."""
    impact = impact or Impact()
    return {
        "products": [
            {
                "title": one.title,
                "description": one.description,
                "folder": one.folder,
                "priority": one.priority,
                "downstream": one.downstream,
            }
            for one in impact.products
        ],
        "owners": list(impact.owners),
        "entities": [{"name": name, "count": count} for name, count in impact.groups],
        "count": impact.count,
        "product_priority": impact.product_priority,
    }


def in_order(snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """The subjects of a ticket in a fixed order: incidents before issues, those that a person put there
    after the others, then by their beginning."""
    if len(snapshots) == 1:
        return list(snapshots)

    def began(snapshot: Snapshot) -> tuple[bool, float, float, str]:
        issue = snapshot.ref.kind is Kind.ISSUE
        try:
            began = moment(snapshot.payload.get("started_at")).timestamp()
        except (Wrong, OverflowError):
            began = snapshot.event_time / 1e9
        return issue, snapshot.placed_at, began, str(snapshot.ref)

    return sorted(snapshots, key=began)


def common_of(subjects: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What all subjects of a ticket have in common; "" for what differs or is not known."""
    of_each = [
        {
            "title": subject["title"],
            "entity": (subject.get("trigger_entity") or {}).get("name"),
            "trigger_name": subject.get("trigger_name"),
            "owner": ", ".join(
                str(owner.get("title") or owner.get("id")) for owner in subject.get("owners") or ()
            ),
        }
        for subject in subjects
    ]
    first, *others = of_each
    return {
        name: str(value or "") if all(other[name] == value for other in others) else ""
        for name, value in first.items()
    }


def context_of(
    snapshots: Sequence[Snapshot], tables: Mapping[str, Any], *, occurrences: int = 1
) -> dict[str, Any]:
    """What the templates of one ticket see. ``issue``, ``incident`` and ``subject`` stand for the
    first subject in order. There must be at least one subject."""
    ordered = in_order(snapshots)
    subjects = [record(snapshot) for snapshot in ordered]
    first = newest = ordered[0]
    if len(ordered) > 1:
        newest = max(snapshots, key=lambda s: s.recency)
    kind = first.ref.kind
    known = [s.severity for s in snapshots if s.severity in SEVERITIES]
    return {
        "kind": kind.value,
        "issue": subjects[0] if kind is Kind.ISSUE else None,
        "incident": subjects[0] if kind is Kind.INCIDENT else None,
        "subject": subjects[0],
        "subjects": subjects,
        "common": common_of(subjects),
        "event": {
            "type": newest.event_type.value,
            "time": newest.at.isoformat(),
            "id": newest.event_id,
        },
        "workspace": first.workspace,
        "severity": max(known, key=SEVERITIES.index, default=""),
        "status": group_status(snapshots).value,
        "impact": Sparse(impact_shown(together(one.impact for one in ordered)), IMPACT),
        "occurrences": occurrences,
        "tables": tables,
    }
