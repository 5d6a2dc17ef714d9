"""``init --verify``: the whole way tried once, from the sender's test delivery to a ticket in Jira."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import closing

from sync.bootstrap.adapters import sources_of
from sync.bootstrap.errors import CannotStart
from sync.bootstrap.site_check import check_sites
from sync.bootstrap.stores import existing_store, has_store, ready_store
from sync.bootstrap.trial import (
    LABEL,
    STATES,
    Stand,
    Trial,
    TrialTracker,
    removed,
    said,
    trial,
    trial_tracker,
)
from sync.bootstrap.trial_delivery import HOW_TO_SIGN, by_ourselves, by_the_sender, receiving
from sync.bootstrap.verified import Step, failed, ok, skipped
from sync.domain.errors import Fault
from sync.domain.subject import Snapshot, Status
from sync.domain.ticket import TicketRef
from sync.rules import Rule, RuleSet
from sync.sandbox.coalesce import sample_body
from sync.settings import Settings
from sync.store.engine import Store
from sync.store.errors import StoreUnavailable
from sync.web.server import CannotListen

Emit = Callable[[Step], object]
TITLE = "nothing is wrong: init --verify makes this ticket and removes it again"
_MOST_FINDINGS = 5


def verify(settings: Settings, rules: RuleSet, emit: Emit, *, wait: float = 30.0) -> None:
    """Try everything, and call ``emit`` with each step at once. Nothing stays behind: a trial ticket is
    removed also where an exception, such as KeyboardInterrupt, ends this. ``wait`` is how long (seconds)
    the sender's test delivery may take. Raises nothing that a step can say."""
    absent = [str(one) for one in settings.absent]
    for words in absent:
        emit(failed("the configuration", words))
    if not absent:
        emit(ok("the configuration", f"read, with {len(rules.rules)} rules"))
    if any("signing_secrets" in words for words in absent):
        emit(skipped("deliveries", "the signing secret is absent", HOW_TO_SIGN))
    else:
        _deliveries(settings, emit, wait)
    if any("sites." in words for words in absent):
        emit(skipped("a trial ticket", "a secret of the Jira site is absent"))
    elif _site(settings, rules, emit):
        _ticket(settings, rules, emit)


def _deliveries(settings: Settings, emit: Emit, wait: float) -> None:
    name = "the receiver"
    try:
        with receiving(settings) as how:
            emit(ok(name, how))
            with closing(_store(settings)) as store:
                emit(by_ourselves(settings, store))
                for step in by_the_sender(settings, store, wait):
                    emit(step)
    except (CannotListen, CannotStart, StoreUnavailable) as fault:
        emit(failed(name, str(fault)))


def _store(settings: Settings) -> Store:
    return existing_store(settings) if has_store(settings) else ready_store(settings)


def _site(settings: Settings, rules: RuleSet, emit: Emit) -> bool:
    """Hold the rules against each site; whether a ticket can be tried."""
    well = True
    for report in check_sites(settings, rules):
        name = f"the site {report.site!r}"
        if report.trouble:
            emit(failed(name, f"it could not be asked: {report.trouble}"))
            well = False
            continue
        emit(ok(name, f"it answers; we are {report.who} there"))
        for finding in report.findings[:_MOST_FINDINGS]:
            emit(failed("the rules", str(finding)))
        if (more := len(report.findings) - _MOST_FINDINGS) > 0:
            emit(failed("the rules", f"{more} more mistakes; `ticket-sync check` shows all"))
    return well


def _made_up(settings: Settings) -> Snapshot:
    """A made-up issue that nobody has upstream."""
    body = sample_body("issue_created", subject=str(uuid.uuid4()), title=TITLE)
    (event,) = sources_of(settings)["coalesce"].read(body)
    assert event.snapshot is not None
    return event.snapshot


def _rule_for(rules: RuleSet, snapshot: Snapshot) -> Rule | None:
    """The rule that would make the ticket of a made-up issue, else the first one."""
    try:
        found = rules.match(snapshot)
    except Fault:
        found = None
    return found or next(iter(rules.rules), None)


def _ticket(settings: Settings, rules: RuleSet, emit: Emit) -> None:
    snapshot = _made_up(settings)
    rule = _rule_for(rules, snapshot)
    if rule is None:
        emit(skipped("a trial ticket", "there are no rules yet"))
        return
    with closing(trial_tracker(settings, rule.site)) as tracker:
        try:
            left = _swept(tracker, emit)
        except Fault as fault:
            emit(failed("a trial ticket", said(fault)))
            return
        with trial(tracker, rule, rules) as tried:
            tried.begin(snapshot, left)
            _lived(tried, rule, emit)


def _swept(tracker: TrialTracker, emit: Emit) -> TicketRef | None:
    """Delete what earlier trials left behind; one that cannot be deleted, to be used again."""
    again = None
    for ref in tracker.left_behind():
        why = removed(tracker, ref)
        again = ref if why else again
        if not why:
            emit(ok("an earlier trial", f"its ticket {ref.key} is deleted"))
    return again


def _lived(tried: Trial, rule: Rule, emit: Emit) -> None:
    """Move the trial's ticket through its states, and remove it whatever happens."""
    stand = Stand("", "", moved=False)
    try:
        for status, event in STATES:
            stand = tried.walk(status, event)
            emit(_step(status, stand, rule, tried))
            if not stand.key:
                break
    finally:
        _end(tried, stand, emit)


def _step(status: Status, stand: Stand, rule: Rule, tried: Trial) -> Step:
    name = f"status {status.value}"
    if status is Status.OPEN:
        name = "a trial ticket"
    if stand.amiss:
        return failed(name, f"{stand.key}: {stand.amiss}" if stand.key else stand.amiss)
    if status is Status.OPEN:
        made = "of an earlier trial is used again" if tried.again else "is made"
        where = tried.tracker.browse_url(stand.key)
        return ok(name, f"{stand.key} {made} by rule {rule.name!r}, in {stand.status!r}: {where}")
    if stand.moved:
        return ok(name, f"{stand.key} went to {stand.status!r}")
    return ok(name, f"{stand.key} stays in {stand.status!r}, as the rule says")


def _end(tried: Trial, stand: Stand, emit: Emit) -> None:
    name = "removing it"
    try:
        ref = tried.ref()
    except Fault as fault:
        words = f"whether a ticket is there is not known: {said(fault)}"
        remedy = f"Run this again in a few minutes: it removes tickets with the label {LABEL}."
        emit(failed(name, words, remedy))
        return
    if ref is None:
        return
    why = removed(tried.tracker, ref)
    if not why:
        emit(ok(name, f"{ref.key} is deleted"))
        return
    if not stand.done:
        stand = tried.walk(*STATES[-1])
    how = "stays, closed" if stand.done else "stays, AND IS NOT CLOSED"
    step = skipped if stand.done else failed
    emit(
        step(
            name,
            f"{ref.key} {how}: {why}",
            f"Delete {ref.key} by hand. Keeping tickets never needs to delete one; the next trial uses "
            "this one again.",
        )
    )
