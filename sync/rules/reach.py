"""Reach: rules that an earlier rule leaves nothing for."""

from __future__ import annotations

from collections.abc import Sequence

from sync.rules.errors import RuleError
from sync.rules.rule import Rule


def never_reached(rules: Sequence[Rule]) -> list[RuleError]:
    """A warning for each rule that can never match.

    An earlier rule takes everything when its only conditions are on the kind, or when its conditions
    are the same. Anything less plain is not judged.
    """
    found: list[RuleError] = []
    taken: dict[str, Rule] = {}
    same: dict[str, Rule] = {}
    for rule in rules:
        takers = [taken[kind] for kind in sorted(rule.kinds) if kind in taken]
        first = takers[0] if len(takers) == len(rule.kinds) else same.get(rule.condition)
        if first is not None:
            found.append(
                RuleError(
                    rule.ref.file,
                    rule.ref.line,
                    f"rule {rule.ref.name!r}",
                    f"is never reached: {first.ref.name!r} ({first.ref.where}) takes everything "
                    "it could match",
                    "Move it before that rule, in the file or by the file's name.",
                )
            )
            continue
        same[rule.condition] = rule
        if all(getattr(part, "facet", "") == "kind" for part in rule.when.parts):
            for kind in rule.kinds:
                taken.setdefault(kind, rule)
    return found
