"""Three-way decisions for one field: what we last sent, what Jira showed, what is wished now.

*Ours changed* when desired differs from what we last sent; *theirs changed* when observed differs
from what Jira showed after our last write. Comparing desired with observed would never settle,
because Jira rewrites text.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
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


def as_compared(value: Any) -> str:
    """A value, in the form that the base remembers, as it is compared with what was written: Jira may
    rewrite white space."""
    return "" if _empty(value) else _squashed(value)


def ours_changed(field: DraftField, base: FieldBase | None) -> bool:
    """Whether what we wish differs from what we last sent."""
    if base is None:
        return not _empty(field.value)
    return bool(field.value != base.sent) and not same(field.value, base.sent)


def news(draft: Draft, base: Base) -> list[str]:
    """Which of our fields differ from what we last sent, in words."""
    found = []
    for id_, field in draft.fields.items():
        known, parked = base.fields.get(id_), base.parked.get(id_)
        if parked is not None and parked.holds(field.wish, parked.screen):
            continue
        if not field.left(base) and ours_changed(field, known):
            found.append(
                f"{field.name} is new" if known is None else f"{field.name} changed upstream"
            )
    return found


def shown_after(field_base: FieldBase, observed: Any, kind: FieldKind = FieldKind.PLAIN) -> Any:
    """What Jira showed after our last write, as far as it can be known.

    The first look after a write finds our value, perhaps rewritten by Jira: what is there now counts
    as shown. If something else is there, a person was faster, and our value counts as shown. For an
    opaque field the two cases look alike, and what is there now counts as shown: if our own value were
    taken for a person's edit, it would be written again and again.
    """
    if field_base.looked:
        return field_base.shown
    now = remembered(observed)
    if kind is FieldKind.OPAQUE or (_empty(now) and _empty(field_base.sent)):
        return now
    return now if _squashed(now) == _squashed(field_base.sent) else field_base.sent


def merge_text(
    sent: Sequence[str], observed: Document, desired: Document, *, take_over: bool
) -> Document:
    """The observed document with what changed upstream since ``sent`` brought in.

    ``sent`` are the identities of the blocks as Jira showed them after our last write. The merge is
    three-way, by blocks. Where only we changed something, our blocks are taken; where only a person
    did, the person's stay. Where both changed the same blocks, ours replace them, and blocks that the
    person put before, after or between stay. Where no block of ours is left, ours come after theirs.
    ``take_over`` (a field that is always ours) replaces everything but pictures and files, which stay
    in any case: Jira deletes one that leaves a text.
    """
    merged = _merged(sent, observed, desired, take_over=take_over)
    return _with_pictures(merged, observed)


def _merged(
    sent: Sequence[str], observed: Document, desired: Document, *, take_over: bool
) -> Document:
    if take_over or not observed.blocks:
        return desired
    sent = _as_written_now(sent, observed.identities, desired.identities)
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


def _with_pictures(merged: Document, observed: Document) -> Document:
    """The merged document with the pictures of the observed one that are not in it, each after the
    block that it was after."""
    missing = _missing_pictures(merged, observed)
    if not missing:
        return merged
    there = sorted(_matches(observed.identities, merged.identities).items())
    # By place in the merged document: the pictures that come before the block at that place.
    at: dict[int, list[Block]] = {}
    for place, pictures in missing.items():
        before = [m for o, m in there if o < place]
        after = before[-1] + 1 if before else there[0][1] if there else len(merged.blocks)
        at.setdefault(after, []).extend(pictures)
    blocks: list[Block] = []
    for place in range(len(merged.blocks) + 1):
        blocks += [*at.get(place, ()), *merged.blocks[place : place + 1]]
    return Document(tuple(blocks))


def _missing_pictures(merged: Document, observed: Document) -> dict[int, list[Block]]:
    """By place in the observed document: the pictures that the merged one does not have."""
    kept = Counter(picture.identity for block in merged.blocks for picture in block.pictures)
    missing: dict[int, list[Block]] = {}
    for place, block in enumerate(observed.blocks):
        for picture in block.pictures:
            if kept[picture.identity]:
                kept[picture.identity] -= 1
            else:
                missing.setdefault(place, []).append(picture)
    return missing


def _as_written_now(
    sent: Sequence[str], observed: Sequence[str], desired: Sequence[str]
) -> list[str]:
    """``sent``, with identities as this version writes them. An earlier version wrote some with other
    signs between the same letters; each of these is replaced by that of the ticket's block."""
    known = {*observed, *desired}
    now = {_letters(one): one for one in observed}
    return [one if one in known else now.get(_letters(one), one) for one in sent]


def _letters(identity: str) -> str:
    return "".join(filter(str.isalnum, identity)) or identity


# How often the stretches between matches are split further. Each round takes time in proportion to the
# length of the text.
_ROUNDS = 8


