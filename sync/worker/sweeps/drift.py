"""Drift: what people did to a ticket in Jira, compared with the ticket's base. Pure.

Each drift is reported once, although the windows of runs overlap: the ticket's column ``seen`` keeps
the digests of what was reported, beside Jira's stamp of the last change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from sync.domain.merge import shown_after
from sync.domain.rule import Category
from sync.domain.ticket import Base, Observed, marker_label, remembered, same


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that is not as we left it. ``state`` is its value now, so that the next change of the
    same thing has another digest."""

    words: str
    state: str = ""

    @property
    def digest(self) -> str:
        text = f"{self.words}\n{self.state}"
        return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:10]


NOT_THERE = Drift("it is gone from Jira, or not visible to us any more")


def drifts_of(key: str, jira_key: str, base: Base, observed: Observed) -> list[Drift]:
    """What people did to the ticket of our ``key`` since we last read or wrote it."""
    found: list[Drift] = []
    if observed.ref.key != jira_key:
        found.append(Drift(f"moved: {jira_key} is now {observed.ref.key}"))
    if marker_label(key) not in (observed.fields.get("labels") or ()):
        found.append(Drift("its marker label was taken off"))
    found += _status(base, observed)
    for id_, known in base.fields.items():
        if id_ == "labels" or id_ not in observed.fields:
            continue
        now = remembered(observed.fields[id_])
        if not same(now, shown_after(known, observed.fields[id_])) and not same(now, known.sent):
            found.append(Drift(f"{id_} was edited", json.dumps(now, sort_keys=True)))
    return found


def _status(base: Base, observed: Observed) -> list[Drift]:
    status = observed.status
    left_there = (
        status.id == base.jira_status if base.jira_status else status.category is Category.NEW
    )
    if left_there:
        return []
    if status.category is Category.DONE:
        how = f" as {observed.resolution}" if observed.resolution else ""
        return [Drift(f"closed by a person: {status.name}{how}")]
    return [Drift(f"moved by a person to {status.name}")]


def to_seen(updated: str, drifts: Iterable[Drift]) -> str:
    """The value of ``seen``: Jira's stamp of the last change, and the digests of what was reported."""
    return f"{updated}|{','.join(sorted({one.digest for one in drifts}))}"


def stamp_in(seen: str) -> str:
    """Jira's stamp of the last change, "" for none."""
    return seen.partition("|")[0]


def unreported(seen: str, drifts: Iterable[Drift]) -> list[Drift]:
    """Those of the drifts that have not been reported."""
    reported = set(seen.partition("|")[2].split(","))
    return [one for one in drifts if one.digest not in reported]
