"""Acts: what an account does, done once however often it is pressed, and kept in the log.

Two people may press the same button, and one may press it twice. A lease by the name of the act makes
that one act: it is held while the work goes on and for a moment after, and who comes meanwhile is told
what was done, and by whom.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from sync.domain.times import ago
from sync.operations.accounts import Account
from sync.operations.errors import OperationError
from sync.store import leases, log
from sync.store.admin_tables import LogRow
from sync.store.engine import Store, StoreUnavailable
from sync.store.liveness import BY_HAND

# How long (seconds) after an act the same act is the same press.
SAME_PRESS_SECONDS = 5.0
# How long (seconds) an act may take. Should its process die meanwhile, the act can be done again then.
_LONGEST_SECONDS = 60.0
_LONGEST_NAME = 200
GOES_ON = "Somebody is doing this right now; look again in a moment."


@dataclass(frozen=True, slots=True)
class Act:
    """Something to be done: the verb of the command line, and what it is done to ("" for everything)."""

    verb: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, in ``words``. ``id`` is the act's row in the log.

    ``already``: the same act had just been done, so nothing was done this time; ``id`` is then the row
    of that time, and 0 while it goes on.
    """

    id: int
    words: str
    already: bool = False


def perform(store: Store, account: Account, act: Act, work: Callable[[], str], now: float) -> Done:
    """Do ``work``, which returns the words of what it did, unless the same act was just done.

    ``now`` is in seconds since the epoch. The log gets a row, also where ``work`` raises. Raises what
    ``work`` raises, and StoreUnavailable.
    """
    lease, owner = _lease_of(act), BY_HAND + secrets.token_hex(8)
    if not leases.take(store, lease, owner, _LONGEST_SECONDS):
        return _already(store, act, now)
    try:
        words = work()
        id_ = record(store, account, act, words, now)
    except Exception as error:
        # What was refused can be tried again at once.
        with suppress(StoreUnavailable):
            leases.release(store, lease, owner)
            record(store, account, act, _why(error), now, refused=True)
        raise
    leases.renew(store, lease, owner, SAME_PRESS_SECONDS)
    return Done(id_, words)


def record(
    store: Store, account: Account, act: Act, words: str, now: float, *, refused: bool = False
) -> int:
    """Add an act to the log; the id of its row. Raises StoreUnavailable."""
    with store.write() as session:
        named = (act.verb, act.about)
        return log.add(session, account.name, named, words, now, refused=refused)


def _already(store: Store, act: Act, now: float) -> Done:
    with store.read() as session:
        row = log.last(session, (act.verb, act.about))
    if row is None or row.id is None or row.refused or now - row.at > _LONGEST_SECONDS:
        return Done(0, GOES_ON, already=True)
    return Done(row.id, words_of(row, now, already=True), already=True)


def words_of(row: LogRow, now: float, *, already: bool) -> str:
    """What an act has done, for whoever pressed; ``already`` where somebody else was first."""
    if not already:
        return row.words
    return f"Already done by {row.account} {ago(max(0.0, now - row.at))}: {row.words}"


def _lease_of(act: Act) -> str:
    name = f"act {act.verb} {act.about}"
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
    return f"{name[: _LONGEST_NAME - 65]} {digest}"


def _why(error: Exception) -> str:
    if isinstance(error, OperationError | StoreUnavailable):
        return str(error)
    return (
        f"it was not done, because the program failed ({type(error).__name__}); its log says more"
    )
