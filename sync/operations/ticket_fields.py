"""A ticket field by field: what is wanted, what we last sent, what Jira shows, and who wrote it last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sync.domain.text import one_line
from sync.domain.ticket import Base, Draft, Observed, remembered, same
from sync.worker.foresight.why import FieldStory

_LONGEST = 400


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field: what the rule wants, what we last sent, what Jira shows ("" and ``known`` false where
    that is not known), and who wrote it last. ``theirs``: people keep it otherwise than the
    rule wants it."""

    id: str
    name: str
    wanted: str
    sent: str
    shown: str
    by: str
    known: bool
    theirs: bool


def field_views(
    found: Iterable[FieldStory], base: Base, observed: Observed | None, draft: Draft | None
) -> list[FieldView]:
    """The fields that we ever sent, those first that people keep otherwise."""
    shown = observed.fields if observed is not None else {}
    wishes = draft.fields if draft is not None else {}
    views = []
    for one in found:
        sent, wish = base.fields[one.id].sent, wishes.get(one.id)
        wanted = remembered(wish.value) if wish is not None else sent
        known = one.id in shown
        now = remembered(shown[one.id]) if known else None
        views.append(
            FieldView(
                id=one.id,
                name=one.name,
                wanted=in_words(wanted),
                sent=in_words(sent),
                shown=in_words(now) if known else "",
                by=one.by,
                known=known,
                theirs=known and not same(now, wanted) and "person" in one.by,
            )
        )
    return sorted(views, key=lambda view: (not view.theirs, view.name.casefold()))


def in_words(value: Any) -> str:
    """A value of a field on one line."""
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, list | tuple):
        return one_line(" ¶ ".join(in_words(part) for part in value), _LONGEST)
    if isinstance(value, Mapping):
        named = value.get("name") or value.get("value") or value.get("key") or value.get("id")
        return in_words(named if named is not None else str(dict(value)))
    return one_line(str(value), _LONGEST)
