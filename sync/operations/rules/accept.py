"""Accepting an edit that waits, bound to the plan that a person looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sync.operations.acts import Act, Done, perform
from sync.operations.errors import Changed, NotAllowed, Refused
from sync.operations.rules.check import quick
from sync.operations.rules.editing import Editing
from sync.operations.rules.plan import Seen, plan_now, seen_by, sentence
from sync.operations.rules.runs import Runs
from sync.ports import Tracker
from sync.rules import RuleErrors
from sync.store import rulebook
from sync.worker.rulebook.accept import Acceptance, OtherRules, Terms
from sync.worker.rulebook.accept import accept as put_in_force
from sync.worker.rulebook.impact import Sites

ACCEPT = "rules accept"


@dataclass(frozen=True, slots=True)
class Asked:
    """How an edit is to be accepted. ``plan`` is the digest of the plan that was looked at, "" for none.
    ``four_eyes``: another account than the one that saved it has to accept."""

    plan: str = ""
    only_new: bool = False
    force: bool = False
    four_eyes: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """What accepting did. ``done`` is the act in the log, None where the rules were in force already."""

    acceptance: Acceptance
    done: Done | None
    words: str


class NotTaken(Refused):
    """Jira would not take what the rules say. ``acceptance`` says what was found."""

    def __init__(self, acceptance: Acceptance) -> None:
        super().__init__(str(acceptance))
        self.acceptance = acceptance


def accept(
    at: Editing, asked: Asked, sites: Sites | None, *, runs: Runs | None = None, unasked: str = ""
) -> Accepted:
    """Put the rules on disk in force. ``unasked`` says why Jira is not asked, where ``sites`` is None.

    Raises NotAllowed for an own edit under ``four_eyes``, Changed where the plan is not the one that was
    looked at, NotTaken, Refused for rules with mistakes, and StoreUnavailable.
    """
    digest = _on_disk(at)
    with at.store.read() as session:
        known = rulebook.in_force(session)
    if known is not None and known.digest == digest:
        nothing = put_in_force(at.store, at.files, at.now)
        return Accepted(nothing, None, str(nothing))
    found: list[Acceptance] = []

    def work() -> str:
        _may(at, asked)
        note = _as_looked_at(at, asked.plan, sites.trackers if sites else {}, runs)
        terms = Terms(asked.only_new, asked.force, at.account.name, digest)
        try:
            made = put_in_force(at.store, at.files, at.now, sites=sites, terms=terms)
        except (OtherRules, RuleErrors) as error:
            raise Changed("Not accepted: the rules on disk changed at this very moment.") from error
        made = replace(made, unasked=made.unasked or unasked)
        if made.refused:
            raise NotTaken(made)
        found.append(made)
        return f"{made}{note}"

    done = perform(at.store, at.account, Act(ACCEPT, f"rules {digest[:12]}"), work, at.now)
    acceptance = found[0] if found else Acceptance(digest, new=False)
    return Accepted(acceptance, done, done.words)


def _on_disk(at: Editing) -> str:
    read = quick(at.files.texts(), at.files.defaults)
    if read.rules is None:
        raise Refused(f"The rules on disk have mistakes: {read.told[0].words}")
    return read.rules.digest


def _may(at: Editing, asked: Asked) -> None:
    if not asked.four_eyes:
        return
    with at.store.read() as session:
        author = rulebook.saved_by(session, at.files.texts().by_name)
    if author and author == at.account.name:
        raise NotAllowed(
            "You saved this edit yourself: another editor has to accept it (four_eyes under [web])."
        )


def _as_looked_at(
    at: Editing, plan: str, trackers: Mapping[str, Tracker], runs: Runs | None
) -> str:
    """A note on how the plan of now differs from the one that was looked at. Raises Changed where it
    holds more, or other tickets."""
    if not plan:
        return ""
    seen = seen_by(runs, at, plan) if runs is not None else None
    if seen is None:
        raise Changed(
            "Not accepted: the plan that you looked at is not kept any more. Look at the new one."
        )
    shown, now = plan_now(at, trackers, seen)
    if seen.rules_digest != now.rules_digest:
        raise Changed("Not accepted: the rules on disk changed since you looked.")
    return _compared(seen, now, sentence(shown.counts) if shown.counts else "")


def _compared(seen: Seen, now: Seen, words: str) -> str:
    if not (seen.whole and now.whole):
        return " The plan was not counted to its end, so its tickets were not compared."
    more = len(now.changes - seen.changes)
    if more:
        before, after = len(seen.changes), len(now.changes)
        raise Changed(
            f"Not accepted yet. Since you looked, {more} more or other "
            f"{'ticket' if more == 1 else 'tickets'} would change ({before} → {after}): {words}."
        )
    fewer = len(seen.changes) - len(now.changes)
    return f" {fewer} fewer than you looked at." if fewer else ""
