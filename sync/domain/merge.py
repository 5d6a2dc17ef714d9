"""Three-way decisions for one field: what we last sent, what Jira showed, what is wished now.

*Ours changed* when desired differs from what we last sent; *theirs changed* when observed differs
from what Jira showed after our last write. Comparing desired with observed would never settle,
because Jira rewrites text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Any

from sync.domain.actions import Change
from sync.domain.rule import Ownership
from sync.domain.ticket import (
    Base,
    Block,
    Document,
    Draft,
    DraftField,
    FieldBase,
    FieldIntent,
    FieldKind,
    Observed,
    is_marker,
    remembered,
    same,
)


def _empty(value: Any) -> bool:
    return value is None or value == "" or value == [] or value == Document()


def _squashed(value: Any) -> str:
    text = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return "".join(text.split()).casefold()


def ours_changed(field: DraftField, base: FieldBase | None) -> bool:
    """Whether what we wish differs from what we last sent."""
    if base is None:
        return not _empty(field.value)
    return not same(remembered(field.value), base.sent)


def shown_after(field_base: FieldBase, observed: Any) -> Any:
    """What Jira showed after our last write, as far as it can be known.

    On the first look after a write the answer is what is there now, if it is our value rewritten;
    if it says something else, a person was faster and our value stands as what was shown.
    """
    if field_base.looked:
        return field_base.shown
    now = remembered(observed)
    if _empty(now) and _empty(field_base.sent):
        return now
    return now if _squashed(now) == _squashed(field_base.sent) else field_base.sent


def merge_text(
    sent: Sequence[str], observed: Document, desired: Document, *, take_over: bool
) -> Document:
    """The observed document with what changed upstream since ``sent`` brought in.

    ``sent`` are the identities of the blocks as Jira showed them after our last write. A three-way
    merge by blocks: where only we changed something, ours is taken; where only a person did, theirs
    stays; where both changed the same blocks, ours replaces theirs, and blocks a person put before,
    after or between stay. Where nothing of ours is left, ours comes after theirs.
    ``take_over`` (a field that is always ours) replaces everything.
    """
    if take_over or not observed.blocks:
        return desired
    there = _matches(sent, observed.identities)
    if not there:
        return Document(observed.blocks + desired.blocks)
    wished = _matches(sent, desired.identities)
    merged: list[Block] = []
    s = o = d = 0
    for anchor in [*sorted(there.keys() & wished.keys()), len(sent)]:
        end_o = there.get(anchor, len(observed.blocks))
        end_d = wished.get(anchor, len(desired.blocks))
        merged += _stretch(sent[s:anchor], observed.blocks[o:end_o], desired.blocks[d:end_d])
        if anchor < len(sent):
            merged.append(observed.blocks[end_o])
        s, o, d = anchor + 1, end_o + 1, end_d + 1
    return Document(tuple(merged))


def _matches(sent: Sequence[str], other: Sequence[str]) -> dict[int, int]:
    """Places in ``sent`` and where the same block stands in ``other``, in order."""
    blocks = SequenceMatcher(a=list(sent), b=list(other), autojunk=False).get_matching_blocks()
    return {m.a + n: m.b + n for m in blocks for n in range(m.size)}


def _stretch(sent: Sequence[str], theirs: Sequence[Block], ours: Sequence[Block]) -> list[Block]:
    """What becomes of the blocks between two that nobody changed."""
    their_words = [block.identity for block in theirs]
    if [block.identity for block in ours] == list(sent):
        return list(theirs)
    if their_words == list(sent):
        return list(ours)
    # Both changed it. What they put in beside ours stays; what they made of ours does not, block for
    # block: of two where one of ours stood, the one further from the middle is put in.
    opcodes = SequenceMatcher(a=list(sent), b=their_words, autojunk=False).get_opcodes()
    before: list[Block] = []
    after: list[Block] = []
    for tag, a1, a2, b1, b2 in opcodes:
        extra = max(0, (b2 - b1) - (a2 - a1))
        if tag not in ("insert", "replace") or not extra:
            continue
        if a1 == 0:
            before += theirs[b1 : b1 + extra]
        else:
            after += theirs[b2 - extra : b2]
    return [*before, *ours, *after]


def _labels(field: DraftField, base: FieldBase | None, observed: Any) -> Change | None:
    wished, there = list(field.value or ()), list(observed or ())
    sent = list(base.sent or ()) if base else []
    always = field.ownership is Ownership.SOURCE
    # A label of ours that a person took off stays off, but without its marker a ticket is lost.
    add = tuple(
        label
        for label in wished
        if label not in there and (always or label not in sent or is_marker(label))
    )
    remove = tuple(label for label in sent if label not in wished and label in there)
    if not add and not remove:
        return None
    return Change(
        field.id, field.name, field.kind, before=there, after=wished, add=add, remove=remove
    )


def decide(field: DraftField, base: FieldBase | None, observed: Any) -> Change | None:
    """The change to write for one field of an existing ticket, or None."""
    if field.ownership is Ownership.TICKET:
        return None
    if field.kind is FieldKind.LABELS:
        return _labels(field, base, observed)
    ours = ours_changed(field, base)
    shown = shown_after(base, observed) if base else None
    theirs = base is not None and not same(remembered(observed), shown)
    source = field.ownership is Ownership.SOURCE
    if not ours and not (source and theirs):
        return None
    after = field.value
    if field.kind is FieldKind.TEXT:
        before = observed if isinstance(observed, Document) else Document()
        wished = after if isinstance(after, Document) else Document()
        after = merge_text(shown or (), before, wished, take_over=source)
    if same(remembered(after), remembered(observed)) or (_empty(after) and _empty(observed)):
        return None
    return Change(field.id, field.name, field.kind, before=observed, after=after)


def intents(draft: Draft, changes: Sequence[Change]) -> dict[str, FieldIntent]:
    """What to put on record before fields are written."""
    found = {}
    for change in changes:
        after = change.after
        if change.kind is FieldKind.LABELS:
            after = sorted({*change.before, *change.add} - {*change.remove})
        wished = remembered(draft.fields[change.id].value)
        found[change.id] = FieldIntent(wished, remembered(change.before), remembered(after))
    return found


def came_true(intent: FieldIntent, observed: Any) -> bool:
    """Whether a write that was begun was carried out, as far as what Jira shows now can tell.

    Where it shows neither what was there before nor what was written, a person has been at it since:
    it was carried out if any of it is there. Of a single value nothing is left then; the person, who
    was later than our write or later than our look, is not overruled.
    """
    now = remembered(observed)
    if _alike(now, intent.after):
        return True
    if _alike(now, intent.before):
        return False
    if not (isinstance(now, list) and isinstance(intent.after, list)):
        return True
    before = intent.before if isinstance(intent.before, list) else []
    new = [part for part in intent.after if part not in before]
    gone = [part for part in before if part not in intent.after]
    return any(part in now for part in new) if new else not any(part in now for part in gone)


def has_landed(base: Base, observed: Observed) -> bool:
    """Whether the writes that were begun and have no known end are seen to be done, if there are any."""
    updates = [
        came_true(intent, observed.fields[id_])
        for id_, intent in base.updating.items()
        if id_ in observed.fields
    ]
    moved = not base.moving or observed.status.id == base.moving
    return moved and (not updates or any(updates))


def _alike(left: Any, right: Any) -> bool:
    if _empty(left) or _empty(right):
        return _empty(left) and _empty(right)
    return same(left, right) or _squashed(left) == _squashed(right)


def resolved(base: Base, observed: Observed) -> Base:
    """The base once it is known what became of an update whose end was not recorded."""
    if not base.updating:
        return base
    fields = dict(base.fields)
    for id_, intent in base.updating.items():
        if id_ in observed.fields and came_true(intent, observed.fields[id_]):
            fields[id_] = FieldBase(sent=intent.wished)
    return replace(base, fields=fields, updating={})


def absorb(draft: Draft, base: Base, observed: Observed, written: Sequence[Change]) -> Base:
    """The base after a look: fields not about to be written are as agreed as they will get."""
    writing = {change.id for change in written}
    fields = dict(base.fields)
    for id_, field in draft.fields.items():
        if id_ in writing or id_ not in observed.fields:
            continue
        known, now = fields.get(id_), observed.fields[id_]
        if known is None:
            if not _empty(field.value):
                fields[id_] = FieldBase(remembered(field.value), remembered(now), looked=True)
            continue
        shown = shown_after(known, now)
        fields[id_] = FieldBase(
            sent=remembered(field.value) if ours_changed(field, known) else known.sent,
            shown=remembered(now) if field.kind is FieldKind.LABELS else shown,
            looked=True,
        )
    return replace(base, fields=fields)
