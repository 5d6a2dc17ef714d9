"""Tickets: create, read, update, transition."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.deployment import Deployment
from sync.adapters.jira.calls.faults import Conflict, Safety
from sync.adapters.jira.fields.draft import Drafter
from sync.adapters.jira.fields.metadata import Metadata
from sync.adapters.jira.fields.observed import observed, wanted_fields
from sync.adapters.jira.fields.wire import encode
from sync.domain.actions import Change
from sync.domain.errors import Cause, Missing, Rejected, TicketGone, Unknown
from sync.domain.ticket import (
    MARKER_PROPERTY,
    Draft,
    FieldKind,
    Hop,
    Observed,
    TicketRef,
)

_PROJECTS_REMEMBERED = 20_000
_OVERTAKEN = re.compile(r"not valid for (this issue|the current)|illegal|no longer", re.IGNORECASE)


def project_field(project: str) -> dict[str, str]:
    return {"id" if project.isdigit() else "key": project}


class Tickets:
    """Shared by threads."""

    def __init__(
        self, calls: Calls, metadata: Metadata, deployment: Deployment, drafter: Drafter
    ) -> None:
        self._calls = calls
        self._metadata = metadata
        self._deployment = deployment
        self._drafter = drafter
        self._lock = threading.Lock()
        self._projects: dict[str, str] = {}

    def create(self, draft: Draft, not_after: float = math.inf) -> TicketRef:
        """One POST, never repeated, not sent after ``not_after`` (seconds since the epoch). The marker
        label is among the draft's labels."""
        cloud = self._deployment.dialect().cloud
        fields: dict[str, Any] = {
            "project": project_field(draft.project),
            "issuetype": {"id" if draft.issue_type.isdigit() else "name": draft.issue_type},
        }
        for id_, field in draft.fields.items():
            if field.value is not None and field.value != []:
                wire = encode(self._metadata.field(id_), field.value, cloud)
                if wire is not None:
                    fields[id_] = wire
        rule = draft.desired.rule.name
        mark = {"key": MARKER_PROPERTY, "value": {"key": draft.desired.key, "rule": rule}}
        what = f"creating a ticket in {draft.project}"
        try:
            answer = self._calls.call(
                "POST",
                "issue",
                body={"fields": fields, "properties": [mark]},
                what=what,
                safety=Safety.ONCE,
                project=draft.project,
                not_after=not_after,
            )
        except Missing as fault:
            raise Rejected(
                str(fault),
                cause=Cause.OTHER,
                remedy="Check the site's `url` in config.toml: Jira's API is not found there.",
            ) from None
        except Rejected:
            # What we know of the project led here; it may have changed.
            self._metadata.forget(draft.project)
            raise
        if not (isinstance(answer, Mapping) and answer.get("id") and answer.get("key")):
            raise Unknown(f"{what}: Jira's answer names no ticket")
        ref = TicketRef(str(answer["id"]), str(answer["key"]))
        self._remember(ref.id, draft.project)
        return ref

    def read(self, ticket_id: str, project: str = "") -> Observed:
        """The ticket with its offered transitions. Follows a moved ticket (numeric id).

        Raises Missing when it is gone, and Rejected when its whole project is. ``project`` is the
        project it was last known in, where the caller knows it.
        """
        what = f"reading ticket {ticket_id}"
        cloud = self._deployment.dialect().cloud
        try:
            raw = self._calls.call(
                "GET",
                f"issue/{quote(ticket_id, safe='')}",
                params={
                    "fields": ",".join(wanted_fields(self._metadata)),
                    "expand": "transitions.fields",
                },
                what=what,
                safety=Safety.READ,
                project=project or self._projects.get(ticket_id, ""),
            )
        except Missing as fault:
            self.check_project(project or self._projects.get(ticket_id, ""))
            raise TicketGone(str(fault)) from None
        seen = observed(raw, self._metadata, cloud, what)
        self._remember(ticket_id, seen.project)
        return seen

    def update(self, ref: TicketRef, changes: Sequence[Change]) -> None:
        """Field changes in one PUT. Labels are added and removed, never replaced."""
        cloud = self._deployment.dialect().cloud
        body: dict[str, Any] = {}
        for change in changes:
            if change.kind is FieldKind.LABELS:
                operations = [{"add": label} for label in change.add]
                operations += [{"remove": label} for label in change.remove]
                body.setdefault("update", {})[change.id] = operations
            else:
                info = self._metadata.field(change.id)
                body.setdefault("fields", {})[change.id] = encode(info, change.after, cloud)
        if body:
            self._write("PUT", ref, f"issue/{ref.id}", body, "updating", Safety.LOOK_FIRST)

    def transition(self, ref: TicketRef, hop: Hop, fields: Mapping[str, Any]) -> None:
        """One POST, never repeated. ``fields`` by field id, values as the rule gave them."""
        cloud = self._deployment.dialect().cloud
        body: dict[str, Any] = {"transition": {"id": str(hop.id)}}
        values = self._drafter.values()
        for id_, value in fields.items():
            info = self._metadata.field(id_)
            wire = encode(info, values.canonical(info, value), cloud)
            if wire is not None:
                body.setdefault("fields", {})[id_] = wire
        what = f"moving {ref.key} by {hop.name!r}"
        try:
            self._write(
                "POST", ref, f"issue/{ref.id}/transitions", body, what, Safety.ONCE, named=True
            )
        except Conflict as fault:
            raise Unknown(f"{fault}; somebody else may have moved it", over=True) from None
        except Rejected as fault:
            if fault.cause is Cause.PERMISSION:
                raise
            if not fault.field and _OVERTAKEN.search(str(fault)):
                raise Unknown(
                    f"{what}: {fault}; somebody else may have moved it", over=True
                ) from None
            raise Rejected(
                f"{what}: {fault}",
                cause=Cause.TRANSITION,
                field=fault.field,
                remedy="Give what it asks for in the rule's status table, as `resolution` or in "
                "`fields`, or take another way with `transition` or `via`.",
            ) from None

    def _write(
        self,
        method: str,
        ref: TicketRef,
        path: str,
        body: Any,
        doing: str,
        safety: Safety,
        *,
        named: bool = False,
    ) -> Any:
        what = doing if named else f"{doing} {ref.key}"
        return self._calls.call(
            method,
            path,
            body=body,
            what=what,
            safety=safety,
            ticket=ref.id,
            project=ref.project,
        )

    def check_project(self, project: str) -> None:
        """A ticket in a project we cannot see is not proven gone. Raises Rejected then."""
        if not project:
            return
        try:
            self._calls.call(
                "GET",
                f"project/{quote(project, safe='')}",
                what=f"looking whether project {project} is there",
                safety=Safety.READ,
                project=project,
            )
        except (Missing, Rejected):
            raise Rejected(
                f"project {project} is gone, or our account may not see it any more",
                cause=Cause.PROJECT,
                remedy="Give our account 'Browse projects' there, or change the rule's `project`.",
            ) from None

    def _remember(self, ticket_id: str, project: str) -> None:
        with self._lock:
            if len(self._projects) >= _PROJECTS_REMEMBERED:
                self._projects.clear()
            self._projects[ticket_id] = project
