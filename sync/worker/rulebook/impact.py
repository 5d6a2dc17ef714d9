"""Impact of an edit of the rules: which tickets it changes or makes, and making those due."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice

from sync.domain.difference import differences
from sync.domain.errors import Fault, Parked, Rejected
from sync.domain.rule import Desired, RuleRef
from sync.domain.subject import Snapshot
from sync.ports import Tracker
from sync.rules import IncidentIssues, Parts, Rendered, Rule, RuleSet, Undecided, patience
from sync.store import edit_progress, journal, open_items, parking, paused, tickets
from sync.store.engine import Session, Store
from sync.store.slate import Slate, decided
from sync.store.ticket_changes import Wish, make_all_due
from sync.worker.rulebook.trial_routing import LOOKING, unrouted, would_route
from sync.worker.triage.routing import Router
from sync.worker.walk.beginning import Beginning
from sync.worker.walk.facts import (
    Facts,
    changed_since,
    desire,
    gather_all,
    rule_for,
    sited,
    unchanged,
)
from sync.worker.walk.foresee import Foresight
from sync.worker.walk.outcomes import parked_for

BATCH = 100
SPREAD_SECONDS = 0.05


# The words for each mistake of some rules that `check` finds on the sites, by what identifies it.
Verdict = Callable[[RuleSet, frozenset[str]], Mapping[tuple[str, ...], str]]


@dataclass(frozen=True, slots=True)
class Sites:
    """The sites that an edit is held against: their trackers by name, and what `check` finds there of
    the rules with the given names."""

    trackers: Mapping[str, Tracker]
    check: Verdict = lambda _rules, _names: {}

    def mistakes(self, old: RuleSet | None, new: RuleSet) -> tuple[str, ...]:
        """What `check` finds in the rules that an edit changes, and did not find in them before."""
        names = changed_rules(old, new) if old else frozenset(rule.name for rule in new.rules)
        found = self.check(new, names) if names else {}
        known = self.check(old, names) if found and old else {}
        return tuple(words for about, words in found.items() if about not in known)


@dataclass(frozen=True, slots=True)
class Impact:
    """What an edit would touch.

    ``changed`` holds (row id, names of what differs) of the open tickets that the edit changes, ``made``
    is the number of tickets that it makes for subjects without one, ``parked`` holds the row ids of the
    tickets whose rules it changes and that are parked, or have a field parked. ``aside`` holds why each
    ticket would be set aside, among the changed ones and those to be made; ``unasked`` why a site could
    not be asked, "" for nothing. ``begun`` holds the row ids of the tickets of which upstream begins to
    be told, ``differ`` is how many of them stand otherwise in Jira than upstream, None where no site was
    asked: nothing is written for them, because both sides count as agreed as they stand.
    """

    changed: tuple[tuple[int, tuple[str, ...]], ...]
    made: int
    parked: tuple[int, ...]
    looked_at: int
    aside: tuple[Parked, ...] = ()
    unasked: str = ""
    begun: tuple[int, ...] = ()
    differ: int | None = None

    @property
    def size(self) -> int:
        """How many tickets it would touch, make or set aside."""
        return len(self.changed) + self.made + len(self.aside)

    def mistakes(self) -> tuple[str, ...]:
        """What would be set aside, each cause once."""
        causes: dict[tuple[str, ...], list[Parked]] = {}
        for one in self.aside:
            about = (one.rule, one.where, one.field, one.reason)
            causes.setdefault(about, []).append(one)
        return tuple(
            f"{len(those)} {'ticket' if len(those) == 1 else 'tickets'} would be set aside: {those[0]}"
            for those in causes.values()
        )


def begun_words(begun: int, differ: int | None) -> str:
    """What becomes of the tickets of which upstream begins to be told, and on how many of them the
    sides differ (None where that is not known), as a sentence."""
    tickets = "ticket" if begun == 1 else "tickets"
    words = f"Upstream begins to be told of {begun} {tickets}: both sides count as agreed"
    return f"{words} as they stand" + ("." if differ is None else f"; {differ} differ.")


def changed_rules(old: RuleSet, new: RuleSet) -> frozenset[str]:
    """Names of the rules that were added, removed or changed."""
    before = {rule.ref.name: (rule.digest, rule.issues) for rule in old.rules}
    after = {rule.ref.name: (rule.digest, rule.issues) for rule in new.rules}
    names = before.keys() | after.keys()
    return frozenset(name for name in names if before.get(name) != after.get(name))


def renamed(old: RuleSet, new: RuleSet) -> Mapping[str, str]:
    """New names, by the old ones, of the rules of which nothing but the name changed."""
    gone = [rule for rule in old.rules if new.get(rule.ref.name) is None]
    came = {
        (rule.digest, rule.issues): rule.ref.name
        for rule in new.rules
        if old.get(rule.ref.name) is None
    }
    known = ((rule.ref.name, came.get((rule.digest, rule.issues))) for rule in gone)
    return {before: after for before, after in known if after is not None}


def follow_pauses(session: Session, old: RuleSet | None, new: RuleSet) -> None:
    """Let rules that are renamed stay paused. To be done in the transaction that puts ``new`` in force:
    a subject that comes a moment later gets its ticket by the new name."""
    for before, after in renamed(old, new).items() if old is not None else ():
        paused.rename_rule(session, before, after)


def follow_names(store: Store, old: RuleSet, new: RuleSet) -> None:
    """Give the tickets of renamed rules the new names.

    Walks would do so too, but a settled ticket is walked no more, and its rule is asked for by name
    later: what an incident's rule says of its issues is looked up through the incident's ticket.
    """
    for before, after in renamed(old, new).items():
        while tickets.rename_rule(store, before, after, limit=10 * BATCH):
            pass


def impact(
    store: Store,
    old: RuleSet,
    new: RuleSet,
    now: float,
    trackers: Mapping[str, Tracker] | None = None,
) -> Impact:
    """What replacing ``old`` by ``new`` would do.

    Reads the store only. With ``trackers`` it also foresees each walk, as `plan` does: a ticket for
    which nothing would be done is left out, and one that would be set aside is counted as such.
    """
    edit = _Edit(store, old, new, now, trackers or {})
    if not trackers:
        differing = tuple((facts.ticket_id, names) for facts, names in edit.reached() if names)
        made = len(_new_keys(store, new))
        return Impact(differing, made, tuple(edit.parked), edit.looked_at, begun=tuple(edit.begun))
    return _foreseen(edit, trackers)


def _foreseen(edit: _Edit, trackers: Mapping[str, Tracker]) -> Impact:
    """What the walks after an edit would do, as `plan` foresees it."""
    new, now = edit.new, edit.now
    foresight = _Foreseen(new, Foresight(new, trackers, now, changed=edit.changed))
    routed = dict(would_route(edit.store, new, now))
    changed, made = [], 0
    for facts, names in edit.reached():
        # A ticket that exists and that open subjects would come to is counted once, with them.
        come = routed.pop(facts.key, None)
        if come is not None:
            facts = facts.joined_by(come)
        if not foresight.acts(facts, edit.rendered):
            continue
        if facts.ref is None:
            made += 1
        else:
            changed.append((facts.ticket_id, names or ("what kept it parked",)))
    made += sum(foresight.acts(facts) for facts in routed.values() if facts.ref is None)
    return Impact(
        tuple(changed),
        made,
        tuple(edit.parked),
        edit.looked_at,
        tuple(foresight.aside),
        foresight.unasked or edit.beginning.unasked,
        tuple(edit.begun),
        edit.beginning.differ,
    )


class _Edit:
    """The tickets that an edit can reach, gone through once. ``parked``, ``begun`` and ``looked_at`` as
    in ``Impact``; they are complete at the end."""

    def __init__(
        self, store: Store, old: RuleSet, new: RuleSet, now: float, trackers: Mapping[str, Tracker]
    ) -> None:
        self.store = store
        self._old, self.new = old, new
        self.now = now
        self.changed = changed_since(old, new)
        both = ((one, old.get(one.name)) for one in new.rules)
        self._parts = {one.name: one.changed_since(known) for one, known in both if known}
        self.parked = array("q")
        self.begun = array("q")
        self.beginning = Beginning(new, trackers, now)
        self.looked_at = 0
        # Of the ticket that was gone through last: most of what two versions of a rule give is the same.
        self.rendered = Rendered()

    def reached(self) -> Iterator[tuple[Facts, tuple[str, ...]]]:
        """Each ticket that the edit changes, with the names of what differs; and each other ticket that
        is parked, or has a parked field, without names."""
        ids, settled = self._ids()
        self.looked_at += settled
        for start in range(0, len(ids), tickets.BATCH):
            with self.store.read() as session:
                rows = tickets.records(session, ids[start : start + tickets.BATCH])
                page = list(gather_all(session, rows))
            self.begun.extend(self.beginning.apart(page))
            for row, facts in zip(rows, page, strict=True):
                names = () if facts.parked else self._differing(facts)
                if row.parked is not None:
                    self.parked.append(facts.ticket_id)
                if names or row.parked is not None:
                    yield facts, names

    def _differing(self, facts: Facts) -> tuple[str, ...]:
        self.looked_at += 1
        if not facts.snapshots:
            return ()
        # Of a ticket that is not made, every part counts.
        only = self._parts.get(facts.rule_name) if facts.ref else None
        try:
            rule, after = self._desired(facts, self.new, only)
        except Rejected as fault:
            return (str(fault),)
        try:
            known, before = self._desired(facts, self._old, only)
        except Rejected:
            return ("everything (the old rules failed on it)",)
        found = differences(before, after, made=facts.ref is not None)
        if facts.ref is None and rule.hold != known.hold:
            found = (*found, "how long it is held")
        if not found and rule.issues != known.issues:
            return ("links to tickets",)
        return found

    def _desired(self, facts: Facts, rules: RuleSet, only: Parts | None) -> tuple[Rule, Desired]:
        rule = rule_for(facts, rules)
        return rule, desire(facts, rule, self.now, rules, self.rendered, only)[0]

    def _ids(self) -> tuple[array[int], int]:
        """Row ids of the tickets that the edit can reach: open, parked, or with a parked field; and how
        many it leaves as they are for sure.

        A ticket that was not walked since its rule was renamed still has the old name. What an
        incident's rule says of its issues reaches the tickets of those issues, whatever their own rules
        are.
        """
        changed = changed_rules(self._old, self.new)
        if not changed:
            return array("q"), 0
        kept = [rule.ref.name for rule in self.new.rules]
        incidents = [
            name for name in changed if _of_issues(self._old, name) != _of_issues(self.new, name)
        ]
        with self.store.read() as session:
            return open_items.open_or_parked(
                session, changed, kept, incidents, settled_by=unchanged(self.changed)
            )


class _Foreseen:
    """Foresees walks, and notes which tickets would be set aside."""

    def __init__(self, rules: RuleSet, foresight: Foresight) -> None:
        self._rules = rules
        self._foresight = foresight
        self.aside: list[Parked] = []
        self.unasked = ""

    def acts(self, facts: Facts, rendered: Rendered | None = None) -> bool:
        """Whether a walk would do something, and not set the whole ticket aside. ``rendered`` is as in
        ``Rule.project_ticket``."""
        if not facts.snapshots:
            return False
        ref = RuleRef(facts.rule_name)
        try:
            rule = rule_for(facts, self._rules)
            ref = rule.ref
            made = self._foresight.plan(sited(facts, rule), rule, rendered)
        except Rejected as fault:
            self.aside.append(parked_for(fault, ref, self._rules))
            return False
        except Fault as fault:
            self.unasked = str(fault)
            return True
        if made.parked is not None:
            self.aside.append(made.parked)
            return False
        # A ticket of which fields would be set aside is counted once, and its other changes as well.
        self.aside.extend(list(made.parked_fields.values())[:1])
        return bool(made.actions)


def _of_issues(rules: RuleSet, name: str) -> IncidentIssues | None:
    rule = rules.get(name)
    return rule.issues if rule else None


def _batches(ids: Sequence[int]) -> Iterator[list[int]]:
    rest = iter(ids)
    while batch := list(islice(rest, BATCH)):
        yield batch


@patience(LOOKING)
def _new_keys(store: Store, rules: RuleSet) -> set[str]:
    """Keys of the tickets that open subjects without one would get, as far as that is decided."""
    keys: set[str] = set()
    for batch in unrouted(store):
        for snapshot, _ in batch:
            try:
                rule = rules.match(snapshot)
            except Undecided:
                continue
            if rule is None:
                continue
            try:
                keys.add(rule.ticket_key(snapshot))
            except Rejected:
                keys.add(str(snapshot.ref))
    return keys


def may_match(rules: RuleSet, snapshot: Snapshot) -> bool:
    """Whether a rule matches a subject, or that is undecided."""
    try:
        return rules.match(snapshot) is not None
    except Undecided:
        return True


@patience(LOOKING)
def route_unrouted(store: Store, rules: RuleSet, now: float) -> int:
    """Give a ticket to each open subject that has none and that a rule matches now; how many."""
    routed = 0
    slots = (now + number * SPREAD_SECONDS for number in count())
    for batch in unrouted(store):
        wanted = {str(s.ref): s for s, _ in batch if may_match(rules, s)}
        if not wanted:
            continue

        def decide(slate: Slate, wanted: Mapping[str, Snapshot] = wanted) -> int:
            # Read again: another process may have heard of them since.
            now_known = {ref: one.snapshot for ref, one in slate.subjects(wanted).items()}
            router = Router(slate, rules, now, now_known, lambda: next(slots))
            for _, snapshot in sorted(now_known.items()):
                router.route(snapshot)
            return len(now_known)

        routed += decided(store, decide)
    return routed


def with_undone(store: Store, found: Impact, undoes: int | None) -> Impact:
    """The impact of an edit that also puts back what the edit with the version ``undoes`` wrote."""
    if undoes is None:
        return found
    known, after = {id_ for id_, _ in found.changed}, 0
    more: list[tuple[int, tuple[str, ...]]] = []
    while True:
        with store.read() as session:
            ids = edit_progress.followers(session, undoes, after=after)
        if not ids:
            return replace(found, changed=(*found.changed, *more))
        more += [(id_, ("what the edit before wrote",)) for id_ in ids if id_ not in known]
        after = ids[-1]


@dataclass(frozen=True, slots=True)
class Following:
    """Which edit tickets are to follow: the version of the rules by which it came into force, 0 where
    that is not on record, and the version that it ``undoes``. ``only_new``: tickets that exist stay as
    they are."""

    version: int = 0
    undoes: int | None = None
    only_new: bool = False


def reach(store: Store, found: Impact, now: float, edit: Following | None = None) -> int:
    """Make the changed tickets due, spread over time, and let the parked ones be tried again; how many.
    So are the tickets of which upstream begins to be told, for what people do is told from the walk on
    that finds both sides agreed.

    With ``only_new`` the changed tickets stay as they are, those with a parked field too.
    """
    edit, due = edit or Following(), 0
    why = dict.fromkeys(found.begun, ("what is told upstream",)) | dict(found.changed)
    parked = [id_ for id_ in found.parked if not (edit.only_new and id_ in why)]
    for ids in _batches([] if edit.only_new else list(why)):
        wishes = [
            Wish(
                id_,
                now + number * SPREAD_SECONDS,
                f"an edit of the rules changes {', '.join(why[id_])}",
            )
            for number, id_ in enumerate(ids, due)
        ]
        with store.write() as session:
            due += make_all_due(session, wishes, journal.Entry("edit"), edit_progress.REASON, now)
            _mark(session, ids, edit)
    for ids in _batches(parked):
        with store.write() as session:
            _mark(session, ids, edit)
    return due + parking.retry_all(store, parked, now, edit_progress.REASON)


def _mark(session: Session, ids: Sequence[int], edit: Following) -> None:
    if edit.version:
        edit_progress.mark(session, ids, edit.version, edit.undoes)
