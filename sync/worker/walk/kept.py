"""What a walk keeps in the journal before it writes for an edit of the rules, for an undo."""

from __future__ import annotations

from collections.abc import Sequence

from sync.domain.actions import Change, Transition
from sync.domain.former import Former, FormerField, FormerStatus
from sync.domain.ticket import Base, Draft, Observed
from sync.domain.undo import Back, Verdict
from sync.domain.wording import short
from sync.store.journal import KEPT, Entry


class Kept:
    """What one walk keeps. ``version`` is the version of the rules that the walk follows, None where it
    follows no edit: then nothing is kept. ``rules`` is the digest of the rules."""

    def __init__(self, version: int | None = None, rules: str = "") -> None:
        self._version = version
        self._rules = rules
        # The base before an undo made it what it was before the edit.
        self._was: Base | None = None

    def begin(self, back: Back | None) -> list[Entry]:
        """The lines for what of an undo is not put back. To be called before anything is written."""
        if back is None:
            return []
        self._was = back.was
        left = [one for one in back.told if one.verdict not in (Verdict.BACK, Verdict.THERE)]
        return [Entry("leave", f"not put back: {one}", "left") for one in left]

    def of_changes(self, changes: Sequence[Change], draft: Draft, base: Base) -> list[Entry]:
        """The line for fields that are about to be written."""
        if self._version is None:
            return []
        was, fields = self._was or base, {}
        for one in changes:
            known = base.fields.get(one.id)
            sent = (known.sent if known else None) if one.back else draft.fields[one.id].value
            fields[one.id] = FormerField.of(one, sent, was)
        words = "; ".join(f"{one.name} was {short(one.before)}" for one in changes)
        return [self._entry(Former(self._rules, fields), words)]

    def of_move(self, place: Observed, step: Transition, draft: Draft, base: Base) -> list[Entry]:
        """The line for a ticket that is about to be moved from where it stands (``place``)."""
        if self._version is None:
            return []
        to, was = (step.hop.to.id, step.hop.to.name), self._was or base
        status = FormerStatus.of(place, was, to, draft.desired.status)
        words = f"the status was {place.status.name!r}"
        return [self._entry(Former(self._rules, {}, status), words)]

    def _entry(self, former: Former, words: str) -> Entry:
        assert self._version is not None
        said = f"before the edit of the rules: {words}"
        return Entry(KEPT, said, detail=former.to_json(self._version))
