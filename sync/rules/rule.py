"""A rule and a set of rules: immutable, shared by threads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sync.domain.rule import Desired, Policy, RuleRef, place
from sync.domain.subject import Snapshot, Status
from sync.rules.conditions import AllOf
from sync.rules.doubts import COMMENTS, EMAILS, IMPACT, ISSUES, SEVERITY, Doubt
from sync.rules.identity import Grouping, ticket_key
from sync.rules.inherit import Sheet
from sync.rules.match import Index
from sync.rules.patterns import Undecided, patience
from sync.rules.project import Parts, Projection, Rendered, project_ticket
from sync.toml import Mistake, Position


@dataclass(frozen=True, slots=True)
class IncidentIssues:
    """What an incident's rule says about the incident's issues.

    ``link`` is the name of a link type ("" for none), ``outward`` the incident's side of the link.
    With ``link = "parent"`` the issues' tickets become children of the incident's ticket.
    ``on_ticket``: the issues go on the incident's ticket and get none of their own. ``close``: the
    issues' tickets are closed with the incident.
    """

    link: str = ""
    outward: bool = True
    on_ticket: bool = False
    close: bool = False

    @property
    def as_children(self) -> bool:
        """Whether the issues' tickets become children of the incident's ticket."""
        return self.link.casefold() == "parent"


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One mapping rule. Durations are in seconds; ``storm`` is (limit, window).

    ``kinds`` are the kinds of subject that the rule can match, ``condition`` is its ``when`` as
    written, on one line. ``doubts`` are what the rule asks for and may not get. ``sheet`` has the place
    of each part, inherited parts included.
    """

    ref: RuleRef
    kinds: frozenset[str]
    condition: str
    when: AllOf = field(repr=False)
    projection: Projection = field(repr=False)
    hold: float = 0.0
    reopen_within: float | None = None
    close_after: float = 0.0
    storm: tuple[int, float] | None = None
    issues: IncidentIssues = field(default_factory=IncidentIssues)
    grouping: Grouping | None = None
    doubts: tuple[Doubt, ...] = ()
    sheet: Sheet = field(default_factory=Sheet, repr=False)

    @property
    def name(self) -> str:
        return self.ref.name

    def asks(self, fact: str) -> bool:
        """Whether the rule asks for this, which only the source's API tells (see ``doubts``)."""
        return any(doubt.fact == fact for doubt in self.doubts)

    def chooses_by(self, fact: str) -> bool:
        """Whether a condition of the rule is on this, which only the source's API tells."""
        found = (doubt.mistake.key for doubt in self.doubts if doubt.fact == fact)
        return any(key.partition(".")[0].partition("[")[0] == "when" for key in found)

    @property
    def position(self) -> Position:
        """The line where the rule begins."""
        return Position(self.ref.file, self.ref.line)

    @property
    def site(self) -> str:
        return self.projection.site

    @property
    def project(self) -> str:
        return self.projection.project

    @property
    def issue_type(self) -> tuple[str, ...]:
        return self.projection.issue_type

    @property
    def policy(self) -> Policy:
        return self.projection.policy

    @property
    def tells(self) -> bool:
        """Whether upstream is told what people do with the rule's tickets."""
        return self.projection.upstream is not None

    def place(self, key: str) -> str:
        """File and line of a key, else of the rule."""
        return place(self.projection.places, key) or self.ref.where

    @property
    def digest(self) -> str:
        """Equal for two rules exactly when they say the same, wherever they are written."""
        return self.projection.digest

    def changed_since(self, before: Rule) -> Parts:
        """The parts in which this rule asks something else of a ticket in Jira than ``before`` did."""
        if self.digest == before.digest and self.issues == before.issues:
            return Parts()
        was, now = before.sheet.written(), self.sheet.written()
        changed = {name for name in was.keys() | now.keys() if was.get(name) != now.get(name)}
        if self.projection.tables != before.projection.tables:
            # Only a template that names a table, or all of them, sees them.
            changed |= {name for name, text in now.items() if "lookup" in text or "tables" in text}
        return Parts(
            _under("fields.", changed),
            _under("status.", changed),
            "updated" in changed,
            # The configuration may give the site and the project.
            "others" in changed or (self.site, self.project) != (before.site, before.project),
            self.tells and _told(self) != _told(before),
        )

    def ticket_key(self, snapshot: Snapshot) -> str:
        """The key of this subject's ticket. Raises Rejected when a ``group_by`` template fails."""
        return ticket_key(self.ref.name, self.grouping, snapshot, self.projection.tables)

    def project_ticket(
        self,
        key: str,
        snapshots: Sequence[Snapshot],
        *,
        occurrences: int = 1,
        keeping: Status | None = None,
        rendered: Rendered | None = None,
        only: Parts | None = None,
    ) -> Desired:
        """What is asked of the ticket for these subjects. Pure.

        ``keeping`` is a status that the ticket keeps, whatever the subjects say: the ticket stands where
        the rule wants it for that status, and gets no comment on arriving there.

        ``rendered`` is what was rendered of the same subjects by other rules, which live as long.

        ``only``: the parts to work out, to compare with what another version of this rule asks. Each
        other field is ``FieldWish.as_agreed``, and of a status not among them there is only the target.
        ``version`` is "" where no comment is given.

        ``Desired.failed`` names each template that fails, with its place.
        """
        of = (rendered or Rendered()).of(snapshots, occurrences, self.projection.tables)
        return project_ticket(self.ref, self.projection, key, of, keeping=keeping, only=only)


