"""How upstream stands, as the daemon last knew, and what it was told lately."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from sync.store.engine import Store, put
from sync.store.tables import JournalRow, WatermarkRow

# The actions of journal entries about what upstream was told and what came from there.
TOLD = ("mark_upstream", "comment_upstream", "copy")
# Seconds that are looked back. The journal is read by its times, so this bounds what is read.
LATELY = 86_400.0
_MOST_REASONS = 5
_STANDING = "upstream:"


@dataclass(frozen=True, slots=True)
class Lately:
    """Acts of the last day. ``told`` and ``not_told`` are numbers by kind (of ``TOLD``), ``last_told``
    is in seconds since the epoch, None for none. ``reasons`` have the newest words for what was not
    told, with how often; the most frequent first."""

    told: Mapping[str, int] = field(default_factory=dict)
    not_told: Mapping[str, int] = field(default_factory=dict)
    last_told: float | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)


def lately(session: Session, now: float) -> Lately:
    """What upstream was told within the last day before ``now`` (seconds since the epoch)."""
    recent = (col(JournalRow.at) > now - LATELY, col(JournalRow.action).in_(TOLD))
    about = col(JournalRow.action), col(JournalRow.result)
    query = select(*about, func.count(), func.max(col(JournalRow.at)))
    told, not_told, last = Counter[str](), Counter[str](), list[float]()
    for action, result, count, at in session.execute(query.where(*recent).group_by(*about)):
        if result == "ok":
            told[action] += int(count)
            last.append(at)
        else:
            not_told[action] += int(count)
    if not not_told:
        return Lately(dict(told), {}, max(last, default=None))
    left = select(col(JournalRow.words)).where(*recent, col(JournalRow.result) != "ok")
    newest = session.execute(left.order_by(col(JournalRow.at).desc()).limit(1000)).scalars()
    # The words name the act first, and then why it was not told.
    reasons = Counter(words.rpartition("; because ")[2] for words in newest)
    most = dict(reasons.most_common(_MOST_REASONS))
    return Lately(dict(told), dict(not_told), max(last, default=None), most)


def note_standing(store: Store, source: str, standing: Mapping[str, Any], now: float) -> None:
    """Put on record how a source stands: JSON-compatible, the same form as ``standings`` gives."""
    with store.write() as session:
        put(session, WatermarkRow(sweep=_STANDING + source, value=dict(standing), at=now))


def standings(session: Session) -> dict[str, dict[str, Any]]:
    """How each source stood when that last changed, by its name: ``way`` in words, ``off`` the abilities
    that are off with the reasons, ``trouble`` why no call gets through ("" where calls do)."""
    query = select(WatermarkRow).where(col(WatermarkRow.sweep).startswith(_STANDING))
    rows = session.execute(query.order_by(col(WatermarkRow.sweep))).scalars()
    return {row.sweep.removeprefix(_STANDING): dict(row.value) for row in rows}
