"""What people decide about where subjects belong: ``merge``, ``split``, ``link``, and ``forget`` of one
subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sync.domain.errors import Fault
from sync.operations.accounts import Account
from sync.operations.acts import Act, Done, perform
from sync.operations.errors import NotFound, Refused, Unanswered
from sync.operations.tickets import unknown
from sync.ports import Tracker
from sync.rules import RuleSet
from sync.store import subjects, tickets
from sync.store.engine import Session, Store
from sync.store.slate import Slate, decided
from sync.store.tables import SubjectRow
from sync.worker import linking
from sync.worker.linking import Wanted
from sync.worker.triage import by_hand
from sync.worker.triage.by_hand import Unmovable, Word

LONGEST_WHY = 500


@dataclass(frozen=True, slots=True)
class Merging:
    """A ticket whose subjects go onto another (``into``), both by any of their names, and why. With
    ``leave``, the emptied ticket stays in Jira as it is."""

    ticket: str
    into: str
    why: str = ""
    leave: bool = False


@dataclass(frozen=True, slots=True)
class Splitting:
    """Subjects that leave a ticket: for the ticket ``to``, or for one of their own where that is ""."""

    ticket: str
    subjects: Sequence[str] = ()
    to: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Linking:
    """A subject, and a ticket in Jira that is to be its ticket, by its key. ``instead``: of the one that
    the subject has in Jira."""

    subject: str
    ticket: str
    why: str = ""
    instead: bool = False


def merge(store: Store, account: Account, wish: Merging, now: float) -> Done:
    """Put all subjects of a ticket onto another. Raises NotFound and Refused."""

    def decide(slate: Slate, source: int, into: int) -> str:
        both = by_hand.known(slate, source), by_hand.known(slate, into)
        return by_hand.merge(slate, *both, word_of(account, wish.why, now), leave=wish.leave)

    def work() -> str:
        with store.read() as session:
            ids = id_of(session, wish.ticket), id_of(session, wish.into)
        return _decided(store, lambda slate: decide(slate, *ids))

    return perform(store, account, Act("merge", _about(wish.ticket, wish.into)), work, now)


def split(store: Store, rules: RuleSet, account: Account, wish: Splitting, now: float) -> Done:
    """Put some subjects of a ticket onto another one. Raises NotFound and Refused."""

    def work() -> str:
        if not wish.subjects:
            raise Refused("Name the subjects that are to leave the ticket.")
        with store.read() as session:
            source = id_of(session, wish.ticket)
            to = id_of(session, wish.to) if wish.to.strip() else None
            refs = list(dict.fromkeys(ref_of(session, name) for name in wish.subjects))
        return _decided(store, lambda slate: decide(slate, source, refs, to))

    def decide(slate: Slate, source: int, refs: Sequence[str], to: int | None) -> str:
        known, word = by_hand.known, word_of(account, wish.why, now)
        target = None if to is None else known(slate, to)
        return by_hand.split(slate, rules, known(slate, source), refs, word, to=target)

    about = _about(wish.ticket, *wish.subjects, wish.to)
    return perform(store, account, Act("split", about), work, now)


def link(
    store: Store,
    sites: tuple[Mapping[str, Tracker], RuleSet],
    account: Account,
    wish: Linking,
    now: float,
) -> Done:
    """Let a ticket that a person made in Jira be that of a subject. ``sites`` are the trackers and the
    rules in force. Raises NotFound, Refused, and Unanswered where Jira does not answer."""

    def work() -> str:
        key = wish.ticket.strip().upper()
        if not key:
            raise Refused("Name the ticket in Jira by its key.")
        with store.read() as session:
            ref = ref_of(session, wish.subject)
        word, wanted = word_of(account, wish.why, now), Wanted(ref, key, wish.instead)
        try:
            return linking.link(store, *sites, wanted, word)
        except Unmovable as fault:
            raise Refused(str(fault)) from None
        except Fault as fault:
            raise Unanswered(f"Jira was asked for {key} and did not answer: {fault}") from None

    return perform(store, account, Act("link", _about(wish.subject, wish.ticket)), work, now)


def forgettable(session: Session, name: str) -> str:
    """The subject of this name where it has company on its ticket, "" for any other name."""
    found = subjects.named(session, name)
    if len(found) != 1:
        return ""
    ref = found[0].ref
    linked = subjects.ticket_ids(session, [ref]).get(ref)
    return ref if linked and len(tickets.subjects_on(session, linked)) > 1 else ""


def forget_subject(store: Store, account: Account, ref: str, why: str, now: float) -> str:
    """Take a subject off the ticket that it shares; it gets no other. What was done, in words. Raises
    Refused."""
    return _decided(store, lambda slate: by_hand.forget(slate, ref, word_of(account, why, now)))


def word_of(account: Account, why: str, now: float) -> Word:
    """Who says so, when and why. Raises Refused."""
    if len(why) > LONGEST_WHY:
        raise Refused(f"The reason is {len(why)} characters long. Write at most {LONGEST_WHY}.")
    return Word(account.name, now, " ".join(why.split()))


def id_of(session: Session, name: str) -> int:
    """The row id of the one ticket of a name. Raises NotFound and Refused."""
    name = name.strip()
    if not name:
        raise Refused("Name the ticket by its Jira key.")
    found = tickets.ids_named(session, name) or tickets.ids_named(session, name.upper())
    if not found:
        raise unknown(session, name)
    if len(found) > 1:
        keys = ", ".join(row.key for row in tickets.records(session, found))
        raise Refused(f"Several tickets are named {name!r}. Name one by our own key: {keys}.")
    return found[0]


def ref_of(session: Session, name: str) -> str:
    """The reference of the one subject of a name. Raises NotFound and Refused."""
    found: list[SubjectRow] = subjects.named(session, name.strip())
    if not found:
        raise NotFound(
            f"No issue or incident {name!r} is known. Its delivery may still wait or be dead: see the "
            "page Deliveries, or `ticket-sync status` and `ticket-sync dead list`."
        )
    if len(found) > 1:
        refs = ", ".join(row.ref for row in found)
        raise Refused(f"Several subjects have the id {name!r}. Name one in full: {refs}.")
    return found[0].ref


def _decided(store: Store, decide: Callable[[Slate], str]) -> str:
    try:
        return decided(store, decide)
    except Unmovable as fault:
        raise Refused(str(fault)) from None


def _about(*names: str) -> str:
    return " ".join(filter(None, (name.strip() for name in names)))[:300]
