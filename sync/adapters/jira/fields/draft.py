"""Desired to Draft: the rule's names and values in the site's own terms."""

from __future__ import annotations

from dataclasses import replace

from sync.adapters.jira.fields.field import FieldInfo, Shape, standard_fields
from sync.adapters.jira.fields.part import Part
from sync.adapters.jira.fields.screen import field_on_screen
from sync.adapters.jira.fields.values import Values
from sync.domain.errors import Cause, Rejected
from sync.domain.rule import Desired
from sync.domain.ticket import Draft, DraftField, FieldKind, marked

_KINDS = {Shape.TEXT: FieldKind.TEXT, Shape.LABELS: FieldKind.LABELS}


class Drafts(Part):
    """What a rule asks for, in the site's own terms."""

    def draft(self, desired: Desired, *, anew: bool = False) -> Draft:
        """See ``sync.ports.Tracker``."""
        try:
            return self._draft(desired)
        except Rejected:
            if not self._metadata.forget_old(desired.project, asked=anew):
                raise
        return self._draft(desired)

    def _draft(self, desired: Desired) -> Draft:
        issue_type = self._issue_type(desired)
        infos = self._resolve(desired, issue_type)
        values = Values(self._calls.cloud(), self._metadata.user).canonical_all(
            [(infos[name], wish.value) for name, wish in desired.fields.items()],
            whole_at=desired.remote_links[0].url if desired.remote_links else "",
        )
        fields = {
            info.id: DraftField(
                id=info.id,
                name=info.name,
                kind=_KINDS.get(info.shape, FieldKind.PLAIN),
                value=values[info.id],
                ownership=desired.fields[name].ownership,
            )
            for name, info in infos.items()
        }
        known = fields.get("labels") or DraftField("labels", "Labels", FieldKind.LABELS, [])
        fields["labels"] = replace(known, value=marked(known.value, desired.key))
        if "summary" not in fields or not fields["summary"].value:
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

    def _resolve(self, desired: Desired, issue_type: str) -> dict[str, FieldInfo]:
        """The field for each name that the rule gives. Standard fields need no look at the screen."""
        infos = standard_fields(desired.fields)
        others = [name for name in desired.fields if name not in infos]
        if others:
            screen = self._metadata.create_fields(desired.project, issue_type)
            where = f"{issue_type} in {desired.project}"
            for name in others:
                infos[name] = field_on_screen(name, screen, self._metadata.all_fields, where)
            self._metadata.learn(infos.values())
        return {name: infos[name] for name in desired.fields}
