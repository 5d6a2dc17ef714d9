"""What people do with one ticket, beside trying it again: set it aside, or forget it."""

from __future__ import annotations

from sync.operations.accounts import Account
from sync.operations.acts import Act, Done, perform
from sync.operations.errors import Refused
from sync.operations.ticket_moves import forget_subject, forgettable
from sync.operations.tickets import unknown
from sync.store import asides, tickets
from sync.store.asides import Aside
from sync.store.engine import Store

_AGAIN = "`ticket-sync retry {name}`, or the button on its page"
_VERBS = {Aside.SET_ASIDE: "set-aside", Aside.FORGET: "forget"}
_WORDS = {
    Aside.SET_ASIDE: "{name} is set aside. Nothing is written to it until it is tried again ({how}).",
    Aside.FORGET: "{name} is forgotten. It stays in Jira as it is and is followed no more until it is "
    "tried again ({how}).",
}


def set_aside(store: Store, account: Account, name: str, now: float) -> Done:
    """Have a ticket left alone for a while, among the parked ones. Raises NotFound and Refused."""
    return _taken(store, account, name, now, Aside.SET_ASIDE)


def forget(
    store: Store, account: Account, name: str, now: float, *, why: str = "", whole: bool = False
) -> Done:
    """Have a ticket followed no more or, by the name of a subject that shares its ticket with others,
    that subject alone, unless it is the ``whole`` ticket. Raises NotFound and Refused."""
    with store.read() as session:
        ref = "" if whole else forgettable(session, name)
    if not ref:
        return _taken(store, account, name, now, Aside.FORGET, why)

    def work() -> str:
        return forget_subject(store, account, ref, why, now)

    return perform(store, account, Act("forget", ref), work, now)


def _taken(
    store: Store, account: Account, name: str, now: float, aside: Aside, why: str = ""
) -> Done:
    def work() -> str:
        with store.write() as session:
            found = tickets.find(session, name)
            if found is None or found.id is None:
                raise unknown(session, name)
            row = tickets.by_ids(session, [found.id])[found.id]
            called = row.jira_key or row.key
            if asides.how(row) is aside:
                raise Refused(f"{called} is {aside.words} already.")
            asides.take(session, row, aside, account.name, now, why)
            return _WORDS[aside].format(name=called, how=_AGAIN.format(name=called))

    return perform(store, account, Act(_VERBS[aside], name), work, now)
