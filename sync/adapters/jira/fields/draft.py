"""Desired to Draft: the rule's names and values in the site's own terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sync.adapters.jira.calls.deployment import Deployment
from sync.adapters.jira.fields.field import FieldInfo, Shape, standard_field
from sync.adapters.jira.fields.metadata import Metadata
from sync.adapters.jira.fields.values import Values, nearest
from sync.domain.errors import Cause, Rejected
from sync.domain.rule import Desired
from sync.domain.ticket import Draft, DraftField, FieldKind, marked

_KINDS = {Shape.TEXT: FieldKind.TEXT, Shape.LABELS: FieldKind.LABELS}


class Drafter:
    """Shared by threads."""

    def __init__(self, metadata: Metadata, deployment: Deployment) -> None:
        self._metadata = metadata
        self._deployment = deployment

    def values(self) -> Values:
        return Values(self._deployment.dialect().cloud, self._metadata.user)

    def draft(self, desired: Desired, *, anew: bool = False) -> Draft:
        """Raises Rejected for a name or value that the site does not have, as it is now. ``anew``:
        somebody asked for another try."""
        try:
            return self._draft(desired)
        except Rejected:
            if not self._metadata.renew(desired.project, soon=anew):
                raise
        return self._draft(desired)

    def _draft(self, desired: Desired) -> Draft:
        values = self.values()
        issue_type = self._issue_type(desired)
        whole_at = desired.remote_links[0].url if desired.remote_links else ""
        fields: dict[str, DraftField] = {}
        for name, wish in desired.fields.items():
            info = self._resolve(name, desired.project, issue_type)
            self._metadata.meet(info)
            fields[info.id] = DraftField(
                id=info.id,
                name=info.name,
                kind=_KINDS.get(info.shape, FieldKind.PLAIN),
                value=values.canonical(info, wish.value, whole_at=whole_at),
                ownership=wish.ownership,
            )
        known = fields.get("labels") or DraftField("labels", "Labels", FieldKind.LABELS, [])
        fields["labels"] = replace(known, value=marked(known.value, desired.key))
        if fields.get("summary") is None or not fields["summary"].value:
            raise Rejected(
                "the summary is empty",
                cause=Cause.FIELD,
                field="Summary",
                remedy="Give `summary` in the rule a text that is never empty.",
            )
        return Draft(desired, desired.project, issue_type, fields)

    def _issue_type(self, desired: Desired) -> str:
        wished = desired.issue_type
        if len(wished) == 1:
            return wished[0]
        there = {name.casefold(): name for name in self._metadata.issue_types(desired.project)}
        for name in wished:
            if name.casefold() in there:
                return there[name.casefold()]
        raise self._metadata.no_issue_type(desired.project, wished)

    def _resolve(self, name: str, project: str, issue_type: str) -> FieldInfo:
        standard = standard_field(name)
        if standard is not None:
            return standard
        on_screen = self._metadata.create_fields(project, issue_type)
        if name in on_screen:
            return on_screen[name]
        named = [f for f in on_screen.values() if f.name.casefold() == name.casefold()]
        if len(named) == 1:
            return named[0]
        if named:
            ids = ", ".join(sorted(f.id for f in named))
            raise Rejected(
                f"{len(named)} fields are named {name!r}",
                cause=Cause.FIELD,
                field=name,
                remedy=f"Write the id in the rule instead: one of {ids}.",
            )
        raise self._nowhere(name, on_screen, project, issue_type)

    def _nowhere(
        self, name: str, on_screen: Mapping[str, FieldInfo], project: str, issue_type: str
    ) -> Rejected:
        elsewhere = [
            f
            for f in self._metadata.all_fields().values()
            if name.casefold() in (f.name.casefold(), f.id.casefold())
        ]
        if elsewhere:
            return Rejected(
                f"{elsewhere[0].name} is not on the create screen of {issue_type} in {project}",
                cause=Cause.FIELD,
                field=elsewhere[0].name,
                remedy="Put the field on that screen in Jira, or take it out of the rule.",
            )
        return Rejected(
            f"the site has no field {name!r}",
            cause=Cause.FIELD,
            field=name,
            remedy=nearest(name, [f.name for f in on_screen.values()]),
        )
