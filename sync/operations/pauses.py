"""What is paused, what waits for it, and pausing and going on.

A rule, a project or a site is left alone until a time. Deliveries are accepted and read as always, so
nothing is lost, and whatever happens to a subject meanwhile is one walk afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from sync.domain.durations import in_words
from sync.domain.pause import LONGEST_WHY, Pause, PauseKind, active, covering, end_of
from sync.domain.text import one_line
from sync.domain.times import lasting, moment, stamp
from sync.operations.accounts import Account
from sync.operations.acts import Act, Done, perform
from sync.operations.errors import NotFound, Refused
from sync.rules import RuleSet
from sync.store import paused, ticket_search
from sync.store.engine import Session, Store
from sync.store.tables import TicketRow
from sync.store.ticket_search import Wanted
from sync.toml.mistakes import meant

# What waited for a pause should be done so long (seconds) after its end.
LATE_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class PauseView:
    """A pause: ``tickets`` wait for it, or are left of it once it is ``over``. ``until`` and ``since``
    are ISO 8601, ``until_seconds`` is the same since the epoch. ``what`` and ``words`` say it to
    people."""

    kind: str
    name: str
    site: str
    until: str | None
    until_seconds: float
    by: str
    why: str
    since: str | None
    tickets: int
    what: str
    words: str
    over: bool = False

    @property
    def counted(self) -> str:
        """The words, with what waits."""
        return f"{self.words}; {waiting_words(self.tickets)}"


@dataclass(frozen=True, slots=True)
class Pauses:
    """The pauses that go on, the earliest end first, and how many tickets wait for them in all."""

    pauses: list[PauseView]
    tickets: int
    words: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What to pause or to let go on, as a person names it. ``site`` tells projects of one key apart."""

    kind: str
    name: str
    site: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What can be paused: what the rules in force name, the sites of the configuration, and what tickets
    belong to."""

    rules: RuleSet
    sites: Collection[str]


@dataclass(frozen=True, slots=True)
class Pausing:
    """An account that pauses or lets go on. ``now`` is by the clock that all daemons share (seconds
    since the epoch); ``wake`` has a daemon look at once."""

    store: Store
    account: Account
    now: float
    wake: Callable[[], object] = field(default=lambda: None)


def waiting_words(count: int) -> str:
    """How many tickets wait."""
    return f"{count:,} {'ticket waits' if count == 1 else 'tickets wait'}"


def pauses_of(session: Session, now: float) -> Pauses:
    """What is paused at ``now`` (seconds since the epoch), and how many tickets wait for it."""
    waits = paused.waiting(session, paused.load(session), now)
    shown = [_view(one, count) for one, count in waits.by_pause.items()]
    if not shown:
        return Pauses([], 0, "Nothing is paused")
    number = "One pause goes on" if len(shown) == 1 else f"{len(shown):,} pauses go on"
    return Pauses(shown, waits.total, f"{number}; {waiting_words(waits.total)}")


def late_of(session: Session, now: float) -> list[PauseView]:
    """The pauses that have been over for half an hour and of which tickets are left. One read where none
    is over."""
    known = paused.load(session)
    over, going_on = [one for one in known if one.until + LATE_SECONDS < now], active(known, now)
    found = [(one, paused.left(session, one, going_on)) for one in over]
    return [replace(_view(one, count), over=True) for one, count in found if count]


def for_ticket(session: Session, row: TicketRow, now: float) -> Pause | None:
    """The pause that a ticket waits for, None for none."""
    return covering(active(paused.load(session), now), row.rule, row.site, row.project)


def why_waits(session: Session, row: TicketRow, now: float) -> str:
    """Why a ticket that is due is not looked at: its pause, in words; "" where none goes on."""
    found = for_ticket(session, row, now)
    return f"waits: {found.words}" if found else ""


def pause(at: Pausing, wish: Wish, known: Known, until: str, why: str) -> Done:
    """Leave a rule, a project or a site alone ``until`` a time (see ``end_of``), and say ``why``.

    A pause of the same that goes on is replaced. Raises NotFound for what is not known, Refused for a
    time or a reason that is of no use, and StoreUnavailable.
    """
    reason = one_line(why)
    if not reason:
        raise Refused("Say why it is paused: others will read that where tickets wait.")
    if len(reason) > LONGEST_WHY:
        raise Refused(f"Why it is paused takes at most {LONGEST_WHY} characters.")
    try:
        end = end_of(until, at.now)
    except ValueError as error:
        raise Refused(str(error)) from None
    with at.store.read() as session:
        kind, name, site = _found(session, wish, known)
    made = Pause(kind, name, site, end, at.account.name, reason, at.now)
    if kind is PauseKind.PROJECT:
        there = known.rules.rules
        of = sorted(one.name for one in there if (one.site, one.project) == (site, name))
        made = replace(made, rules=tuple(of))

    def work() -> str:
        with at.store.write() as session:
            before = _going_on(session, made, at.now)
            paused.prune(session, at.now)
            paused.put(session, made)
            count = paused.waiting(session, [made], at.now).total
        return _paused_words(made, before, count)

    act = Act("pause", f"{made.what} until {moment(end)}")
    return perform(at.store, at.account, act, work, at.now)


def go_on(at: Pausing, wish: Wish) -> Done:
    """End a pause before its time. Raises NotFound where nothing of that name is paused, and
    StoreUnavailable."""
    with at.store.read() as session:
        going_on = active(paused.load(session), at.now)
    named = [one for one in going_on if _named(one, wish)]
    if len(named) > 1:
        raise Refused(f"Several sites have a paused project {wish.name!r}: name the site as well.")
    if not named:
        raise NotFound(_not_paused(wish, going_on))
    one = named[0]

    def work() -> str:
        with at.store.write() as session:
            others = [other for other in active(paused.load(session), at.now) if other != one]
            count = paused.waiting(session, [one], at.now).total
            held = paused.waiting(session, others, at.now).total
            follow = paused.waiting(session, [one, *others], at.now).total - held
            if not paused.end(session, one, at.now):
                raise NotFound(_not_paused(wish, ()))
        at.wake()
        return _goes_on_words(one, follow, count - follow)

    return perform(at.store, at.account, Act("go-on", one.what), work, at.now)


def _view(one: Pause, count: int) -> PauseView:
    return PauseView(
        kind=one.kind.value,
        name=one.name,
        site=one.site,
        until=stamp(one.until),
        until_seconds=one.until,
        by=one.by,
        why=one.why,
        since=stamp(one.at),
        tickets=count,
        what=one.what,
        words=one.words,
    )


def _paused_words(made: Pause, before: Pause | None, count: int) -> str:
    words = (
        f"{_sentence(made.what)} is paused until {moment(made.until)} UTC, for "
        f"{in_words(made.until - made.at)}; {waiting_words(count)} by now. Deliveries are accepted as "
        "always, and all daemons keep to it within a second."
    )
    if made.kind is PauseKind.SITE:
        words += " No call is made to the site until then."
    if before is not None:
        words += (
            f" This takes the place of a pause until {moment(before.until)} UTC by {before.by}."
        )
    return words


def _goes_on_words(one: Pause, follow: int, held: int) -> str:
    """What is said when a pause ends: so many tickets follow, so many are ``held`` by another pause."""
    words = f"{follow:,} {'ticket follows' if follow == 1 else 'tickets follow'}"
    if held:
        words += f"; {waiting_words(held)} for another pause"
    return f"{_sentence(one.what)} goes on: {words}."


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _going_on(session: Session, made: Pause, now: float) -> Pause | None:
    same = (made.kind, made.site, made.name)
    going_on = active(paused.load(session), now)
    return next((one for one in going_on if (one.kind, one.site, one.name) == same), None)


def _kind(wish: Wish) -> PauseKind:
    try:
        return PauseKind(wish.kind)
    except ValueError:
        raise Refused(
            f"{wish.kind!r} cannot be paused. Name a rule, a project or a site: for example "
            '`pause rule "stale tables"`.'
        ) from None


def _found(session: Session, wish: Wish, known: Known) -> tuple[PauseKind, str, str]:
    """Kind, name and site of what is to be paused. Raises NotFound and Refused."""
    kind = _kind(wish)
    site = wish.name if kind is PauseKind.SITE else wish.site
    if site and site not in known.sites:
        raise NotFound(f"There is no site {site!r}. {meant(site, sorted(known.sites))}")
    if kind is PauseKind.SITE:
        return kind, site, site
    if kind is PauseKind.RULE:
        names = [one.name for one in known.rules.rules]
        # The tickets of a rule that was taken out of its file are kept all the same.
        if wish.name not in names and not _any(session, Wanted(rule=wish.name)):
            raise NotFound(f"There is no rule {wish.name!r}. {meant(wish.name, names)}")
        return kind, wish.name, ""
    return kind, *_project(session, wish, known)


def _project(session: Session, wish: Wish, known: Known) -> tuple[str, str]:
    """The key of a project and its site. Raises NotFound and Refused."""
    sites = [wish.site] if wish.site else sorted(known.sites)
    there = {(one.project, one.site) for one in known.rules.rules if one.site in sites}
    found = _places(session, wish.name, sites, there)
    if not found:
        names = sorted({key for key, _ in there})
        raise NotFound(
            f"No rule in force and no ticket is in a project {wish.name!r}. "
            f"{meant(wish.name, names)}"
        )
    if len(found) > 1:
        of = ", ".join(site for _, site in found)
        raise Refused(f"Several sites have a project {wish.name!r}: name one of {of} as its site.")
    return found[0]


def _places(
    session: Session, name: str, sites: Iterable[str], there: Collection[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Keys and sites of the projects that a name stands for: of rules or, if of none, of tickets."""
    named = sorted({(key, site) for key in (name, name.upper()) for site in sites})
    of_tickets = (one for one in named if _any(session, Wanted(project=one[0], site=one[1])))
    return [one for one in named if one in there] or list(of_tickets)


def _any(session: Session, wanted: Wanted) -> bool:
    return bool(ticket_search.count(session, wanted, 0.0, most=0))


def _named(one: Pause, wish: Wish) -> bool:
    if one.kind is not _kind(wish) or wish.site not in ("", one.site):
        return False
    return wish.name == one.name or (
        one.kind is PauseKind.PROJECT and wish.name.upper() == one.name
    )


def _not_paused(wish: Wish, going_on: Sequence[Pause]) -> str:
    what = f"{wish.kind} {wish.name!r}"
    if not going_on:
        return f"The {what} is not paused; nothing is."
    return f"The {what} is not paused. Paused is: {', '.join(_whats(going_on))}."


def _whats(going_on: Iterable[Pause]) -> list[str]:
    return [one.what for one in going_on]


def late_words(one: PauseView, now: float) -> str:
    """That tickets are left of a pause that is over."""
    waits = f"{one.tickets:,} {'ticket still waits' if one.tickets == 1 else 'tickets still wait'}"
    return f"{waits} of the pause of {one.what}, over for {lasting(now - one.until_seconds)}"
