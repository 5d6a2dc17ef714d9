"""Undo: which fields, and which move, of an edit of the rules are put back on a ticket. Pure.

The base becomes what it was before the edit, field by field, so that everything after goes on as if the
edit had never been. What Jira shows is put back where it still is what the edit wrote. Where upstream
has changed since what the rules in force ask, they are followed as ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from sync.domain.actions import Change, Transition
from sync.domain.former import FormerField, FormerStatus, digest, digest_as_compared
from sync.domain.merge import as_compared, merge_text, ours_changed
from sync.domain.rule import Ownership, StatusTarget
from sync.domain.ticket import (
    Base,
    Document,
    Draft,
    DraftField,
    FieldBase,
    FieldKind,
    Observed,
    remembered,
    same,
)
from sync.domain.wording import short
from sync.domain.workflow import Stuck, next_transition


class Verdict(StrEnum):
    """What becomes of something that the edit changed.

    ``back``: put back. ``there``: it is as before already. ``person``: left, because somebody has
    changed it in Jira since. ``upstream``: left to the rules, because what they ask has changed since.
    ``cannot``: it cannot be put back.
    """

    BACK = "back"
    THERE = "there"
    PERSON = "person"
    UPSTREAM = "upstream"
    CANNOT = "cannot"


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on a field, or on the status, by the field's id and name. ``before`` is what it was
    before the edit, ``now`` what Jira shows, both in short words; ``words`` say more."""

    id: str
    name: str
    verdict: Verdict
    before: str = ""
    now: str = ""
    words: str = ""

    def __str__(self) -> str:
        if self.verdict is Verdict.BACK:
            return f"{self.name}: {self.now} → {self.before}"
        return f"{self.name}: {self.words}"


@dataclass(frozen=True, slots=True)
class Back:
    """What is put back. ``base`` is the base to plan by, ``was`` the base before. ``target`` is where
    ``move`` leads."""

    base: Base
    was: Base
    changes: Mapping[str, Change] = field(default_factory=dict)
    move: Transition | None = None
    target: StatusTarget | None = None
    told: tuple[Judged, ...] = ()


STATUS = "status"
_PERSON = "it stays {now}: somebody has changed it in Jira since"
_UPSTREAM = "it follows the rules: what they ask of the ticket has changed since"
_WORDS = {Verdict.THERE: "it is as before already", Verdict.PERSON: _PERSON}
_LOST = "it was too long to be kept"
_HIDDEN = "Jira does not show it on this ticket"
_LOCKED = "Jira lets nobody edit it as the ticket stands"


def undone(draft: Draft, base: Base, observed: Observed) -> Back:
    """What of ``draft.former`` is put back on a ticket that shows ``observed``."""
    back, former = Back(base, base), draft.former
    if former is None:
        return back
    if former.status is not None:
        back = _status(back, former.status, draft, observed)
    moving = back.move is not None
    for one in former.fields.values():
        back = _field(back, one, draft.fields.get(one.id), observed, moving=moving)
    return back


def _field(
    back: Back, one: FormerField, wished: DraftField | None, observed: Observed, *, moving: bool
) -> Back:
    last = back.base.fields.get(one.id)
    if one.lost or one.id not in observed.fields:
        return _told(back, one, Verdict.CANNOT, _LOST if one.lost else _HIDDEN)
    now, asked = observed.fields[one.id], _asked(wished)
    if asked is not None and _asks_otherwise(one, asked, last):
        return _by_the_rules(back, one, asked, now)
    # From here on, the edit counts as if it had never been.
    base = _with_field(back.base, one.id, one.known)
    if one.found and one.id not in base.found:
        base = replace(base, found=(*base.found, one.id))
    back = replace(back, base=base)
    change = _change(one, last, now)
    if isinstance(change, Verdict):
        return _told(back, one, change, _WORDS[change].format(now=repr(short(now))), short(now))
    if not _writable(one.id, observed, moving=moving):
        return _told(back, one, Verdict.CANNOT, _LOCKED, short(now))
    back = replace(back, changes={**back.changes, one.id: change})
    return _told(back, one, Verdict.BACK, change.words, short(now))


def _asked(wished: DraftField | None) -> DraftField | None:
    """What the rules in force ask of a field of a ticket that exists."""
    if wished is None or wished.ownership is Ownership.TICKET:
        return None
    return wished


def _asks_otherwise(one: FormerField, asked: DraftField, last: FieldBase | None) -> bool:
    """Whether a field is left to the rules in force: by now they write something else than before the
    edit; or we have written since, and what is merged part by part is merged from there."""
    merged = one.kind in (FieldKind.TEXT, FieldKind.LABELS)
    return ours_changed(asked, one.known) or (merged and not _is_last_write(one, last))


def _by_the_rules(back: Back, one: FormerField, asked: DraftField, now: Any) -> Back:
    """A field that the rules in force write as they ever do, unless a person has changed it since we
    wrote last: then it counts as if these rules had written before."""
    last, ours = back.base.fields.get(one.id), asked.ownership is Ownership.SOURCE
    if ours or one.kind is FieldKind.LABELS or _is_ours(one, last, now):
        return _told(back, one, Verdict.UPSTREAM, _UPSTREAM, short(now))
    wish = remembered(asked.value)
    back = replace(back, base=_with_field(back.base, one.id, FieldBase(wish, wish, looked=True)))
    return _told(back, one, Verdict.PERSON, _PERSON.format(now=repr(short(now))), short(now))


