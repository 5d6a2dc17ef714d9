"""Comments on a subject upstream, as the source's API tells them.

Webhooks do not carry comments. Nobody can edit or delete a comment upstream, so two lists of comments
on one subject never contradict each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

# Of each subject the newest comments are kept: so many, and until they have so many characters in all.
MOST = 100
LONGEST = 100_000


@dataclass(frozen=True, slots=True)
class UpstreamComment:
    """A comment on a subject upstream, in Markdown. ``at`` is its time (seconds since the epoch)."""

    id: str
    text: str
    author: str
    at: float

    def to_json(self) -> list[Any]:
        """The form that a subject's row keeps."""
        return [self.id, self.text, self.author, self.at]


def together(
    one: tuple[UpstreamComment, ...], other: tuple[UpstreamComment, ...]
) -> tuple[UpstreamComment, ...]:
    """The comments of both lists, oldest first, without the oldest of too many.

    Commutative, associative and idempotent, as the merge of snapshots is. So the comment that is one
    too many characters is kept: without it there would be room again for an older one.
    """
    if not one and not other:
        return ()
    by_id: dict[str, UpstreamComment] = {}
    for comment in (*one, *other):
        known = by_id.setdefault(comment.id, comment)
        if known != comment:
            by_id[comment.id] = max(known, comment, key=_order)
    newest = sorted(by_id.values(), key=_order, reverse=True)[:MOST]
    before = accumulate((len(comment.text) for comment in newest), initial=0)
    kept = [comment for comment, size in zip(newest, before, strict=False) if size < LONGEST]
    return tuple(reversed(kept))


def _order(comment: UpstreamComment) -> tuple[float, list[Any]]:
    return comment.at, comment.to_json()
