"""What a ticket showed before an edit of the rules wrote to it, as the journal keeps it for an undo."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sync.domain.actions import Change
from sync.domain.merge import as_compared, shown_after
from sync.domain.subject import Status
from sync.domain.ticket import Base, Block, Document, FieldBase, FieldKind, Observed, remembered
from sync.domain.wording import short

# What one write keeps is at most so long, in characters of JSON. Of a longer one, texts are left out.
MOST = 300_000


def digest(value: Any) -> str:
    """A digest of a value in the form that the base remembers."""
    text = json.dumps(remembered(value), sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:24]


def digest_as_compared(value: Any) -> str:
    """The same for two values that Jira may show for one that was written."""
    return hashlib.sha256(as_compared(value).encode(errors="surrogatepass")).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class FormerField:
    """A field as it was before the write: ``before`` as Jira showed it, ``known`` as it was last agreed
    on, None where it never was. ``after`` and ``sent`` are digests of what was written and of what the
    base remembers of that; ``became`` has it in words. ``add`` and ``remove`` are the labels that were
    written, ``blocks`` identifies the blocks of a text that was. ``lost``: the field was too long to be
    kept, so ``before`` is None. ``found``: it had what people wrote before the ticket was ours
    (``Base.found``)."""

    id: str
    name: str
    kind: FieldKind
    before: Any
    after: str
    sent: str
    became: str
    known: FieldBase | None = None
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    lost: bool = False
    found: bool = False

    @classmethod
    def of(cls, change: Change, sent: Any, was: Base) -> FormerField:
        """What is kept of a change before it is written. ``sent`` is what the base will remember,
        ``was`` the base as it is."""
        known = was.fields.get(change.id)
        if known is not None:
            shown = shown_after(known, change.before, change.kind)
            known = FieldBase(known.sent, shown, looked=True)
        labels = change.kind is FieldKind.LABELS
        became = (
            ", ".join(sorted({*(change.before or ()), *change.add} - {*change.remove}))
            if labels
            else short(change.after)
        )
        return cls(
            change.id,
            change.name,
            change.kind,
            change.before,
            digest_as_compared(remembered(change.after)),
            digest(sent),
            became,
            known,
            change.add,
            change.remove,
            change.after.identities if isinstance(change.after, Document) else (),
            found=change.id in was.found,
        )

    @property
    def without_text(self) -> FormerField:
        """What can be kept of a field that is too long."""
        return replace(self, before=None, known=None, blocks=(), lost=True)

    def to_json(self) -> dict[str, Any]:
        before = self.before
        if isinstance(before, Document):
            before = [asdict(block) for block in before.blocks]
        kept = {name: getattr(self, name) for name in self.__slots__}
        known = asdict(self.known) if self.known else None
        return {**kept, "kind": self.kind.value, "before": before, "known": known}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FormerField:
        kind, before, known = FieldKind(data["kind"]), data["before"], data["known"]
        if kind is FieldKind.TEXT and before is not None:
            before = Document(tuple(map(_block, before)))
        # What was kept before blocks and ``found`` were has none.
        lists = {name: tuple(data.get(name, ())) for name in ("add", "remove", "blocks")}
        agreed = FieldBase(**known) if known else None
        return cls(**{**data, **lists, "kind": kind, "before": before, "known": agreed})


def _block(data: Mapping[str, Any]) -> Block:
    return Block(data["identity"], data["raw"], tuple(map(_block, data["pictures"])))


@dataclass(frozen=True, slots=True)
class FormerStatus:
    """Where the ticket stood before it was moved: the id and name of its Jira status, its resolution,
    and what the base remembered of its place. ``to`` is the id of the status that the move led to, and
    ``became`` its name; ``sent`` is the upstream status that was carried out by it."""

    id: str
    name: str
    resolution: str
    to: str
    became: str
    sent: str
    known: Mapping[str, Any]

    @classmethod
    def of(cls, observed: Observed, base: Base, to: tuple[str, str], sent: Status) -> FormerStatus:
        """What is kept of the place of a ticket that is about to be moved ``to`` a status (id, name)."""
        known = {
            "status": base.status.value if base.status else None,
            "jira_status": base.jira_status,
            "way": base.way,
            "closed_by_us": base.closed_by_us,
            "resolution": base.resolution,
        }
        here = observed.status
        return cls(here.id, here.name, observed.resolution, *to, sent.value, known)

    def placed(self, base: Base) -> Base:
        """A base that remembers the place of before."""
        status = self.known["status"]
        known = {**self.known, "status": Status(status) if status else None}
        return replace(base, **known, walked=(), arrived=False)


@dataclass(frozen=True, slots=True)
class Former:
    """What one ticket was before the writes of an edit: its fields by id, and its place where it was
    moved. ``rules`` is the digest of the rules that wrote."""

    rules: str = ""
    fields: Mapping[str, FormerField] = field(default_factory=dict)
    status: FormerStatus | None = None

    def __bool__(self) -> bool:
        return bool(self.fields) or self.status is not None

    def to_json(self, version: int) -> dict[str, Any]:
        """As a line of the journal keeps it. ``version`` is that of the rules that wrote."""
        sizes = {id_: _size(one.to_json()) for id_, one in self.fields.items()}
        kept, left = dict(self.fields), sum(sizes.values())
        # The longest are left out first.
        for id_ in sorted(sizes, key=lambda one: -sizes[one]):
            if left <= MOST:
                break
            kept[id_], left = kept[id_].without_text, left - sizes[id_]
        return replace(self, fields=kept)._json(version)

    def _json(self, version: int) -> dict[str, Any]:
        return {
            "version": version,
            "rules": self.rules,
            "fields": {id_: one.to_json() for id_, one in self.fields.items()},
            "status": asdict(self.status) if self.status else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Former:
        """Read back what ``to_json`` wrote. Raises KeyError, TypeError or ValueError."""
        status = data["status"]
        return cls(
            data["rules"],
            {id_: FormerField.from_json(one) for id_, one in data["fields"].items()},
            FormerStatus(**status) if status else None,
        )

    @classmethod
    def of(cls, details: Iterable[Mapping[str, Any]]) -> Former:
        """What was before the first of several writes of one edit. A write may have been tried again,
        and a person may have been there in between: then the later one counts."""
        found = cls()
        for detail in details:
            found = found._then(cls.from_json(detail))
        return found

    def _then(self, later: Former) -> Former:
        fields = dict(self.fields)
        for id_, one in later.fields.items():
            fields[id_] = _joined(fields[id_], one) if id_ in fields else one
        status = later.status or self.status
        if self.status and later.status and self.status.to == later.status.id:
            # Hop after hop.
            status = replace(self.status, to=later.status.to, became=later.status.became)
        return Former(later.rules, fields, status)


def _size(data: Any) -> int:
    return len(json.dumps(data, default=str))


def _joined(first: FormerField, then: FormerField) -> FormerField:
    """What was before two writes of the same edit, if the second follows upon the first."""
    landed = not then.lost and digest_as_compared(remembered(then.before)) == first.after
    if first.kind is FieldKind.LABELS:
        landed = set(first.add) <= set(then.before or ())
    if not landed:
        return then
    return replace(
        then,
        before=first.before,
        known=first.known,
        lost=first.lost,
        found=first.found,
        add=tuple(sorted({*first.add, *then.add} - {*first.remove, *then.remove})),
        remove=tuple(sorted({*first.remove, *then.remove} - {*first.add, *then.add})),
    )
