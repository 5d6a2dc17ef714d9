"""What a rule asks for that may not be there: what only the source's API knows, and what a table lacks.

A doubt is no mistake: the set can be used, and does less than its words say. ``check`` tells of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from jinja2 import nodes

from sync.domain.subject import Status
from sync.rules.vocabulary import KINDS, SEVERITIES
from sync.toml import Mistake, Mistakes, Position, Wrong

SEVERITY, ISSUES, COMMENTS, WRITES = "severity", "issue_ids", "comments", "writes"
IMPACT, EMAILS = "impact", "emails"
# Facts that no webhook tells, only the source's API, by the names that rules have for them. Triage asks
# the API for those that a rule names; ``check`` warns of them where the API cannot be asked.
API_ALONE = {
    SEVERITY: "the severity of an issue",
    ISSUES: "which issues belong to an incident",
    COMMENTS: "what people say upstream",
    IMPACT: "what an issue has an impact on",
    EMAILS: "the addresses of owners",
}
_NO_API = "Set client_id and client_secret in [coalesce.api] of config.toml, or do without it here."


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing that a rule asks for and may not get. ``fact`` is its name in ``API_ALONE``, "" where
    it is something else."""

    fact: str
    mistake: Mistake


def doubt(at: Position, key: str, wrong: Wrong, fact: str = "") -> Doubt:
    """A doubt in the value of ``key``, which begins at ``at``."""
    found = Mistakes()
    found.wrong(at, key, wrong)
    return Doubt(fact, found.listed()[0])


def of_api(fact: str, at: Position, key: str, line: int = 0) -> Doubt:
    """The doubt about a value that names a fact of ``API_ALONE``. ``line`` counts within the value."""
    problem = (
        f"asks for {API_ALONE[fact]}, which only the source's API tells; config.toml has no "
        "credentials for it, so that it is never known"
    )
    return doubt(at, key, Wrong(problem, _NO_API, line=line), fact)


def of_writes(at: Position, key: str) -> Doubt:
    """The doubt about a value by which marks are taken off or incidents changed."""
    problem = (
        "stands for something that only the source's API can do, and config.toml has no credentials "
        "for it: callbacks neither take marks off nor change incidents"
    )
    return doubt(at, key, Wrong(problem, _NO_API), WRITES)


def told(doubts: Iterable[Doubt], *, api: bool) -> list[Mistake]:
    """What to tell people of the doubts; ``api``: the source's API can be asked."""
    return list(dict.fromkeys(one.mistake for one in doubts if not (api and one.fact)))


def shown(node: nodes.Node) -> str:
    """An expression as the template writes it, as far as it is a path of names."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        return f"{shown(node.node)}.{node.attr}"
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return f"{shown(node.node)}[{node.arg.value!r}]"
    return "(…)"


def uncovered(
    node: nodes.Filter, keys: Collection[str], kinds: frozenset[str], tests: Iterable[nodes.Node]
) -> Wrong | None:
    """What is wrong with a ``lookup`` without a default that may find nothing; None for nothing.

    ``keys`` are those of the lookup's table, ``tests`` the tests of the conditions around the lookup.
    """
    assert node.node is not None
    if len(node.args) > 1 or any(pair.key == "default" for pair in node.kwargs):
        return None
    table = node.args[0].value if node.args and isinstance(node.args[0], nodes.Const) else ""
    asked, sure = shown(node.node), list(tests)
    if any(_is_key(test, asked, table) for test in sure):
        return None
    values = _values(node.node, kinds)
    if values is not None and asked in map(shown, sure):
        values.discard("")
    if not (why := _lacking(table, keys, values, asked)):
        return None
    return Wrong(
        f"`lookup('{table}')` has no default, and {why}: a field for which it finds nothing is parked",
        f"Give a default, as in lookup('{table}', 'Medium'), or '' for no value.",
        line=node.lineno - 1,
    )


def _lacking(table: str, keys: Collection[str], values: set[str] | None, asked: str) -> str:
    """What of the values a table does not have, in words; "" for nothing."""
    if values is None:
        return f"`{asked}` may be empty, or what [tables.{table}] does not have"
    folded = {key.casefold() for key in keys}
    lacking = sorted(value for value in values if value.casefold() not in folded)
    names = " or ".join(repr(one) if one else "an empty value" for one in lacking)
    return f"[tables.{table}] has nothing for {names}" if lacking else ""


def _is_key(test: nodes.Node, asked: str, table: str) -> bool:
    """Whether a test makes sure that the table has what is asked for."""
    if not isinstance(test, nodes.Compare) or len(test.ops) != 1 or test.ops[0].op != "in":
        return False
    within = shown(test.ops[0].expr)
    return shown(test.expr) == asked and within in (f"tables.{table}", f"tables[{table!r}]")


def _values(node: nodes.Expr, kinds: frozenset[str]) -> set[str] | None:
    """All values that an expression can have; None where that is not known."""
    if isinstance(node, nodes.Const):
        return {str(node.value)}
    if isinstance(node, nodes.Name):
        return _named(node.name, kinds)
    if isinstance(node, nodes.Getattr):
        return _attribute(node, kinds)
    if isinstance(node, nodes.CondExpr) and node.expr2 is not None:
        first, second = _values(node.expr1, kinds), _values(node.expr2, kinds)
        return None if first is None or second is None else first | second
    if isinstance(node, nodes.Filter) and node.name in ("default", "d"):
        return _defaulted(node, kinds)
    return None


def _attribute(node: nodes.Getattr, kinds: frozenset[str]) -> set[str] | None:
    of = shown(node.node)
    if of not in ("subject", *KINDS):
        return None
    return _named({"state": "status"}.get(node.attr, node.attr), kinds if of == "subject" else {of})


def _defaulted(node: nodes.Filter, kinds: frozenset[str]) -> set[str] | None:
    found = _values(node.node, kinds) if node.node is not None else None
    if found is None or len(node.args) != 2 or not isinstance(node.args[0], nodes.Const):
        return found
    return {value or str(node.args[0].value) for value in found}


def _named(name: str, kinds: AbstractSet[str]) -> set[str] | None:
    if name == "severity":
        return {"", *SEVERITIES} if "issue" in kinds else {""}
    if name == "status":
        if "issue" in kinds:
            return {status.value for status in Status}
        return {Status.OPEN.value, Status.CLOSED.value, Status.CANCELLED.value}
    return set(kinds) if name == "kind" else None
