"""Desired to Draft: the rule's names and values in the site's own terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from sync.adapters.jira.fields.boards import board_of
from sync.adapters.jira.fields.choices import Lacking
from sync.adapters.jira.fields.field import CHOSEN, FieldInfo, Shape, own_words
from sync.adapters.jira.fields.part import Part
from sync.adapters.jira.fields.screen import field_named, field_of_apps, field_on_screen, is_parent
from sync.adapters.jira.fields.values import Values
from sync.domain.epics import Foreseen, epic_wish
from sync.domain.errors import Cause, Parked, Rejected
from sync.domain.names import Name
from sync.domain.rule import Desired, Ownership
from sync.domain.ticket import (
    Base,
    Draft,
    DraftField,
    FieldKind,
    ParkedField,
    failed_parts,
    marked,
    wishes_of,
)

# After a refusal, cached answers younger than this many seconds are not asked for again, because many
# tickets may meet the same refusal at once. The second limit is for a ticket that a person tries again.
_YOUNG = 15.0
_YOUNG_FOR_A_PERSON = 2.0
# The limit where only fields are parked that were parked before: otherwise each walk of such a ticket
# would ask Jira again.
_YOUNG_FOR_PARKED = 300.0
_KINDS = {
    Shape.TEXT: FieldKind.TEXT,
    Shape.LABELS: FieldKind.LABELS,
    # Jira shows a ticket or project by its key. A rule may give its id, or a key that it had before.
    Shape.PARENT: FieldKind.OPAQUE,
    Shape.EPIC_LINK: FieldKind.OPAQUE,
    Shape.PROJECT: FieldKind.OPAQUE,
    Shape.OTHER: FieldKind.OPAQUE,
}
_MERGED = (FieldKind.TEXT, FieldKind.LABELS)


class Drafts(Part):
    """Drafts of tickets. See ``sync.ports.Tracker``."""

    def show(self, fields: Iterable[str]) -> None:
        for id_ in fields:
            with suppress(Rejected):
                self._metadata.fields((id_,))

    def draft(self, desired: Desired, *, base: Base | None = None, anew: bool = False) -> Draft:
        # Where a name of the rule is not found, cached answers are dropped and Jira is asked once more:
        # somebody may have added the thing there.
        young = _YOUNG_FOR_A_PERSON if anew else _YOUNG
        try:
            made = self._draft(desired, base)
        except Rejected:
            if not self._metadata.forget(desired.project, older_than=young):
                raise
            return self._draft(desired, base)
        if base and not anew and made.parked_fields.keys() <= base.parked.keys():
            young = _YOUNG_FOR_PARKED
        # Asking Jira again is no use for a field that is parked because its template fails.
        unknown = any(o.parked.cause is not Cause.RULE for o in made.parked_fields.values())
        wanting = unknown or (made.unmakable and base is None)
        if wanting and self._metadata.forget(desired.project, older_than=young):
            return self._draft(desired, base)
        return made

    def _draft(self, desired: Desired, base: Base | None) -> Draft:
        work = _Work(desired, base)
        issue_type, unmakable = self._issue_type(desired)
        self._resolve(work, issue_type)
        people = self._metadata.people(desired.project)
        offers, epic = self._metadata.offers(desired.project), work.epic
        tables = {Shape.SPRINT: self._sprint, Shape.PARENT: epic, Shape.EPIC_LINK: epic}
        values = Values(self._calls.cloud(), people, offer_of=offers, tables=tables)
        self._values(work, values)
        fields = work.fields
        known = fields.get("labels") or DraftField(
            "labels", "Labels", FieldKind.LABELS, work.labels()
        )
        fields["labels"] = replace(known, value=marked(known.value or (), desired.key))
        if "summary" not in fields or not fields["summary"].value:
            fault = work.faults.get("summary") or _no_summary()
            if base is None:
                raise fault
            fields.pop("summary", None)
            work.park("summary", "summary", fault)
        if unmakable is None and base is None and work.parked:
            unmakable = self._wanting(desired, issue_type, work)
        return Draft(desired, desired.project, issue_type, fields, unmakable, work.parked)

    def _sprint(self, table: Mapping[str, Any]) -> Any:
        """What a table stands for as a value of the sprint."""
        board = board_of(table)
        if not board:
            return table
        active = self._metadata.active_sprints(board)
        return active[0].name.id if active else None

    def _issue_type(self, desired: Desired) -> tuple[Name, Rejected | None]:
        """The issue type, and why no ticket can be made where the project does not have it.

        A ticket that exists needs no issue type."""
        try:
            return self._metadata.issue_type(desired.project, desired.issue_type), None
        except Rejected as fault:
            return Name(desired.issue_type[0]), fault

    def _resolve(self, work: _Work, issue_type: Name) -> None:
        """The field for each name in the rule. Fields that offer nothing to choose from and that every
        Jira has need no call for the create screen."""
        desired = work.desired
        plain = own_words(desired.fields)
        infos = {name: info for name, info in plain.items() if not self._is_on_screen(info)}
        others = [name for name in desired.fields if name not in infos]
        if others:
            infos |= self._chosen_on_screen(work, issue_type, others, plain)
            self._metadata.learn(infos.values())
        work.infos = {name: infos[name] for name in desired.fields if name in infos}

    def _is_on_screen(self, info: FieldInfo) -> bool:
        """Whether only the create screen tells how a standard field is written."""
        # On Data Center, sub-tasks have a parent, and other tickets have an Epic Link.
        return info.shape in CHOSEN or (info.shape is Shape.PARENT and not self._calls.cloud())

    def _chosen_on_screen(
        self, work: _Work, issue_type: Name, names: list[str], plain: Mapping[str, FieldInfo]
    ) -> dict[str, FieldInfo]:
        """The fields by these names as the create screen describes them, or as ``plain`` does."""
        screen, found = self._create_screen(work, issue_type), {}
        for name in names:
            known = plain.get(name)
            elsewhere = is_parent(name) or (known is not None and known.id == "security")
            absent = known is not None and known.id not in screen and not elsewhere
            info = known if absent else self._field(work, name, screen, issue_type)
            if info is not None:
                found[name] = info
        # An issue type that is not there has no create screen. A field that is on no edit screen is
        # then parked and not left for good, because the type may come back.
        work.screen = screen if issue_type.id else {}
        return found

    def _create_screen(self, work: _Work, issue_type: Name) -> Mapping[str, FieldInfo]:
        """The fields of the create screen. Instead, all fields of the site, where the issue type is not
        there, or where the ticket exists and its project is gone."""
        try:
            if issue_type.id:
                return self._metadata.create_fields(work.desired.project, issue_type)
        except Rejected:
            if work.base is None:
                raise
        return self._metadata.all_fields()

    def _field(
        self, work: _Work, name: str, screen: Mapping[str, FieldInfo], issue_type: Name
    ) -> FieldInfo | None:
        """The field that the rule means; None, and parked, where there is none, or more than one. A
        ticket that exists may have the field on its edit screen alone."""
        where, whole_site = f"{issue_type} in {work.desired.project}", self._metadata.all_fields
        try:
            try:
                return field_on_screen(name, screen, whole_site, where)
            except Rejected:
                if work.base is None:
                    raise
                of_apps = field_of_apps(name, whole_site())
                return of_apps or field_named(name, whole_site(), screen)
        except Rejected as fault:
            # A field that needs no write because its wish was agreed on may be gone from the site.
            if not work.agreed(name):
                work.park(name, name, fault)
            return None

    def _values(self, work: _Work, values: Values) -> None:
        """Put the value of each field, or park the field. A value that was agreed on before needs no
        write, so it is not parked even if it has become invalid."""
        kinds = {name: self._kind(info) for name, info in work.infos.items()}
        wished = {
            name: (info, work.desired.fields[name].value)
            for name, info in work.infos.items()
            if not work.is_kept(name, kinds[name])
        }
        links = work.desired.remote_links
        found = values.canonical_or_fault(wished, whole_at=links[0].url if links else "")
        for name, info in work.infos.items():
            value, kind = found.get(name), kinds[name]
            if failed := work.failed(name):
                work.park(info.id, name, failed)
            elif name in found and not isinstance(value, Rejected):
                work.put(name, info, value, kind)
            elif isinstance(value, Rejected) and not work.is_agreed(name, kind):
                work.park(info.id, name, value)
                work.put_in_part(name, info, value, kind)
            else:
                work.keep(name, info, kind)

    def _kind(self, info: FieldInfo) -> FieldKind:
        if info.shape is Shape.REQUEST_TYPE and not self._calls.cloud():
            # Data Center takes the keys of portal and request type, and shows the id.
            return FieldKind.OPAQUE
        return _KINDS.get(info.shape, FieldKind.PLAIN)

    def _wanting(self, desired: Desired, issue_type: Name, work: _Work) -> Rejected | None:
        """Why the ticket cannot be made: Jira requires a field that cannot be resolved. None if it
        requires no such field."""
        screen = self._metadata.create_fields(desired.project, issue_type)
        for id_, fault in work.faults.items():
            info = None if id_ in work.fields else screen.get(id_)
            if info and info.required and not info.has_default:
                return fault
        return None


def _no_summary() -> Rejected:
    return Rejected(
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
        self.parked = failed_parts(desired) if desired.failed else {}
        self.faults: dict[str, Rejected] = {}
        # By the rule's names, save for what is as agreed.
        self.wishes = wishes_of(desired)

    def epic(self, table: Mapping[str, Any]) -> Any:
        """What a table stands for as the ticket above: the key of the epic that it names."""
        wish = epic_wish(table)
        if wish is None:
            return None
        asked = self.desired.epic_of
        return Foreseen(str(wish)) if asked is None else asked(wish) or None

    def labels(self) -> list[str]:
        """The labels where the rule gives none. Where its template for them fails, those that it gave
        before, so that they stay."""
        known = self.base.fields.get("labels") if self.base else None
        return list(known.sent or ()) if known and "labels" in self.parked else []

    def agreed(self, name: str) -> str:
        """The id of the field, where it was last agreed on as the rule still wishes it; else ""."""
        if name not in self.wishes:
            return self.infos[name].id if name in self.infos else name
        return self.base.agreed(self.wishes[name]) if self.base else ""

    def failed(self, name: str) -> Rejected | None:
        """Why the rule fails to say what the field is to have, None where it does not fail."""
        failed = self.desired.failed.get(f"fields.{name}")
        return failed.again() if failed is not None else None

    def is_agreed(self, name: str, kind: FieldKind) -> bool:
        """Whether a field that is not merged was last agreed on as the rule still wishes it."""
        return kind not in _MERGED and self.agreed(name) == self.infos[name].id

    def is_kept(self, name: str, kind: FieldKind) -> bool:
        """Whether the field needs no write, whatever people did to it. Its value is then not worked
        out: converting a text is most of what a draft costs."""
        wish = self.desired.fields[name]
        if self._theirs(name):
            return True
        always = wish.ownership is Ownership.SOURCE
        agreed = kind is FieldKind.TEXT and self.agreed(name) == self.infos[name].id
        return wish.as_agreed or (not always and (agreed or self.is_agreed(name, kind)))

    def _theirs(self, name: str) -> bool:
        """Whether the field yields to people, and a person has changed it."""
        given, info = self.desired.fields.get(name), self.infos.get(name)
        yields = given is not None and given.ownership is Ownership.YIELD
        return bool(yields and info and self.base and info.id in self.base.theirs)

    def keep(self, name: str, info: FieldInfo, kind: FieldKind) -> None:
        """The field stays as it was last agreed on."""
        known = self.base.fields.get(info.id) if self.base else None
        self.put(name, info, known.sent if known else None, kind)

    def _wish_agreed(self, id_: str) -> str:
        return self.base.wishes.get(id_, "") if self.base else ""

    def put(self, name: str, info: FieldInfo, value: Any, kind: FieldKind) -> None:
        self.fields[info.id] = DraftField(
            id=info.id,
            name=info.name,
            kind=kind,
            value=value,
            ownership=self.desired.fields[name].ownership,
            key=f"fields.{name}",
            wish=self.wishes[name] if name in self.wishes else self._wish_agreed(info.id),
            on_create_screen=None if self.screen is None else info.id in self.screen,
        )

    def put_in_part(self, name: str, info: FieldInfo, fault: Rejected, kind: FieldKind) -> None:
        """The values of a list that are there, where others are not."""
        if isinstance(fault, Lacking) and fault.found:
            self.put(name, info, fault.found, kind)

    def park(self, id_: str, name: str, fault: Rejected) -> None:
        """Set the field aside that the rule calls ``name``."""
        desired, given = self.desired, self.desired.fields.get(name)
        once = given is not None and given.ownership is Ownership.TICKET
        if self.base and (once or self._theirs(name)):
            return  # Set at creation alone, or people's by now, so that nothing of it is to be written.
        fault.key = fault.key or f"fields.{name}"
        fault.field = fault.field or name
        asker = desired.asker(fault.key)
        place = desired.place(fault.key) if asker is desired.rule else asker.where
        why = Parked.of(fault, asker.name, place)
        self.parked[id_] = ParkedField(why, self.wishes[name])
        self.faults[id_] = fault
