"""Desired to Draft: the rule's names and values in the site's own terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sync.adapters.jira.fields.field import CHOSEN, FieldInfo, Shape, standard_fields
from sync.adapters.jira.fields.part import Part
from sync.adapters.jira.fields.screen import field_on_screen, is_own_word
from sync.adapters.jira.fields.values import Values
from sync.domain.errors import Cause, Rejected, blaming
from sync.domain.names import Name
from sync.domain.rule import Desired
from sync.domain.ticket import Draft, DraftField, FieldKind, marked

# After a refusal, cached answers younger than this many seconds are not asked for again, because many
# tickets may meet the same refusal at once. The second limit is for a ticket that a person tries again.
_YOUNG = 15.0
_YOUNG_FOR_A_PERSON = 2.0
_KINDS = {Shape.TEXT: FieldKind.TEXT, Shape.LABELS: FieldKind.LABELS}


class Drafts(Part):
    """Drafts of tickets. See ``sync.ports.Tracker``."""

    def draft(self, desired: Desired, *, anew: bool = False) -> Draft:
        # Somebody may have corrected in Jira what the rule names.
        young = _YOUNG_FOR_A_PERSON if anew else _YOUNG
        try:
            made = self._draft(desired)
        except Rejected:
            if not self._metadata.forget(desired.project, older_than=young):
                raise
            return self._draft(desired)
        if made.unmakable and self._metadata.forget(desired.project, older_than=young):
            return self._draft(desired)
        return made

    def _draft(self, desired: Desired) -> Draft:
        issue_type, unmakable = self._issue_type(desired)
        infos = self._resolve(desired, issue_type)
        whole_at = desired.remote_links[0].url if desired.remote_links else ""
        resolver, values = Values(self._calls.cloud(), self._metadata.people(desired.project)), {}
        for name, wish in desired.fields.items():
            with blaming(f"fields.{name}"):
                values[infos[name].id] = resolver.canonical(
                    infos[name], wish.value, whole_at=whole_at
                )
        fields = {
            info.id: DraftField(
                id=info.id,
                name=info.name,
                kind=_KINDS.get(info.shape, FieldKind.PLAIN),
                value=values[info.id],
                ownership=desired.fields[name].ownership,
                key=f"fields.{name}",
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
        return Draft(desired, desired.project, issue_type, fields, unmakable)

    def _issue_type(self, desired: Desired) -> tuple[Name, Rejected | None]:
        """The issue type, and why no ticket can be made where the project does not have it.

        A ticket that exists needs no issue type."""
        try:
            return self._metadata.issue_type(desired.project, desired.issue_type), None
        except Rejected as fault:
            return Name(desired.issue_type[0]), fault

    def _resolve(self, desired: Desired, issue_type: Name) -> dict[str, FieldInfo]:
        """The field for each name in the rule. Fields that offer nothing to choose from and that every
        Jira has need no call for the create screen."""
        plain = {n: i for n, i in standard_fields(desired.fields).items() if is_own_word(n)}
        infos = {name: info for name, info in plain.items() if info.shape not in CHOSEN}
        others = [name for name in desired.fields if name not in infos]
        if others:
            screen = self._screen(desired.project, issue_type)
            where = f"{issue_type} in {desired.project}"
            for name in others:
                known = plain.get(name)
                if known is not None and known.id not in screen:
                    infos[name] = known
                    continue
                with blaming(f"fields.{name}"):
                    infos[name] = field_on_screen(name, screen, self._metadata.all_fields, where)
            self._metadata.learn(infos.values())
        return {name: infos[name] for name in desired.fields}

    def _screen(self, project: str, issue_type: Name) -> Mapping[str, FieldInfo]:
        """The fields of the create screen, or all fields of the site for a type that is not there."""
        if issue_type.id:
            return self._metadata.create_fields(project, issue_type)
        return self._metadata.all_fields()
