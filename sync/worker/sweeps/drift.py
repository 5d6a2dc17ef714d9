"""How a ticket stands in Jira against what we last agreed with it: pure, from one bulk reading.

Each finding is said once: its digest is kept in the ticket's ``seen``, beside Jira's own stamp of the
last change, so that rounds which overlap do not find the same thing twice.
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
class Finding:
    """Something that is not as we left it. ``state`` is what it is now, for the digest."""

    words: str
    state: str = ""

    @property
    def digest(self) -> str:
        text = f"{self.words}\n{self.state}"
        return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:10]


GONE = Finding("it is gone from Jira, or not visible to us any more")


def findings(key: str, jira_key: str, base: Base, observed: Observed) -> list[Finding]:
    """What people did to the ticket of our ``key`` since we last looked or wrote."""
    found: list[Finding] = []
    if observed.ref.key != jira_key:
        found.append(Finding(f"moved: {jira_key} is now {observed.ref.key}"))
    if marker_label(key) not in (observed.fields.get("labels") or ()):
        found.append(Finding("its marker label was taken off"))
    found += _status(base, observed)
    for id_, known in base.fields.items():
        if id_ == "labels" or id_ not in observed.fields:
            continue
        now = remembered(observed.fields[id_])
        if not same(now, shown_after(known, observed.fields[id_])) and not same(now, known.sent):
            found.append(Finding(f"{id_} was edited", json.dumps(now, sort_keys=True)))
    return found


def _status(base: Base, observed: Observed) -> list[Finding]:
    status = observed.status
    left_there = (
        status.id == base.jira_status if base.jira_status else status.category is Category.NEW
    )
    if left_there:
        return []
    if status.category is Category.DONE:
        how = f" as {observed.resolution}" if observed.resolution else ""
        return [Finding(f"closed by a person: {status.name}{how}")]
    return [Finding(f"moved by a person to {status.name}")]


def seen(updated: str, found: Iterable[Finding]) -> str:
    """What to keep of a look: Jira's stamp of the last change, and what has been said."""
    return f"{updated}|{','.join(sorted({one.digest for one in found}))}"


def stamp_of(seen_: str) -> str:
    """Jira's stamp in what was kept, "" for none."""
    return seen_.partition("|")[0]


def unsaid(seen_: str, found: Iterable[Finding]) -> list[Finding]:
    """The findings that have not been said before."""
    said = set(seen_.partition("|")[2].split(","))
    return [one for one in found if one.digest not in said]
