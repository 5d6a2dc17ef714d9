"""Shadowed: rules that can never match, because an earlier rule matches everything they match."""

from __future__ import annotations

from collections.abc import Sequence

from sync.rules.rule import Rule
from sync.toml import Mistake


def shadowed(rules: Sequence[Rule]) -> list[Mistake]:
    """A warning for each rule that can never match.

    An earlier rule covers a rule if its only conditions are on the kind, or if its conditions are the
    same. Less obvious cases are not judged.
    """
    found: list[Mistake] = []
    taken: dict[str, Rule] = {}
    same: dict[str, Rule] = {}
    for rule in rules:
        takers = _takers(rule, taken, same)
        if takers:
            names = " and ".join(f"{one.ref.name!r} ({one.ref.where})" for one in takers)
            verb = "takes" if len(takers) == 1 else "take"
            found.append(
                Mistake(
                    rule.ref.file,
                    rule.ref.line,
                    f"rule {rule.ref.name!r}",
                    f"is never reached: {names} {verb} everything it could match",
                    "Move it to before, in the file or by the file's name.",
                )
            )
            continue
        same[rule.condition] = rule
        if all(getattr(part, "facet", "") == "kind" for part in rule.when.parts):
            for kind in rule.kinds:
                taken.setdefault(kind, rule)
    return found


def _takers(rule: Rule, taken: dict[str, Rule], same: dict[str, Rule]) -> list[Rule]:
    """The earlier rules that together match everything that this rule matches."""
    if rule.condition in same:
        return [same[rule.condition]]
    if not rule.kinds <= taken.keys():
        return []
    names = {taken[kind].ref.name for kind in rule.kinds}
    return [other for other in dict.fromkeys(taken.values()) if other.ref.name in names]
