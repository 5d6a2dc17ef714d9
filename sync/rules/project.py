"""Project: snapshots become Desired. Pure: equal snapshots give equal results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from sync.domain.rule import Desired, FieldWish, Ownership, Policy, RemoteLink, RuleRef
from sync.domain.subject import Snapshot, Status
from sync.domain.text import cut, one_line
from sync.rules.context import context_of, in_order, subject_url
from sync.rules.filters import web_address
from sync.rules.status import LEAVE, StatusMap
from sync.rules.values import Context, Value, render_all


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """One field of the ticket: how its value is made, and who owns the field."""

    value: Value
    ownership: Ownership


@dataclass(frozen=True, slots=True)
class Projection:
    """Everything that a rule needs to make Desired. ``digest`` changes with any part."""

    site: str
    project: str
    issue_type: tuple[str, ...]
    fields: Mapping[str, FieldPlan]
    status: StatusMap
    digest: str
    updated: Value | None = None
    comment_on: tuple[str, ...] = ()
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    places: Mapping[str, str] = field(default_factory=dict)


def _version(digest: str, snapshots: Sequence[Snapshot], occurrences: int) -> str:
    facts = [
        [str(s.ref), s.recency, s.status, s.severity, s.issue_ids, s.payload] for s in snapshots
    ]
    facts.sort(key=itemgetter(0))
    text = json.dumps([digest, facts, occurrences], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def remote_link(snapshot: Snapshot) -> RemoteLink | None:
    """The link back to a subject. None where upstream gave no http(s) address."""
    url = subject_url(snapshot).strip()
    if not web_address(url):
        return None
    title = one_line(str(snapshot.payload.get("title") or url))
    # An address too long for a title is left out of it as a whole.
    words = cut(title, 255, "") or f"{snapshot.ref.kind.value.capitalize()} {snapshot.ref.id}"
    return RemoteLink(f"ticket-sync:{snapshot.ref}", url, words)


def nameless(snapshot: Snapshot) -> str:
    """The summary for a subject whose template gives an empty one: Jira requires a summary."""
    about = snapshot.payload.get("trigger_name") or snapshot.ref.id
    return f"{snapshot.ref.kind.value.capitalize()} without a title: {about}"


def _comment(value: Value | None, context: Context) -> str | None:
    return (value.text(context).strip() or None) if value else None


def project_ticket(
    ref: RuleRef,
    plan: Projection,
    key: str,
    snapshots: Sequence[Snapshot],
    occurrences: int,
    *,
    keeping: Status | None = None,
) -> Desired:
    """What a rule asks of the ticket of these subjects; ``keeping`` as in ``Rule.project_ticket``.
    Raises Rejected when a template fails."""
    context = context_of(snapshots, plan.tables, occurrences=occurrences)
    status = keeping or Status(context["status"])
    wish = plan.status.get(status, LEAVE)
    rendered = render_all({name: one.value for name, one in plan.fields.items()}, context)
    fields = {
        name: FieldWish(value, plan.fields[name].ownership) for name, value in rendered.items()
    }
    if "summary" in fields and not str(fields["summary"].value or "").strip():
        fields["summary"] = FieldWish(nameless(in_order(snapshots)[0]), fields["summary"].ownership)
    return Desired(
        key=key,
        rule=ref,
        site=plan.site,
        project=plan.project,
        issue_type=plan.issue_type,
        fields=fields,
        status=status,
        target=wish.aim(context),
        version=_version(plan.digest, snapshots, occurrences),
        status_comment=None if keeping else _comment(wish.comment, context),
        update_comment=_comment(plan.updated, context),
        comment_on=plan.comment_on,
        remote_links=tuple(filter(None, map(remote_link, in_order(snapshots)))),
        policy=plan.policy,
        places=plan.places,
    )
