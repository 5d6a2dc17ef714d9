"""Tickets: create, read, update, transition."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.faults import Conflict
from sync.adapters.jira.calls.request import Call, Safety, records
from sync.adapters.jira.fields.field import with_allowed
from sync.adapters.jira.fields.metadata import Metadata
from sync.adapters.jira.fields.observed import observed, wanted_fields
from sync.adapters.jira.fields.part import Part
from sync.adapters.jira.fields.values import Values
from sync.adapters.jira.fields.wire import by_id, encode
from sync.adapters.jira.tracker.comments import content
from sync.adapters.jira.tracker.history import EXPANSION, HISTORY_FIELD, history_of
from sync.domain.actions import Change, Comment
from sync.domain.errors import Cause, Missing, Refused, Rejected, Scope, TicketGone, Unknown
from sync.domain.names import Name
from sync.domain.remembered import Remembered
from sync.domain.ticket import MARKER_PROPERTY, Draft, FieldKind, Hop, Mark, Observed, TicketRef

_PROJECTS_REMEMBERED = 10_000


def _required(seen: Observed) -> set[str]:
    """The ids of the fields that transitions require and do not fill by themselves."""
    screens = (screen for hop in seen.hops for screen in hop.fields.values())
    return {screen.id for screen in screens if screen.required and not screen.has_default}


class Tickets(Part):
    """One ticket at a time. See ``sync.ports.Tracker`` for the methods."""

    def __init__(self, calls: Calls, metadata: Metadata) -> None:
        super().__init__(calls, metadata)
        # The project in which each ticket was last seen, by ticket id.
        self._projects: Remembered[str, str] = Remembered(_PROJECTS_REMEMBERED)

    def create(self, draft: Draft, *, not_after: float = math.inf) -> TicketRef:
        what = f"creating a ticket in {draft.project}"
        if draft.unmakable is not None:
            raise draft.unmakable
        call = Call(
            "POST",
            "issue",
            what,
            Safety.ONCE,
            body=self._new_ticket(draft),
            project=draft.project,
            not_after=not_after,
        )
        try:
            answer = self._calls.make(call)
        except Missing as fault:
            raise Rejected(
                str(fault),
                cause=Cause.OTHER,
                remedy="Check the site's `url` in config.toml: Jira's API is not found there.",
            ) from None
        except Rejected as fault:
            # The draft was made from cached metadata of the project, which may have changed in Jira.
            self._metadata.forget(draft.project)
            if fault.cause is Cause.OTHER:
                self._check_project(draft.project, new=True)
            raise
        if not (isinstance(answer, Mapping) and answer.get("id") and answer.get("key")):
            raise Unknown(f"{what}: Jira's answer names no ticket")
        ref = TicketRef(str(answer["id"]), str(answer["key"]))
        self._projects.put(ref.id, draft.project)
        return ref

    def _new_ticket(self, draft: Draft) -> dict[str, Any]:
        given = {id_: f.value for id_, f in draft.fields.items() if f.value not in (None, [])}
        wire = encode(given, self._metadata.fields(given), self._calls.cloud())
        fields: dict[str, Any] = {
            "project": {"id" if draft.project.isdigit() else "key": draft.project},
            "issuetype": by_id(draft.issue_type),
            **{id_: value for id_, value in wire.items() if value is not None},
        }
        mark = {"key": draft.desired.key, "rule": draft.desired.rule.name}
        return {"fields": fields, "properties": [{"key": MARKER_PROPERTY, "value": mark}]}

    def read(
        self, ticket_id: str, project: str = "", *, history_since: float | None = None
    ) -> Observed:
        what = f"reading ticket {ticket_id}"
        project = project or self._projects.get(ticket_id) or ""
        while True:
            asked, now = wanted_fields(self._metadata), self._calls.clock.time()
            try:
                raw = self._raw(ticket_id, project, asked, with_history=history_since is not None)
                seen = observed(raw, self._metadata, self._calls.cloud(), what)
                if history_since is not None:
                    history = history_of(self._calls, seen.ref, raw, history_since, now)
                    seen = replace(seen, history=history)
            except Missing as fault:
                self._check_project(project)
                raise TicketGone(str(fault)) from None
            if not _required(seen) & self._metadata.learned().keys() - {*asked}:
                self._projects.put(ticket_id, seen.project)
                return seen
            # A screen requires a field of which nobody asked whether the ticket has it already. Once for
            # each field: from now on it is read with every ticket.

    def _raw(self, ticket_id: str, project: str, fields: list[str], *, with_history: bool) -> Any:
        more = [HISTORY_FIELD] if with_history else []
        expand = ["transitions.fields", "editmeta", *([EXPANSION] if with_history else [])]
        params = {"fields": ",".join([*fields, *more]), "expand": ",".join(expand)}
        path, what = f"issue/{quote(ticket_id, safe='')}", f"reading ticket {ticket_id}"
        return self._calls.make(Call.get(path, what, params, project=project))

    def delete(self, ref: TicketRef) -> None:
        """Delete a ticket. Only a trial may do that, with the ticket that it made: no walk ever deletes.
        A ticket that is gone already is as it should be. Raises the tracker's faults."""
        path, what = f"issue/{quote(ref.id, safe='')}", f"deleting {ref.key}"
        with suppress(Missing):
            self._calls.make(Call.on(ref, "DELETE", path, what, Safety.IDEMPOTENT))

    def mark_of(self, ref: TicketRef) -> Mark:
        path = f"issue/{quote(ref.id, safe='')}/properties/{MARKER_PROPERTY}"
        what = f"reading the marker of {ref.key}"
        try:
            raw = self._calls.make(Call.get(path, what, project=ref.project))
        except Missing:
            return Mark()
        value = raw.get("value") if isinstance(raw, Mapping) else None
        if not isinstance(value, Mapping):
            return Mark()
        return Mark(str(value.get("key") or ""), str(value.get("rule") or ""))

    def update(
        self, ref: TicketRef, changes: Sequence[Change], comment: Comment | None = None
    ) -> None:
        verbs: dict[str, Any] = {
            change.id: [{"add": one} for one in change.add]
            + [{"remove": one} for one in change.remove]
            for change in changes
            if change.kind is FieldKind.LABELS
        }
        after = {c.id: c.after for c in changes if c.kind is not FieldKind.LABELS}
        fields = encode(after, self._metadata.fields(after), self._calls.cloud())
        if comment is not None:
            verbs["comment"] = [{"add": content(comment, self._calls.cloud())}]
        body = {name: part for name, part in (("update", verbs), ("fields", fields)) if part}
        if body:
            what = f"updating {ref.key}"
            self._calls.make(Call.on(ref, "PUT", f"issue/{ref.id}", what, Safety.LOOK_FIRST, body))

    def transition(
        self, ref: TicketRef, hop: Hop, fields: Mapping[str, Any], comment: Comment | None = None
    ) -> None:
        wire = self._for_screen(hop, fields, ref.project)
        screen = {id_: value for id_, value in wire.items() if value is not None}
        body = {"transition": {"id": str(hop.id)}, **({"fields": screen} if screen else {})}
        if comment is not None:
            said = content(comment, self._calls.cloud())
            body["update"] = {"comment": [{"add": said}]}
        what = f"moving {ref.key} by {hop.name!r}"
        call = Call.on(ref, "POST", f"issue/{ref.id}/transitions", what, Safety.ONCE, body)
        try:
            self._calls.make(call)
        except Conflict as fault:
            raise Unknown(f"{fault}; somebody else may have moved it", over=True) from None
        except Rejected as fault:
            if fault.cause is Cause.PERMISSION:
                raise
            words = f"{what}: {fault}"
            if not fault.field and not self._offered(ref, hop):
                raise Unknown(f"{words}; somebody else may have moved it", over=True) from None
            told = Rejected(
                words,
                cause=Cause.TRANSITION,
                field=fault.field,
                remedy="Give what it asks for in the rule's status table, as `resolution`, as "
                "`comment` or in `fields`, or take another way with `transition` or `via`.",
            )
            told.refused = fault.refused
            raise told from None

    def _offered(self, ref: TicketRef, hop: Hop) -> bool:
        """Whether the ticket's status still offers a transition that Jira refused."""
        path, what = f"issue/{ref.id}/transitions", f"reading the transitions of {ref.key}"
        try:
            raw = self._calls.make(Call.get(path, what, project=ref.project))
        except (Missing, Refused, Rejected):
            return True
        offered = records(raw.get("transitions")) if isinstance(raw, Mapping) else []
        return any(str(one.get("id")) == str(hop.id) for one in offered)

    def _for_screen(self, hop: Hop, fields: Mapping[str, Any], project: str) -> dict[str, Any]:
        """Values for a transition's screen in the form that Jira takes. Raises Rejected for a value that
        the screen does not offer."""
        cloud = self._calls.cloud()
        infos = self._metadata.fields(fields)
        for id_, screen in hop.fields.items():
            if id_ in infos:
                infos[id_] = with_allowed(infos[id_], map(Name.of, screen.allowed))
        try:
            people, offers = self._metadata.people(project), self._metadata.offers(project)
            values = Values(cloud, people, offer_of=offers).canonical_all(
                (infos[id_], value) for id_, value in fields.items()
            )
        except Rejected as fault:
            fault.cause = Cause.TRANSITION
            raise
        return encode(values, infos, cloud)

    def verify(self, project: str) -> None:
        self._calls.verify(fresh=True)
        self._check_project(project)

    def _check_project(self, project: str, *, new: bool = False) -> None:
        """Raises Rejected where our account may not see the project: its tickets are not proven gone;
        and, for a ``new`` ticket, where the project is archived."""
        if not project:
            return
        path = f"project/{quote(project, safe='')}"
        what = f"looking whether project {project} is there"
        scope = Scope.PROJECT if new else Scope.TICKET
        try:
            found = self._calls.make(Call.get(path, what, project=project))
        except (Missing, Rejected):
            raise Rejected(
                f"project {project} is gone, or our account may not see it any more",
                cause=Cause.PROJECT,
                remedy="Give our account 'Browse projects' there, or change the rule's `project`.",
                scope=scope,
            ) from None
        if new and isinstance(found, Mapping) and found.get("archived") is True:
            raise Rejected(
                f"project {project} is archived",
                cause=Cause.PROJECT,
                remedy="Restore it in Jira, or change the rule's `project`.",
                scope=scope,
            )
