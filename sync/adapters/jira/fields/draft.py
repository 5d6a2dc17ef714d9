"""Desired to Draft: the rule's names and values in the site's own terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sync.adapters.jira.fields.field import FieldInfo, Shape, standard_fields
from sync.adapters.jira.fields.part import Part
from sync.adapters.jira.fields.screen import field_on_screen, named
from sync.adapters.jira.fields.values import Values
from sync.domain.errors import Cause, Rejected
from sync.domain.rule import Desired, Ownership
from sync.domain.ticket import (
    Base,
    Draft,
    DraftField,
    FieldKind,
    ParkedField,
    marked,
    parked_by,
    wish_digest,
)

# After a refusal, cached answers younger than this many seconds are not asked for again, because many
# tickets may meet the same refusal at once. The second limit is for a ticket that a person tries again.
_YOUNG = 15.0
_YOUNG_FOR_A_PERSON = 2.0
# For a field that was parked before: each walk of its ticket comes by here.
_YOUNG_FOR_PARKED = 300.0
_KINDS = {Shape.TEXT: FieldKind.TEXT, Shape.LABELS: FieldKind.LABELS}


class Drafts(Part):
    """Drafts of tickets. See ``sync.ports.Tracker``."""

    def draft(self, desired: Desired, *, base: Base | None = None, anew: bool = False) -> Draft:
        young = _YOUNG_FOR_A_PERSON if anew else _YOUNG
        try:
            made = self._draft(desired, base)
            if not made.parked:
                return made
            if base and not anew and made.parked.keys() <= base.parked.keys():
                young = _YOUNG_FOR_PARKED
        except Rejected:
            # Somebody may have corrected in Jira what the rule names.
            if not self._metadata.forget(desired.project, older_than=young):
                raise
        else:
            if not self._metadata.forget(desired.project, older_than=young):
                return made
        return self._draft(desired, base)

    def _draft(self, desired: Desired, base: Base | None) -> Draft:
        work = _Work(desired, base)
        issue_type = self._issue_type(desired, base)
        self._resolve(work, issue_type)
        values = Values(self._calls.cloud(), self._metadata.user)
        for name, info in work.infos.items():
            self._value(work, name, info, values)
        fields = work.fields
        known = fields.get("labels") or DraftField("labels", "Labels", FieldKind.LABELS, [])
        fields["labels"] = replace(known, value=marked(known.value, desired.key))
        if "summary" not in fields or not fields["summary"].value:
            fields.pop("summary", None)
            work.park("summary", "summary", _NO_SUMMARY)
        if base is None and work.parked:
            self._check_required(desired, issue_type, work.parked)
        return Draft(desired, desired.project, issue_type, fields, work.parked)

    def _issue_type(self, desired: Desired, base: Base | None) -> str:
        wished = desired.issue_type
        if len(wished) == 1:
            return wished[0]
        try:
            if found := self._metadata.issue_type(desired.project, wished):
                return found
            raise self._metadata.no_issue_type(desired.project, wished)
        except Rejected:
            if base is None:
                raise
            # The type of a ticket that exists is not written.
            return wished[0]

    def _resolve(self, work: _Work, issue_type: str) -> None:
        """The field for each name in the rule. Standard fields need no call for the create screen."""
        desired = work.desired
        infos = standard_fields(desired.fields)
        others = [name for name in desired.fields if name not in infos]
        if others:
            screen = self._create_screen(work, issue_type)
            where = f"{issue_type} in {desired.project}"
            for name in others:
                try:
                    infos[name] = self._field(work, name, screen, where)
                except Rejected as fault:
                    # Where nothing of the field is to be written, it may have gone.
                    if not work.agreed(name):
                        work.park(name, name, fault)
            work.screen = screen
            self._metadata.learn(infos.values())
        work.infos = {name: infos[name] for name in desired.fields if name in infos}

    def _create_screen(self, work: _Work, issue_type: str) -> Mapping[str, FieldInfo]:
        """The fields of the create screen. For a ticket that exists, its project or type may be gone
        from the site; then all fields of the site stand in."""
        try:
            return self._metadata.create_fields(work.desired.project, issue_type)
        except Rejected:
            if work.base is None:
                raise
            return self._metadata.all_fields()

    def _field(
        self, work: _Work, name: str, screen: Mapping[str, FieldInfo], where: str
    ) -> FieldInfo:
        """The field that the rule means. A ticket that exists may have it on its edit screen alone.
        Raises Rejected where there is none, or more than one."""
        try:
            return field_on_screen(name, screen, self._metadata.all_fields, where)
        except Rejected:
            if work.base is None:
                raise
            found = named(name, self._metadata.all_fields())
            if len(found) != 1:
                raise
            return found[0]

    def _value(self, work: _Work, name: str, info: FieldInfo, values: Values) -> None:
        wish, kind = work.desired.fields[name], _KINDS.get(info.shape, FieldKind.PLAIN)
        if kind is FieldKind.PLAIN and work.agreed(name) == info.id:
            # Nothing of it is to be written, so that it may have become invalid meanwhile.
            work.keep(name, info)
            return
        links = work.desired.remote_links
        try:
            value = values.canonical(info, wish.value, whole_at=links[0].url if links else "")
        except Rejected as fault:
            work.park(info.id, name, fault)
            return
        work.put(name, info, value)

    def _check_required(
        self, desired: Desired, issue_type: str, parked: Mapping[str, ParkedField]
    ) -> None:
        """Raises Rejected where the ticket cannot be made without one of the parked fields."""
        screen = self._metadata.create_fields(desired.project, issue_type)
        for id_, one in parked.items():
            info = screen.get(id_)
            if id_ == "summary" or (info and info.required and not info.has_default):
                why = one.parked
                raise Rejected(why.reason, cause=why.cause, field=why.field, remedy=why.remedy)


_NO_SUMMARY = Rejected(
    "the summary is empty",
    cause=Cause.FIELD,
    field="Summary",
    remedy="Give `summary` in the rule a text that is never empty.",
)


class _Work:
    """One draft as it is made. ``infos`` has the fields by the rule's names for them."""

    def __init__(self, desired: Desired, base: Base | None) -> None:
        self.desired = desired
        self.base = base
        self.infos: dict[str, FieldInfo] = {}
        self.screen: Mapping[str, FieldInfo] | None = None
        self.fields: dict[str, DraftField] = {}
        self.parked: dict[str, ParkedField] = {}

    def wish(self, name: str) -> str:
        given = self.desired.fields.get(name)
        return wish_digest(name, given.value if given else None)

    def agreed(self, name: str) -> str:
        """The id of the field, where it was last agreed on as the rule still wishes it; else ""."""
        return self.base.agreed(self.wish(name)) if self.base else ""

    def keep(self, name: str, info: FieldInfo) -> None:
        """The field stays as it was last agreed on."""
        known = self.base.fields.get(info.id) if self.base else None
        self.put(name, info, known.sent if known else None)

    def put(self, name: str, info: FieldInfo, value: Any) -> None:
        self.fields[info.id] = DraftField(
            id=info.id,
            name=info.name,
            kind=_KINDS.get(info.shape, FieldKind.PLAIN),
            value=value,
            ownership=self.desired.fields[name].ownership,
            wish=self.wish(name),
            on_create_screen=None if self.screen is None else info.id in self.screen,
        )

    def park(self, id_: str, name: str, fault: Rejected) -> None:
        given = self.desired.fields.get(name)
        if self.base and given and given.ownership is Ownership.TICKET:
            return  # Set at creation alone, so that nothing of it is to be written.
        self.parked[id_] = ParkedField(
            parked_by(fault, self.desired.rule, fault.field or name), self.wish(name)
        )
