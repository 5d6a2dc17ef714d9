"""How a ticket that others made names its subject, and which known subject that is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sync.domain.subject import Snapshot
from sync.domain.ticket import Document, Observed
from sync.rules.patterns import Extract
from sync.store import subjects
from sync.store.engine import Store

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# The group of a pattern that finds the subject, where the pattern has several.
GROUP = "subject"
_PAGE = 500


class By(StrEnum):
    """What it is that a ticket says of its subject: the subject's id or, among the open subjects, its
    title, or the name of the entity (a table, say) that it is about."""

    ID = "id"
    TITLE = "title"
    ENTITY = "entity"


@dataclass(frozen=True, slots=True)
class Naming:
    """``pattern`` finds what names the subject; None: any UUID does. ``within``: ids of the fields
    to look at, all texts and labels where there are none. A pattern sees each paragraph as one line, as
    people read it, with the address of a link after its text."""

    pattern: Extract | None = None
    within: tuple[str, ...] = ()
    by: By = By.ID

    def names(self, observed: Observed) -> list[str]:
        """What a ticket says of its subject, each once; ids in lower case, titles and entities as people
        wrote them first. Raises Undecided."""
        fields = observed.fields
        looked_at = [fields.get(id_) for id_ in self.within] if self.within else fields.values()
        found: dict[str, str] = {}
        for value in looked_at:
            for text in _texts(value, markup=self.pattern is None):
                some = self.pattern(text) if self.pattern else _UUID.findall(text)
                for name in some:
                    known = as_id(name) if self.by is By.ID else name
                    found.setdefault(known.casefold(), known)
        return list(found.values())

    def open_by_name(self, store: Store) -> dict[str, list[str]]:
        """The references of the open subjects, by title or entity in folded case."""
        found: dict[str, list[str]] = {}
        for snapshot in _open(store):
            if name := self._name_of(snapshot):
                found.setdefault(name.casefold(), []).append(str(snapshot.ref))
        return found

    def _name_of(self, snapshot: Snapshot) -> str:
        payload = snapshot.payload
        if self.by is By.TITLE:
            return str(payload.get("title") or "").strip()
        entity = payload.get("trigger_entity")
        return str((entity or {}).get("name") or "").strip() if isinstance(entity, Mapping) else ""


def _open(store: Store) -> Iterator[Snapshot]:
    after = ""
    while True:
        with store.read() as session:
            rows = subjects.open_and_known_before(session, 1e12, after=after, limit=_PAGE)
            yield from [subjects.to_snapshot(row) for row in rows]
        if len(rows) < _PAGE:
            return
        after = rows[-1].ref


ANY_ID = Naming()


def is_id(name: str) -> bool:
    """Whether it is an id as every subject has one."""
    return _UUID.fullmatch(name) is not None


def as_id(name: str) -> str:
    """The id of a subject by its id or its reference, as subjects are known by it."""
    id_ = name.rpartition(":")[2]
    return id_.lower() if _UUID.fullmatch(id_) else id_


def ids_in(observed: Observed) -> Sequence[str]:
    """The ids (UUIDs) in a ticket's texts and labels, each once, in lower case."""
    return ANY_ID.names(observed)


def _texts(value: object, *, markup: bool) -> Iterator[str]:
    """The texts within a field's canonical value, of rich text also its ``markup``."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Document):
        yield from value.identities
        yield from (str(block.raw) for block in value.blocks if markup)
    elif isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(part, markup=markup)
