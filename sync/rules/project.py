"""Project: snapshots become Desired. Pure: equal snapshots give equal results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from sync.domain.errors import Parked, Rejected
from sync.domain.rule import (
    Desired,
    FieldWish,
    Ownership,
    Policy,
    RemoteLink,
    RuleRef,
    SubjectState,
    UpstreamWish,
    place,
)
from sync.domain.subject import Snapshot, Status
from sync.domain.text import cut, one_line
from sync.rules.context import context_of, group_status, in_order, subject_url
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
class Parts:
    """The parts of a rule that an edit changed. Every other part gives the same for the same subjects.

    ``fields`` are the rule's names of fields that came, went, or are written or owned otherwise,
    ``statuses`` the entries of the status map that changed. ``updated``: the comment on changed fields
    did. ``telling``: the rule begins to tell upstream, or tells something else of people's acts.
    ``others``: something else changed that a ticket in Jira depends on.
    """

    fields: frozenset[str] = frozenset()
    statuses: frozenset[str] = frozenset()
    updated: bool = False
    others: bool = False
    telling: bool = False

    def __bool__(self) -> bool:
        return bool(self.fields or self.statuses or self.updated or self.others or self.telling)


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
    upstream: UpstreamWish | None = None


def state_of(snapshot: Snapshot) -> SubjectState:
    """What telling upstream knows of a subject from its snapshot alone."""
    at, set_at = snapshot.event_time / 1e9, snapshot.set_at
    marked_at = None if set_at is None else set_at / 1e9
    placed_at = snapshot.placed_at
    return SubjectState(
        snapshot.ref,
        snapshot.status,
        at,
        marked_at,
        joined_at=placed_at,
        placed_at=placed_at,
        comments=snapshot.comments,
    )


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


def _around(snapshot: Snapshot) -> list[Any]:
    """What is known of the surroundings of a subject, as JSON values; nothing where nothing is."""
    known = (snapshot.impact, snapshot.contacts)
    return [one.to_json() for one in known if one is not None]


class Rendered:
    """What was rendered of some subjects. A template that several rules share is rendered once for all,
    as when two versions of a rule are compared."""

    def __init__(self) -> None:
        self.snapshots: Sequence[Snapshot] = ()
        self.occurrences = 0
        self._tables: Mapping[str, Any] = {}
        self._context: Context = {}
        self._values: dict[int, Any] = {}
        self._facts = ""
        self._links: tuple[RemoteLink, ...] | None = None

    def of(
        self, snapshots: Sequence[Snapshot], occurrences: int, tables: Mapping[str, Any]
    ) -> Rendered:
        """This, for these subjects and tables. What was rendered of others is forgotten."""
        others = snapshots is not self.snapshots or occurrences != self.occurrences
        if others or tables != self._tables:
            self.snapshots, self.occurrences, self._tables = snapshots, occurrences, tables
            self._context, self._values = {}, {}
        if others:
            self._facts, self._links = "", None
        return self

    def links(self) -> tuple[RemoteLink, ...]:
        """The links back to the subjects."""
        if self._links is None:
            self._links = tuple(filter(None, map(remote_link, in_order(self.snapshots))))
        return self._links

    def version(self, digest: str) -> str:
        """``Desired.version`` of a rule with this digest."""
        if not self._facts:
            facts = [
                [str(s.ref), s.recency, s.status, s.severity, s.issue_ids, s.payload, *_around(s)]
                for s in self.snapshots
            ]
            facts.sort(key=itemgetter(0))
            self._facts = json.dumps(facts, sort_keys=True, default=str)
        text = f'["{digest}", {self._facts}, {self.occurrences}]'
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def _seen(self, values: Mapping[str, Value]) -> Context:
        """What templates of these values see. Worked out when the first template looks."""
        if not self._context and any(value.has_template for value in values.values()):
            self._context = context_of(self.snapshots, self._tables, occurrences=self.occurrences)
        return self._context

    def all(self, values: Mapping[str, Value]) -> dict[str, Any]:
        """As ``render_all``. A template that failed is rendered again, to name the rule at fault."""
        known = self._values
        found = {key: known[id(v.parts)] for key, v in values.items() if id(v.parts) in known}
        left = {key: value for key, value in values.items() if key not in found}
        new = render_all(left, self._seen(left))
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
        self.snapshots = rendered.snapshots
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
    ref: RuleRef,
    plan: Projection,
    key: str,
    of: Rendered,
    *,
    keeping: Status | None = None,
    only: Parts | None = None,
) -> Desired:
    """What a rule asks of the ticket of these subjects; ``keeping`` and ``only`` as in
    ``Rule.project_ticket``."""
    snapshots, rendering = of.snapshots, _Rendering(ref, plan.places, of)
    status = keeping or group_status(snapshots)
    wish = plan.status.get(status, LEAVE)
    told = only is None or status.value in only.statuses
    along = None if keeping or not told else rendering.comment(wish.along, wish.comment)
    updated = rendering.comment(plan.updated)
    return Desired(
        key=key,
        rule=ref,
        site=plan.site,
        project=plan.project,
        issue_type=plan.issue_type,
        fields=_fields(plan, rendering, only),
        status=status,
        target=wish.aim(rendering.value) if told else wish.target,
        # The version tells comments apart, and a few parts rarely give one.
        version=of.version(plan.digest) if only is None or along or updated else "",
        status_comment=along,
        update_comment=updated,
        comment_on=plan.comment_on,
        remote_links=of.links(),
        policy=plan.policy,
        upstream=plan.upstream,
        subjects=tuple(map(state_of, snapshots)) if plan.upstream else (),
        refs=tuple(sorted(str(one.ref) for one in snapshots)),
        failed=rendering.failed,
        places=plan.places,
    )


def _fields(plan: Projection, rendering: _Rendering, only: Parts | None) -> dict[str, FieldWish]:
    """The wish for each field."""
    rendered = rendering.values(
        {
            f"fields.{name}": one.value
            for name, one in plan.fields.items()
            if only is None or name in only.fields
        }
    )
    fields = {
        name: FieldWish(
            rendered.get(f"fields.{name}"),
            one.ownership,
            as_agreed=f"fields.{name}" not in rendered,
        )
        for name, one in plan.fields.items()
    }
    summary = fields.get("summary")
    nothing = summary and not summary.as_agreed and not str(summary.value or "").strip()
    if summary and nothing and "fields.summary" not in rendering.failed:
        words = nameless(in_order(rendering.snapshots)[0])
        fields["summary"] = FieldWish(words, summary.ownership)
    return fields