def _writable(id_: str, observed: Observed, *, moving: bool) -> bool:
    screen = observed.edit_screen
    return screen is None or id_ in screen or (moving and not screen)


def _change(one: FormerField, last: FieldBase | None, now: Any) -> Change | Verdict:
    """The change that puts a field back, or why none is made."""
    if one.kind is FieldKind.LABELS:
        return _labels(one, now) or (Verdict.THERE if _as_before(one, now) else Verdict.PERSON)
    if as_compared(remembered(now)) == as_compared(remembered(one.before)):
        return Verdict.THERE
    if not _is_ours(one, last, now):
        return Verdict.PERSON
    after, blocks = one.before, _blocks(one, last)
    if isinstance(now, Document) and len(blocks) < len(now.blocks) and _holds(now, blocks):
        # What people have put around it since stays.
        after = merge_text(blocks, now, one.before or Document(), take_over=False)
    return Change(one.id, one.name, one.kind, before=now, after=after, back=True)


def _as_before(one: FormerField, now: Any) -> bool:
    there = set(now or ())
    return not (there & set(one.add)) and set(one.remove) <= there


def _is_last_write(one: FormerField, last: FieldBase | None) -> bool:
    """Whether no later write of ours to the field was agreed on: what the edit wrote or, where an undo
    was broken off, what was before it."""
    sent = last.sent if last else None
    before = one.known.sent if one.known else None
    return digest(sent) == one.sent or same(sent, before)


def _is_ours(one: FormerField, last: FieldBase | None, now: Any) -> bool:
    """Whether Jira shows what we wrote last. To a text, people may have added blocks."""
    shown, current = remembered(now), _is_last_write(one, last)
    if current and digest_as_compared(shown) == one.after:
        return True
    if isinstance(now, Document) and _holds(now, _blocks(one, last)):
        return True
    if last is None or (current and digest(last.sent) != one.sent):
        return False
    if last.looked:
        return same(shown, last.shown)
    return one.kind is FieldKind.OPAQUE or as_compared(shown) == as_compared(last.sent)


def _blocks(one: FormerField, last: FieldBase | None) -> tuple[str, ...]:
    """The identities of the blocks of a text as we wrote it last."""
    if last is None or _is_last_write(one, last):
        return one.blocks
    return tuple(last.sent or ())


def _holds(now: Document, blocks: tuple[str, ...]) -> bool:
    """Whether a text has all of these blocks, in their order."""
    there = iter(now.identities)
    return bool(blocks) and all(block in there for block in blocks)


def _labels(one: FormerField, now: Any) -> Change | None:
    """Each label that the edit added is taken off, and each that it took off is put back, where nobody
    has done so since."""
    there = list(now or ())
    add = tuple(label for label in one.remove if label not in there)
    remove = tuple(label for label in one.add if label in there)
    if not (add or remove):
        return None
    after = sorted({*there, *add} - {*remove})
    kind = FieldKind.LABELS
    return Change(one.id, one.name, kind, there, after, add, remove, back=True)


def _with_field(base: Base, id_: str, known: FieldBase | None) -> Base:
    fields = {name: one for name, one in base.fields.items() if name != id_}
    wishes = {name: wish for name, wish in base.wishes.items() if name != id_}
    if known is not None:
        fields[id_] = known
    return replace(base, fields=fields, wishes=wishes)


def _told(back: Back, one: FormerField, verdict: Verdict, words: str, now: str = "") -> Back:
    before = "" if one.lost else short(one.before)
    told = Judged(one.id, one.name, verdict, before, now or one.became, words)
    return replace(back, told=(*back.told, told))


def _status(back: Back, one: FormerStatus, draft: Draft, observed: Observed) -> Back:
    base, here = back.base, observed.status
    last = base.status.value if base.status else None
    if last not in (one.sent, one.known["status"]) or (
        draft.desired.status.value != one.known["status"]
    ):
        return _status_told(back, one, Verdict.UPSTREAM, here.name, _UPSTREAM)
    target = StatusTarget(
        status=one.id, resolution=(one.resolution,) if one.resolution else (), any=True
    )
    if here.id == one.id:
        back = replace(back, base=one.placed(base))
        return _status_told(back, one, Verdict.THERE, here.name, "it is as before already")
    if here.id != one.to and not base.brought_to(here.id):
        back = replace(back, base=one.placed(base))
        words = _PERSON.format(now=repr(here.name))
        return _status_told(back, one, Verdict.PERSON, here.name, words)
    step = next_transition(target, observed, base.walked)
    if isinstance(step, Stuck):
        return _status_told(back, one, Verdict.CANNOT, here.name, step.reason)
    placed = replace(one.placed(base), walked=base.walked)
    back = replace(back, base=placed, move=step, target=target)
    return _status_told(back, one, Verdict.BACK, here.name, str(step))


def _status_told(back: Back, one: FormerStatus, verdict: Verdict, now: str, words: str) -> Back:
    return replace(back, told=(*back.told, Judged(STATUS, "Status", verdict, one.name, now, words)))