def _under(table: str, keys: Iterable[str]) -> frozenset[str]:
    """The names under a table, of the keys that stand in it."""
    return frozenset(key.removeprefix(table) for key in keys if key.startswith(table))


@dataclass(frozen=True, slots=True)
class Explained:
    """Whether one rule matches a subject and, if not, why not."""

    rule: Rule
    matched: bool
    reason: str


def _told(rule: Rule) -> str:
    """What a rule tells upstream, whenever it began to: a digest, "" where it tells nothing."""
    wish = rule.projection.upstream
    return wish.since.partition("@")[0] if wish else ""


def _since(rule: Rule, since: str) -> Rule:
    wish = rule.projection.upstream
    if wish is None or since.partition("@")[0] != _told(rule):
        return rule
    wish = replace(wish, since=since)
    return replace(rule, projection=replace(rule.projection, upstream=wish))


class RuleSet:
    """A validated set of rules, in the order they are asked.

    ``warnings`` are mistakes that do not keep the set from being used.
    """

    def __init__(self, rules: Sequence[Rule], warnings: Sequence[Mistake] = ()) -> None:
        self.rules = tuple(rules)
        self.warnings = tuple(warnings)
        self._by_name: Mapping[str, Rule] = {rule.ref.name: rule for rule in self.rules}
        self._index = Index([rule.when for rule in self.rules])
        # What rules ask for that webhooks do not tell: only the source's API does.
        asked = {doubt.fact for rule in self.rules for doubt in rule.doubts}
        self.ask_severity = SEVERITY in asked
        self.ask_issues = ISSUES in asked
        self.ask_comments = COMMENTS in asked
        self.ask_impact = IMPACT in asked
        self.ask_emails = EMAILS in asked
        # Whether a condition is on the impact, so that the impact chooses the rule.
        self.choose_by_impact = any(rule.chooses_by(IMPACT) for rule in self.rules)
        # Whether a rule tells upstream what people do with its tickets.
        self.tells = any(rule.tells for rule in self.rules)
        # Whether rules of incidents ask something of the tickets of issues: a parent; anything at all.
        self.as_children = any(rule.issues.as_children for rule in self.rules)
        self.ask_of_issues = self.as_children or any(rule.issues.close for rule in self.rules)
        text = "\n".join(f"{rule.ref.name}={rule.digest}" for rule in self.rules)
        self.digest = hashlib.sha256(text.encode()).hexdigest()[:32]

    def match(self, snapshot: Snapshot) -> Rule | None:
        """The first rule that matches the subject, or None. Raises Undecided."""
        with patience():
            for number in self._index.candidates(snapshot):
                rule = self.rules[number]
                try:
                    if rule.when.holds(snapshot):
                        return rule
                except Undecided as fault:
                    fault.rule, fault.site = rule.name, rule.site
                    raise
        return None

    def explain(self, snapshot: Snapshot) -> list[Explained]:
        """The rules up to the one that matches or is undecided, each with the reason."""
        found: list[Explained] = []
        with patience():
            for rule in self.rules:
                try:
                    why = rule.when.why_not(snapshot)
                except Undecided as fault:
                    return [*found, Explained(rule, False, str(fault))]
                holds = "every condition holds" if rule.when.parts else "it has no conditions"
                found.append(Explained(rule, not why, why or holds))
                if not why:
                    break
        return found

    def tellings(self, before: Mapping[str, str], at: float) -> dict[str, str]:
        """Since when each rule that tells upstream has told what it tells now, by its name.

        ``before`` is this of the set before. What is new in this set is told since ``at``.
        """
        found = {}
        for rule in self.rules:
            if wish := rule.projection.upstream:
                what, known = wish.since.partition("@")[0], before.get(rule.name, "")
                found[rule.name] = known if known.partition("@")[0] == what else f"{what}@{at}"
        return found

    def told_since(self, tellings: Mapping[str, str]) -> RuleSet:
        """The set, in which each rule knows since when it has told upstream what it tells now. What
        ``tellings`` says of a rule that told something else then is left aside."""
        if not tellings:
            return self
        return RuleSet(
            [_since(rule, tellings.get(rule.name, "")) for rule in self.rules], self.warnings
        )

    def get(self, name: str) -> Rule | None:
        """The rule with this name, or None."""
        return self._by_name.get(name)

    def __len__(self) -> int:
        return len(self.rules)

    def __repr__(self) -> str:
        return f"RuleSet({len(self.rules)} rules, {self.digest[:12]})"
