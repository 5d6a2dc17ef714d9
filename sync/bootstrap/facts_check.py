"""Checking that the credentials for the APIs of sources suffice for what rules ask of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from sync.bootstrap.adapters import apis_of
from sync.domain.errors import Cause, Fault, Rejected
from sync.ports import Clock, SourceApi, SystemClock
from sync.rules import COMMENTS, EMAILS, IMPACT, ISSUES, SEVERITY, Rule, RuleSet
from sync.settings import Settings
from sync.toml import Mistake

_NOBODY = "00000000-0000-0000-0000-000000000000"
_NOWHERE = {"platform": "custom", "id": "ticket-sync-check"}
# For each fact the call that tells it, about something that is not there.
_ASKED: dict[str, Callable[[SourceApi], object]] = {
    SEVERITY: lambda api: api.issues([_NOBODY]),
    COMMENTS: lambda api: api.issues([_NOBODY]),
    ISSUES: lambda api: api.incidents([_NOBODY]),
    IMPACT: lambda api: api.impact([_NOWHERE]),
    EMAILS: lambda api: api.owner_emails([_NOBODY]),
}


@dataclass(frozen=True, slots=True)
class FactsReport:
    """What a source's API does not tell us. ``lacking`` are the places of the rules that ask for it,
    with the scope that is missing; ``trouble`` says why the API could not be asked, "" if it was."""

    source: str
    lacking: tuple[Mistake, ...] = ()
    trouble: str = ""


def check_facts(
    settings: Settings, rules: RuleSet, clock: Clock | None = None
) -> list[FactsReport]:
    """Whether each source's API tells what the rules ask for; a call for each such fact, and none where
    rules ask for nothing. Changes nothing."""
    facts = [fact for fact in _ASKED if any(rule.asks(fact) for rule in rules.rules)]
    apis = apis_of(settings, clock or SystemClock()) if facts else {}
    return [_report(name, api, facts, rules) for name, api in apis.items()]


def _report(name: str, api: SourceApi, facts: list[str], rules: RuleSet) -> FactsReport:
    lacking: list[Mistake] = []
    for fact in facts:
        try:
            _ASKED[fact](api)
        except Rejected as fault:
            if fault.cause is Cause.PERMISSION:
                lacking += (one for rule in rules.rules for one in _places(rule, fact, fault))
        except Fault as fault:
            return FactsReport(name, tuple(lacking), str(fault))
    return FactsReport(name, tuple(lacking))


def _places(rule: Rule, fact: str, fault: Rejected) -> Iterator[Mistake]:
    """The first place where a rule asks for a fact, with what the fact needs."""
    for doubt in rule.doubts:
        if doubt.fact == fact:
            asks = doubt.mistake.problem.partition(", which only")[0]
            yield replace(doubt.mistake, problem=f"{asks}, and {fault}", remedy=fault.remedy)
            return
