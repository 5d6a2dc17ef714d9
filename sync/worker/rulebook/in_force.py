"""The rules in force: an edit on disk is picked up within seconds and replaces the whole set.

After an edit with mistakes the last good set stays in force. An edit without mistakes that would touch
many tickets waits to be accepted. The set in force is kept in the store, so replicas and the command
line agree on it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import structlog

from sync.ports import Clock
from sync.rules import RuleErrors, RuleSet
from sync.store import leases, rule_versions, rulebook
from sync.store.engine import Store, StoreUnavailable
from sync.store.liveness import new_owner
from sync.store.rulebook import Edition, Problem, Waiting
from sync.telemetry import RULES_OK
from sync.worker.rulebook.files import Loaded, RuleFiles
from sync.worker.rulebook.impact import (
    Following,
    Impact,
    Sites,
    begun_words,
    follow_names,
    follow_pauses,
    impact,
    reach,
    route_unrouted,
    with_undone,
)

log = structlog.get_logger("rules")

# Tickets become due this much after a swap, so that other replicas walk them by the new rules too.
GRACE_SECONDS = 5.0
LEASE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Guard:
    """How many tickets an edit may touch without being accepted. An edit that touches more than ``most``
    waits or, with ``wait`` off, comes into force for new tickets only."""

    most: int = 50
    wait: bool = True


class Rulebook:
    """The rules that one process works by. ``owner`` is the name of the process on leases. ``current``
    is quick and safe from any thread."""

    def __init__(
        self,
        store: Store,
        files: RuleFiles,
        clock: Clock,
        *,
        guard: Guard | None = None,
        owner: str = "",
        sites: Sites | None = None,
    ) -> None:
        self._store = store
        self._files = files
        self._clock = clock
        self._guard = guard or Guard()
        self._sites = sites
        self._owner = owner or new_owner()
        self._swapped: Callable[[], object] = lambda: None
        self._rules: RuleSet | None = None
        self._digest = ""
        self._changed_at: float | None = None
        self._reached_at: float | None = None
        self._problem = ""
        self._waiting = ""
        self._lock = threading.Lock()

    def open(self) -> None:
        """Take up the rules on disk or, where those have mistakes or touch many tickets, the rules that
        were in force. Raises RuleErrors where neither can be used, and StoreUnavailable."""
        with self._lock:
            with self._store.read() as session:
                known = rulebook.in_force(session)
                self._changed_at = rulebook.changed_at(session)
            before = self._parsed(known.texts) if known else None
            if known is None or before is None:
                loaded = self._files.load()
                if known is not None and _replaces_users_rules(loaded, known):
                    raise RuleErrors([self._files.missing()])
                how = "the first start" if known is None else "a new start"
                self._put_in_force(loaded, how)
                self._good()
                return
            self._begin_history(known)
            self._rules, self._digest = before.told_since(known.telling), known.digest
            self._take_up(opening=True)

    def _begin_history(self, known: Edition) -> None:
        """Record the set in force as the first version, where an older program recorded none."""
        with self._store.read() as session:
            if rule_versions.last(session) is not None:
                return
        with self._store.write() as session:
            rule_versions.add(session, known)

    def on_swap(self, call: Callable[[], object]) -> None:
        """Have ``call`` called after each swap, and after its tickets have become due."""
        self._swapped = call

    def current(self) -> RuleSet:
        """The rules in force."""
        assert self._rules is not None, "open() comes first"
        return self._rules

    def poll(self) -> None:
        """Follow another process, make the tickets of the last swap due, take up an edit on disk.

        To be called every second or so.
        """
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._follow()
            # An edit is taken up only when the tickets of the edit before have been made due.
            if self._reach() and self._files.edited():
                self._take_up()
                self._reach()
        except StoreUnavailable as error:
            log.debug("the store is not available; looking again later", why=str(error))
        finally:
            self._lock.release()

    def read_again(self) -> None:
        """Take up the rules on disk now, as after an edit: a large one waits. Waits for a ``poll`` that
        is under way. Raises StoreUnavailable."""
        with self._lock:
            self._follow()
            if self._reach():
                self._take_up()
                self._reach()
            else:
                # The tickets of the edit before come first; the next ``poll`` reads.
                self._files.look_again()

    def detail(self) -> str:
        """What is wrong with the rules on disk, in words; "" for nothing."""
        return self._problem or self._waiting

    def notes(self) -> list[str]:
        """What people should know of the folder of rules, in words."""
        return self._files.notes()

    def _take_up(self, *, opening: bool = False) -> None:
        """Read the rules on disk, and put them in force unless they have mistakes or have to wait.

        Where sites are to be asked first, an edit is left to ``poll``: a start waits for no site.
        """
        try:
            loaded = self._files.load()
        except RuleErrors as bad:
            self._bad(tuple(map(str, bad.mistakes)))
            return
        except Exception as error:
            # A defect of the reader must not pass for an edit that was taken up.
            log.exception("reading the rules failed")
            self._bad((f"reading them failed ({type(error).__name__}); this is a defect of ours",))
            return
        if loaded.rules.digest == self._digest:
            self._good()
            self._same(loaded)
            return
        with self._store.read() as session:
            known = rulebook.in_force(session)
        if known is not None and _replaces_users_rules(loaded, known):
            self._bad((str(self._files.missing()),))
            return
        self._good()
        if opening and self._sites is not None:
            self._files.look_again()
            return
        self._measure(loaded)

    def _measure(self, loaded: Loaded) -> None:
        """Put an edit in force, unless it touches many tickets or holds what Jira would not take."""
        before, now = self.current(), self._clock.time()
        sites = self._sites
        with self._store.read() as session:
            known = rulebook.in_force(session)
            undoes = rulebook.undone_by(session, loaded.texts)
        telling = loaded.rules.tellings(known.telling if known else {}, now)
        after = loaded.rules.told_since(telling)
        found = impact(self._store, before, after, now, sites.trackers if sites else None)
        found = with_undone(self._store, found, undoes)
        wrong = (*(sites.mistakes(before, loaded.rules) if sites else ()), *found.mistakes())
        if wrong or (found.size > self._guard.most and self._guard.wait):
            self._wait(loaded, found, wrong)
            return
        only_new = found.size > self._guard.most
        self._put_in_force(loaded, "an edit", found, only_new=only_new)
        log.info(
            "rules swapped",
            rules=len(loaded.rules.rules),
            changes=len(found.changed),
            makes=found.made,
            only_new=only_new,
        )
        if found.begun:
            log.info(begun_words(len(found.begun), found.differ))

    def _put_in_force(
        self, loaded: Loaded, how: str, found: Impact | None = None, *, only_new: bool = False
    ) -> None:
        """``found``: the set before is replaced, and the tickets that differ are to be made due."""
        with self._store.write() as session:
            known = rulebook.in_force(session, lock=True)
            # Another replica may have put the same edit in force already, and sees to the tickets.
            if known is None or known.digest != loaded.rules.digest:
                known = Edition(
                    loaded.rules.digest,
                    dict(loaded.texts),
                    how,
                    self._after(known),
                    known.texts if known and found is not None else None,
                    "new" if only_new else "all",
                    loaded.shipped,
                    loaded.rules.tellings(known.telling if known else {}, self._clock.time()),
                    rulebook.undone_by(session, loaded.texts),
                )
                rulebook.put_in_force(session, known)
                follow_pauses(session, self._rules, loaded.rules.told_since(known.telling))
                changed, made = (len(found.changed), found.made) if found else (0, 0)
                by = rulebook.saved_by(session, known.texts)
                rule_versions.add(session, known, by, changed=changed, made=made)
        self._swap(loaded.rules, known)

    def _after(self, known: Edition | None) -> float:
        """Now, but later than the set before: sets are told apart by their times."""
        return max(self._clock.time(), known.at + 0.001) if known else self._clock.time()

    def _swap(self, rules: RuleSet, edition: Edition) -> None:
        self._rules, self._digest = rules.told_since(edition.telling), edition.digest
        self._changed_at = edition.at
        self._waiting = ""
        self._swapped()

    def _same(self, loaded: Loaded) -> None:
        """The rules have not changed, but the files and lines where they are written may have."""
        self._waiting = ""
        with self._store.write() as session:
            rulebook.clear(session, rulebook.WAITING)
            known = rulebook.in_force(session, lock=True)
            self._rules = loaded.rules.told_since(known.telling if known else {})
            moved = known is not None and known.shipped != loaded.shipped
            if known is not None and (moved or dict(known.texts) != dict(loaded.texts)):
                edition = replace(
                    known, texts=dict(loaded.texts), shipped=loaded.shipped, at=self._after(known)
                )
                rulebook.put_in_force(session, edition)
                self._changed_at = edition.at
                # Remarks and places, so that the next version is compared with what stood there.
                by = rulebook.saved_by(session, edition.texts)
                told = replace(edition, how="an edit that changes no rule")
                rule_versions.add(session, told, by)

    def _wait(self, loaded: Loaded, found: Impact, wrong: tuple[str, ...]) -> None:
        numbers = len(found.changed), found.made, found.looked_at
        edit = Waiting(loaded.rules.digest, *numbers, self._clock.time(), wrong)
        with self._store.write() as session:
            rulebook.put_waiting(session, edit)
        self._waiting = waiting_words(edit)
        log.warning("an edit of the rules waits", why=self._waiting)

    def _bad(self, words: tuple[str, ...]) -> None:
        more = f" (and {len(words) - 1} more)" if len(words) > 1 else ""
        self._problem = f"the rules on disk are not used: {words[0]}{more}"
        RULES_OK.set(0)
        for mistake in words:
            log.error("a mistake in the rules; the last good ones stay in force", mistake=mistake)
        with self._store.write() as session:
            rulebook.put_problem(session, Problem(words, self._clock.time()))

    def _good(self) -> None:
        self._problem = ""
        RULES_OK.set(1)
        with self._store.write() as session:
            rulebook.clear(session, rulebook.PROBLEM)

    def _follow(self) -> None:
        """Swap to the set that another process, or `rules accept`, put in force."""
        with self._store.read() as session:
            at = rulebook.changed_at(session)
            if at is None or at == self._changed_at:
                return
            edition = rulebook.in_force(session)
        if edition is None:
            return
        self._changed_at = at
        if edition.digest == self._digest:
            return
        rules = self._parsed(edition.texts)
        if rules is None:
            return
        self._swap(rules, edition)
        log.info("rules swapped", rules=len(rules.rules), by=edition.how)

    def _parsed(self, texts: Mapping[str, str]) -> RuleSet | None:
        try:
            return self._files.parse(texts)
        except RuleErrors as bad:
            # The program or the sites in config.toml have changed since these rules were accepted.
            why = str(bad.mistakes[0])
            log.warning("the rules that were in force cannot be used here", why=why)
            return None

    def _reach(self) -> bool:
        """Make the tickets of the last swap due, in one process of all; whether nothing is left to do.

        Idempotent.
        """
        if self._reached_at == self._changed_at:
            return True
        with self._store.read() as session:
            edition = rulebook.in_force(session)
        if edition is None or edition.digest != self._digest:
            return False
        if edition.previous is None:
            self._reached_at = self._changed_at
            return True
        if not leases.take(self._store, "rules", self._owner, LEASE_SECONDS):
            return False
        try:
            old, new = self._parsed(edition.previous), self.current()
            old = old.told_since(edition.telling) if old is not None else None
            at = self._clock.time() + GRACE_SECONDS
            count = 0
            if old is not None:
                follow_names(self._store, old, new)
                with self._store.read() as session:
                    version = rule_versions.edit_in_force(session, edition.digest)
                found = with_undone(self._store, impact(self._store, old, new, at), edition.undoes)
                edit = Following(
                    (version.id if version else None) or 0, edition.undoes, edition.reach != "all"
                )
                count = reach(self._store, found, at, edit)
            made = route_unrouted(self._store, new, at)
            with self._store.write() as session:
                now = rulebook.in_force(session, lock=True)
                if now is not None and now.at == edition.at:
                    rulebook.put_in_force(session, replace(now, previous=None))
            log.info("tickets made due after the swap", due=count, subjects_without_ticket=made)
        finally:
            leases.release(self._store, "rules", self._owner)
        self._swapped()
        return False


def _replaces_users_rules(loaded: Loaded, known: Edition) -> bool:
    """Whether rules of a folder would give way to those of the program only because the folder is gone,
    as with a disk that is not mounted."""
    return loaded.shipped and not known.shipped


def waiting_words(edit: Waiting) -> str:
    """The words for an edit that waits to be accepted."""
    if edit.mistakes:
        more = f" (and {len(edit.mistakes) - 1} more)" if len(edit.mistakes) > 1 else ""
        return (
            "an edit of the rules waits, for Jira would not take what it says: "
            f"{edit.mistakes[0]}{more} Mend the rules, or put them in force all the same with "
            "`ticket-sync rules accept --force`"
        )
    return (
        f"an edit of the rules would change {edit.changed} and make {edit.made} tickets; it waits "
        "for `ticket-sync rules accept` (see `ticket-sync plan`)"
    )