def _matches(sent: Sequence[str], other: Sequence[str]) -> dict[int, int]:
    """By place in ``sent``: the place of the same block in ``other``, in order.

    Blocks match from both ends inward as long as they are equal, then those match that are there once
    on both sides, and so on between these. A text of thousands of equal blocks costs no more time than
    any other text of its length, unlike with difflib.
    """
    found: dict[int, int] = {}
    stretches = [(0, len(sent), 0, len(other))]
    for _ in range(_ROUNDS):
        again = []
        for a, a_end, b, b_end in stretches:
            a, a_end, b, b_end = _from_the_ends(sent, other, (a, a_end, b, b_end), found)
            for x, y in _anchors(sent[a:a_end], other[b:b_end]):
                found[a + x] = b + y
            again += _between(found, a, a_end, b, b_end)
        if again == stretches:
            break
        stretches = again
    return found


_Stretch = tuple[int, int, int, int]


def _from_the_ends(
    sent: Sequence[str], other: Sequence[str], stretch: _Stretch, found: dict[int, int]
) -> _Stretch:
    """Match equal blocks at both ends of a stretch. What is left of the stretch."""
    a, a_end, b, b_end = stretch
    while a < a_end and b < b_end and sent[a] == other[b]:
        found[a] = b
        a, b = a + 1, b + 1
    while a < a_end and b < b_end and sent[a_end - 1] == other[b_end - 1]:
        a_end, b_end = a_end - 1, b_end - 1
        found[a_end] = b_end
    return a, a_end, b, b_end


def _anchors(sent: Sequence[str], other: Sequence[str]) -> list[tuple[int, int]]:
    """The places of blocks that occur once on each side: of these, the longest row that is in the same
    order on both sides (longest increasing subsequence)."""
    counts, others = Counter(sent), Counter(other)
    place = {block: n for n, block in enumerate(other) if others[block] == 1 == counts[block]}
    tails: list[int] = []
    row: list[tuple[int, int]] = []
    before: dict[int, int] = {}
    for y in [place[block] for block in sent if block in place]:
        # ``tails[n]`` is the least place in ``other`` at which a row of n + 1 blocks ends.
        n = bisect_left(tails, y)
        tails[n : n + 1] = [y]
        before[y] = tails[n - 1] if n else -1
    back = {place[block]: x for x, block in enumerate(sent) if block in place}
    y = tails[-1] if tails else -1
    while y >= 0:
        row.append((back[y], y))
        y = before[y]
    return row[::-1]


def _between(found: dict[int, int], a: int, a_end: int, b: int, b_end: int) -> list[_Stretch]:
    """What lies between the matches of a stretch, where both sides have blocks."""
    gaps = []
    for x in range(a, a_end + 1):
        if x == a_end or x in found:
            y = b_end if x == a_end else found[x]
            if a < x and b < y:
                gaps.append((a, x, b, y))
            a, b = x + 1, y + 1
    return gaps


def _stretch(sent: Sequence[str], theirs: Sequence[Block], ours: Sequence[Block]) -> list[Block]:
    """The merged blocks between two blocks that nobody changed."""
    their_words = [block.identity for block in theirs]
    if [block.identity for block in ours] == list(sent):
        return list(theirs)
    if their_words == list(sent):
        return list(ours)
    # Both sides changed these blocks. A block that a person edited is replaced by ours; a block that a
    # person added stays. Where two blocks stand in place of one of ours, the one nearer to the start or
    # the end of the stretch counts as added.
    there = sorted(_matches(sent, their_words).items())
    before: list[Block] = []
    after: list[Block] = []
    a1 = b1 = 0
    for a2, b2 in [*there, (len(sent), len(theirs))]:
        extra = max(0, (b2 - b1) - (a2 - a1))
        if a1 == 0:
            before += theirs[b1 : b1 + extra]
        else:
            after += theirs[b2 - extra : b2]
        a1, b1 = a2 + 1, b2 + 1
    return [*before, *ours, *after]


def _labels(field: DraftField, base: FieldBase | None, observed: Any) -> Change | None:
    wished, there = list(field.value or ()), list(observed or ())
    sent = list((base and base.sent) or ())
    # A label of ours that is not there was taken off by a person, and stays off unless the field is
    # always ours. Our marker is put back: without it the ticket cannot be found after a lost reply.
    shared = field.ownership is not Ownership.SOURCE
    kept_off = [label for label in sent if shared and not is_marker(label)]
    add = tuple(_without((*there, *kept_off), wished))
    remove = tuple(label for label in _without(wished, sent) if label in there)
    if not (add or remove):
        return None
    return Change(
        field.id, field.name, field.kind, before=there, after=wished, add=add, remove=remove
    )


def _without(these: Collection[str], labels: Sequence[str]) -> list[str]:
    """The labels that are not among ``these``."""
    return [label for label in labels if label not in these]


