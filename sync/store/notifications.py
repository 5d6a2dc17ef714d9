"""What each channel of notifications has been told, and whether it gets through.

The state of a channel is one JSON value beside the watermarks, so that a restart, or another daemon,
goes on where the last one stood.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlmodel import Session, col, select

from sync.domain.notification import Known, Memory
from sync.store.engine import Store, put
from sync.store.tables import WatermarkRow

_CHANNEL = "notify:"


@dataclass(frozen=True, slots=True)
class Failing:
    """Why a channel does not get through: since when (seconds since the epoch), after how many tries,
    and when the next one is."""

    since: float
    words: str
    tries: int
    next: float


@dataclass(frozen=True, slots=True)
class ChannelState:
    """What a channel was told; ``failing`` is None while it gets through."""

    memory: Memory = field(default_factory=Memory)
    failing: Failing | None = None


def load(session: Session, channel: str) -> ChannelState:
    """The state of a channel; that of one that was told nothing, where there is none."""
    row = session.get(WatermarkRow, _CHANNEL + channel)
    return _read(row.value) if row is not None else ChannelState()


def save(store: Store, channel: str, state: ChannelState, now: float) -> None:
    """Put the state of a channel on record."""
    value: dict[str, Any] = {
        "known": {key: asdict(one) for key, one in state.memory.known.items()},
        "sent": state.memory.sent,
        "failing": asdict(state.failing) if state.failing else None,
    }
    with store.write() as session:
        put(session, WatermarkRow(sweep=_CHANNEL + channel, value=value, at=now))


def all_of(session: Session) -> dict[str, ChannelState]:
    """The states of all channels, by name."""
    query = select(WatermarkRow).where(col(WatermarkRow.sweep).startswith(_CHANNEL))
    rows = session.exec(query.order_by(col(WatermarkRow.sweep)))
    return {row.sweep.removeprefix(_CHANNEL): _read(row.value) for row in rows}


def forget_all_but(store: Store, channels: Iterable[str]) -> None:
    """Forget the channels that there are no more."""
    kept = {_CHANNEL + name for name in channels}
    query = select(WatermarkRow).where(col(WatermarkRow.sweep).startswith(_CHANNEL))
    with store.write() as session:
        for row in session.exec(query):
            if row.sweep not in kept:
                session.delete(row)


def _read(value: Mapping[str, Any]) -> ChannelState:
    failing = value.get("failing")
    known = {key: Known(**one) for key, one in value["known"].items()}
    return ChannelState(
        Memory(known, value["sent"]), Failing(**failing) if failing is not None else None
    )
