"""Project: snapshots become Desired. Pure: equal snapshots give equal results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from sync.domain.errors import Parked, Rejected
from sync.domain.rule import Desired, FieldWish, Ownership, Policy, RemoteLink, RuleRef, place
from sync.domain.subject import Snapshot, Status
from sync.domain.text import cut, one_line
from sync.rules.context import context_of, in_order, subject_url
from sync.rules.filters import web_address
from sync.rules.status import LEAVE, StatusMap
from sync.rules.templates import Template
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


class Rendered:
    """What was rendered of some subjects. A template that several rules share is rendered once for all,
    as when two versions of a rule are compared."""

    def __init__(self) -> None:
        self.snapshots: Sequence[Snapshot] = ()
        self.occurrences = 0
        self._tables: Mapping[str, Any] = {}
        self._context: Context = {}
        self._values: dict[int, Any] = {}

    def of(self, snapshots: Sequence[Snapshot], occurrences: int) -> Rendered:
        """This, for these subjects. What was rendered of others is forgotten."""
        if snapshots is not self.snapshots or occurrences != self.occurrences:
            self.snapshots, self.occurrences = snapshots, occurrences
            self._context = {}
        return self

    def context(self, tables: Mapping[str, Any]) -> Context:
        """What templates see with these tables."""
        if not self._context or tables != self._tables:
            self._tables, self._values = tables, {}
            self._context = context_of(self.snapshots, tables, occurrences=self.occurrences)
        return self._context

    def all(self, values: Mapping[str, Value]) -> dict[str, Any]:
        """As ``render_all``. A template that failed is rendered again, to name the rule at fault."""
        known = self._values
        found = {key: known[id(v.parts)] for key, v in values.items() if id(v.parts) in known}
        new = render_all({k: v for k, v in values.items() if k not in found}, self._context)
        for key, value in new.items():
            parts = values[key].parts
            if isinstance(parts, Template) and not isinstance(value, Rejected):
                known[id(parts)] = value
        return {key: found[key] if key in found else new[key] for key in values}


class _Rendering:
    """The parts of one ticket, rendered. ``failed`` says why some have no value, by the rule's key."""

    def __init__(self, ref: RuleRef, places: Mapping[str, str], rendered: Rendered) -> None:
        self._ref = ref
        self._places = places
        self._rendered = rendered
        self.failed: dict[str, Parked] = {}

    def values(self, values: Mapping[str, Value]) -> dict[str, Any]:
        """Values by the rule's keys, None where the template fails: all else of the ticket is still
        asked for."""
        found = self._rendered.all(values)
        for key, fault in found.items():
            if isinstance(fault, Rejected):
                where = place(self._places, fault.key) or self._ref.where
                self.failed[key] = Parked.of(fault, self._ref.name, where)
                found[key] = None
        return found

    def value(self, value: Value) -> Any:
        return self.values({value.key: value})[value.key]

    def comment(self, *values: Value | None) -> str | None:
        """The texts as one comment, each a paragraph; None for no text."""
        found = [self.value(value) for value in values if value is not None]
        return "\n\n".join(filter(None, (str(one or "").strip() for one in found))) or None


def project_ticket(
    ref: RuleRef, plan: Projection, key: str, of: Rendered, *, keeping: Status | None = None
) -> Desired:
    """What a rule asks of the ticket of these subjects; ``keeping`` as in ``Rule.project_ticket``."""
    snapshots, context = of.snapshots, of.context(plan.tables)
    rendering = _Rendering(ref, plan.places, of)
    status = keeping or Status(context["status"])
    wish = plan.status.get(status, LEAVE)
    rendered = rendering.values({f"fields.{n}": one.value for n, one in plan.fields.items()})
    fields = {
        name: FieldWish(rendered[f"fields.{name}"], one.ownership)
        for name, one in plan.fields.items()
    }
    nothing = "summary" in fields and not str(fields["summary"].value or "").strip()
    if nothing and "fields.summary" not in rendering.failed:
        fields["summary"] = FieldWish(nameless(in_order(snapshots)[0]), fields["summary"].ownership)
    return Desired(
        key=key,
        rule=ref,
        site=plan.site,
        project=plan.project,
        issue_type=plan.issue_type,
        fields=fields,
        status=status,
        target=wish.aim(rendering.value),
        version=_version(plan.digest, snapshots, of.occurrences),
        status_comment=None if keeping else rendering.comment(wish.along, wish.comment),
        update_comment=rendering.comment(plan.updated),
        comment_on=plan.comment_on,
        remote_links=tuple(filter(None, map(remote_link, in_order(snapshots)))),
        policy=plan.policy,
        failed=rendering.failed,
        places=plan.places,
    )
