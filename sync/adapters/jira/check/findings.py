"""What a check found, with the place in the rules and what to do."""

from __future__ import annotations

from dataclasses import dataclass, field

from sync.toml import Position


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One mistake. ``place`` is ``file:line``, ``key`` as the rule or the site writes it; ``rule`` is ""
    for what is about the whole site. ``advice``: Jira takes what the rule says, or may take it."""

    place: str
    rule: str
    key: str
    problem: str
    remedy: str = ""
    advice: bool = False

    def __str__(self) -> str:
        what = f"{self.key}: {self.problem}" if self.key else self.problem
        rule = f"rule {self.rule!r}: " if self.rule else ""
        return f"{self.place}: {rule}{what}. {self.remedy}".rstrip()


@dataclass(slots=True)
class Report:
    """The check of one site. ``who`` is our account. ``trouble`` says why the check ended early, ""
    if it did not. ``unseen`` is what could not be checked, with the reason, ``remarks`` what is worth
    knowing and no mistake. ``webhook`` says that the
    site's webhook is right, "" where it is not, or was not asked about."""

    site: str
    who: str = ""
    found: dict[Finding, None] = field(default_factory=dict)
    unseen: dict[str, str] = field(default_factory=dict)
    trouble: str = ""
    webhook: str = ""
    remarks: dict[str, None] = field(default_factory=dict)

    def add(self, place: Position, rule: str, key: str, problem: str, remedy: str = "") -> None:
        """Record a mistake. A mistake that many rules inherit from one place is recorded once."""
        self._add(Finding(str(place), rule, key, problem.rstrip("."), remedy))

    def advise(self, place: Position, rule: str, key: str, problem: str, remedy: str) -> None:
        """Record advice. Jira takes what the rule says, or may take it, so no edit has to wait."""
        self._add(Finding(str(place), rule, key, problem, remedy, advice=True))

    def _add(self, one: Finding) -> None:
        if not any(
            (known.place, known.key, known.problem) == (one.place, one.key, one.problem)
            for known in self.found
        ):
            self.found[one] = None

    def note(self, what: str, why: str) -> None:
        """Record what could not be checked."""
        self.unseen.setdefault(what, why)

    def remark(self, words: str) -> None:
        """Record what is worth knowing, without the full stop."""
        self.remarks[words] = None

    @property
    def notes(self) -> list[str]:
        """What could not be checked and why, in words."""
        return [f"{what}: {why}" for what, why in self.unseen.items()]

    @property
    def refused(self) -> list[Finding]:
        """Every mistake that keeps Jira from taking what a rule says."""
        return [one for one in self.findings if not one.advice]

    @property
    def findings(self) -> list[Finding]:
        """Every mistake, in the order of file and line."""

        def order(one: Finding) -> tuple[str, int, str]:
            file, _, line = one.place.rpartition(":")
            return (file, int(line), one.key) if line.isdigit() else (one.place, 0, one.key)

        return sorted(self.found, key=order)
