"""What people do with one ticket, beside trying it again: set it aside, or forget it."""

from __future__ import annotations

from sync.operations.accounts import Account
from sync.operations.acts import Act, Done, perform
from sync.operations.errors import NotFound, Refused
from sync.operations.ticket_moves import forget_subject, forgettable
from sync.store import asides, tickets
from sync.store.asides import Aside
from sync.store.engine import Store

_VERBS = {Aside.SET_ASIDE: "set-aside", Aside.FORGET: "forget"}
_WORDS = {
    Aside.SET_ASIDE: "{name} is set aside: nothing is written to it until it is tried again.",
    Aside.FORGET: "{name} is forgotten: it stays in Jira as it is and is followed no more, until it is "
    "tried again.",
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
                raise NotFound(
                    f"There is no ticket {name!r}. Name it by its Jira key, or by the id of the issue "
                    "it was made for."
                )
            row = tickets.by_ids(session, [found.id])[found.id]
            called = row.jira_key or row.key
            if asides.how(row) is aside:
                raise Refused(f"{called} is {aside.words} already.")
            asides.take(session, row, aside, account.name, now, why)
            return _WORDS[aside].format(name=called)

    return perform(store, account, Act(_VERBS[aside], name), work, now)