def decide(field: DraftField, base: FieldBase | None, observed: Any) -> Change | None:
    """The change to write for one field of an existing ticket, or None.

    ``observed`` is the canonical value that Jira shows now.
    """
    if field.ownership is Ownership.TICKET:
        return None
    if field.kind is FieldKind.LABELS:
        return _labels(field, base, observed)
    source = field.ownership is Ownership.SOURCE
    shown = shown_after(base, observed, field.kind) if base else None
    if not ours_changed(field, base) and not (source and _theirs_changed(base, observed, shown)):
        return None
    after = field.value
    if field.kind is FieldKind.TEXT:
        after = merge_text(shown or (), _text(observed), _text(after), take_over=source)
    if same(after, observed) or (_empty(after) and _empty(observed)):
        return None
    return Change(field.id, field.name, field.kind, before=observed, after=after)


def _theirs_changed(base: FieldBase | None, observed: Any, shown: Any) -> bool:
    return base is not None and not same(observed, shown)


def _text(value: Any) -> Document:
    return value if isinstance(value, Document) else Document()


def came_true(before: Any, after: Any, observed: Any, *, whole: bool = False) -> bool:
    """Whether a field that showed ``before`` was written to ``after``, as far as what Jira shows now
    can tell. ``before`` and ``after`` are in the form that the base remembers. ``whole``: a write of the
    field replaces all that is in it.

    Where Jira shows neither, a person has changed the field since. A list that is merged was written if
    any part of what we added is there. Of a single value, or of a list that is written as a whole,
    nothing of ours may be left: the write counts as made, so that the person's change, which came after
    our write or after our look, is not overwritten.
    """
    now = remembered(observed)
    if _alike(now, after):
        return True
    if _alike(now, before):
        return False
    merged = not whole and isinstance(now, list) and isinstance(after, list)
    return not merged or _in_part(before, after, now)


def _in_part(before: Any, after: list[Any], now: list[Any]) -> bool:
    """Whether a list shows a part that was added or, where none was, lacks all that were taken out."""
    old = {str(part) for part in before} if isinstance(before, list) else set()
    wished, shown = {str(part) for part in after}, {str(part) for part in now}
    new, gone = wished - old, old - wished
    return bool(new & shown) if new else not (gone & shown)


def _alike(left: Any, right: Any) -> bool:
    if _empty(left) or _empty(right):
        return _empty(left) and _empty(right)
    return same(left, right) or _squashed(left) == _squashed(right)


def joined(draft: Draft, base: Base) -> Base:
    """The base once other subjects are on the ticket than before.

    Who comes and goes is no news of those that were there: what a person had written on a ticket that
    was taken over (``Base.found``) stays. Fields that are always ours follow.
    """
    refs = draft.desired.refs
    if not base.found or refs == base.subjects:
        return base
    stay = {
        id_: FieldBase(remembered(field.value), base.fields[id_].shown, looked=True)
        for id_, field in draft.fields.items()
        if id_ in base.found and field.ownership is not Ownership.SOURCE
        if ours_changed(field, base.fields[id_])
    }
    return replace(base, fields={**base.fields, **stay}, subjects=refs)


def yielded(draft: Draft, base: Base, observed: Observed) -> Base:
    """The base with the fields that yield to people and that a person has changed as ``theirs``.

    A value that was there before we first wrote the field counts as a person's, too.
    """
    found = [
        id_
        for id_, field in draft.fields.items()
        if field.ownership is Ownership.YIELD and field.kind is not FieldKind.LABELS
        if id_ in observed.fields and id_ not in base.theirs
        if _changed_by_a_person(field, base.fields.get(id_), observed.fields[id_])
    ]
    return replace(base, theirs=(*base.theirs, *found)) if found else base


def _changed_by_a_person(field: DraftField, known: FieldBase | None, now: Any) -> bool:
    if known is None:
        return not _alike(remembered(now), None)
    shown = shown_after(known, now, field.kind)
    return _theirs_changed(known, now, shown) and not _alike(remembered(now), remembered(shown))


def agree(draft: Draft, base: Base, observed: Observed, but: Collection[str]) -> Base:
    """The base after a look: what Jira shows now is agreed on, save for the fields ``but``, by id,
    which are about to be written, or parked."""
    fields = dict(base.fields)
    for id_, field in draft.fields.items():
        if id_ in but or id_ not in observed.fields:
            continue
        known, now = fields.get(id_), observed.fields[id_]
        if known is None:
            if not _empty(field.value):
                fields[id_] = FieldBase(remembered(field.value), remembered(now), looked=True)
            continue
        labels = field.kind is FieldKind.LABELS
        shown = remembered(now) if labels else shown_after(known, now, field.kind)
        sent = remembered(field.value) if ours_changed(field, known) else known.sent
        fields[id_] = FieldBase(sent, shown, looked=True)
    return replace(base, fields=fields)


def wishes_agreed(draft: Draft, base: Base) -> Base:
    """The base with what the rule gave for each field that is as the rule wishes now."""
    wishes = {id_: wish for id_, wish in base.wishes.items() if id_ not in base.parked}
    for id_, one in draft.fields.items():
        if id_ not in base.parked and not ours_changed(one, base.fields.get(id_)):
            wishes[id_] = one.wish
    return base if wishes == base.wishes else replace(base, wishes=wishes)
