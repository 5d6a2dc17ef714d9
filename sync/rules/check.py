"""Checks of templates when rules are loaded, before any template is rendered.

They find unknown names, fields that upstream does not send or that the kind of subject lacks, missing
keys of tables, and wrong time zones, durations, calendars and languages.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from sync.rules.arguments import wrong_arguments
from sync.rules.doubts import API_ALONE, Doubt, shown, uncovered
from sync.rules.vocabulary import (
    IN_BOTH,
    INCIDENT,
    ISSUE,
    NAMES,
    OWNER,
    PLAIN,
    SUBJECT,
    UNKNOWN,
    Shape,
)
from sync.toml import Wrong, meant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sync.rules.templates import Template

_KIND_NAMES = ("issue", "incident", "kind")
_OTHER = {"issue": "incident", "incident": "issue"}
# The shape of `subject` in a rule of one kind.
_SUBJECTS = {frozenset({"issue"}): ISSUE, frozenset({"incident"}): INCIDENT}
_OF_SUBJECTS = (ISSUE, INCIDENT, SUBJECT, IN_BOTH)
# What has fields that only the source's API tells.
_WITH_FACTS = (*_OF_SUBJECTS, OWNER)
_LOOP = Shape(
    dict.fromkeys(("index", "index0", "revindex", "revindex0", "first", "last", "length", "depth"))
    | dict.fromkeys(("previtem", "nextitem"), UNKNOWN)
)
# Filters whose result is the list itself, or an item of the list.
_SAME = (
    *("sort", "unique", "reverse", "list", "default", "d"),
    *("select", "reject", "selectattr", "rejectattr"),
)
_ITEM = ("first", "last", "min", "max")


@dataclass(frozen=True)
class NamesInScope:
    """What a template may use: the kinds of subject that its rule can match, and the tables of the
    rule files, by their keys and with their ``values``. ``doubts`` collects those about the values of
    the rule."""

    kinds: frozenset[str]
    tables: tuple[tuple[str, tuple[str, ...]], ...] = ()
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, compare=False)
    doubts: list[Doubt] = field(default_factory=list, compare=False)


@dataclass(frozen=True)
class Checked:
    """What was found in a template, in the order of its text; lines count from 0.

    ``doubtful`` are lookups that may find nothing. ``facts`` are the names of what only the source's
    API tells (``API_ALONE``), each with its line.
    """

    faults: list[Wrong]
    doubtful: list[Wrong]
    facts: list[tuple[str, int]]


def check(made: Template, scope: NamesInScope) -> Checked:
    """All that is to be said of a template without rendering it."""
    walk = _Walk(scope)
    walk.visit(made.tree)
    line = attrgetter("line")
    return Checked(
        sorted(walk.faults, key=line), sorted(walk.doubtful, key=line), sorted(set(walk.facts))
    )


@dataclass
class _Walk:
    """Visits the syntax tree of a template. ``known`` has the names that the template itself sets, the
    innermost scope last. ``guarded`` counts the conditions around that ask for the kind of subject."""

    scope: NamesInScope
    faults: list[Wrong] = field(default_factory=list)
    doubtful: list[Wrong] = field(default_factory=list)
    facts: list[tuple[str, int]] = field(default_factory=list)
    guarded: int = 0
    known: list[dict[str, Shape]] = field(default_factory=lambda: [{}])
    # The tests of the conditions around the node that is visited: they hold there.
    holds: list[nodes.Node] = field(default_factory=list)

    def fault(self, node: nodes.Node, problem: str, remedy: str) -> Shape:
        self.faults.append(Wrong(problem, remedy, line=node.lineno - 1))
        return UNKNOWN

    @contextmanager
    def inside(self, *, guard: bool = False, names: bool = False) -> Iterator[None]:
        self.guarded += guard
        if names:
            self.known.append({})
        yield
        if names:
            self.known.pop()
        self.guarded -= guard

    @contextmanager
    def where(self, test: nodes.Node) -> Iterator[None]:
        self.holds.append(test)
        yield
        self.holds.pop()

    def visit(self, node: nodes.Node) -> Shape:
        method = getattr(self, f"visit_{type(node).__name__.lower()}", None)
        if method is not None:
            found = method(node)
            return found if isinstance(found, Shape) else UNKNOWN
        for child in node.iter_child_nodes():
            self.visit(child)
        return UNKNOWN

    # Names and what comes after them.

    def visit_name(self, node: nodes.Name) -> Shape:
        for names in reversed(self.known):
            if node.name in names:
                return names[node.name]
        if node.name == "range":
            return UNKNOWN
        if node.name not in NAMES:
            names_here = [*NAMES, *(name for names in self.known for name in names)]
            return self.fault(
                node, f"there is nothing called {node.name!r}", meant(node.name, names_here)
            )
        return self.upstream(node)

    def upstream(self, node: nodes.Name) -> Shape:
        name = node.name
        self.fact(node, name)
        if name == "tables":
            return Shape({table: Shape(dict.fromkeys(keys)) for table, keys in self.scope.tables})
        if not self.guarded:
            if name in _OTHER:
                self.kind(node)
            if name == "subject":
                return _SUBJECTS.get(self.scope.kinds, IN_BOTH)
        return NAMES[name] or PLAIN

    def fact(self, node: nodes.Node, name: str) -> None:
        """Record the name of something of a subject, if only the API tells it."""
        if name in API_ALONE:
            self.facts.append((name, node.lineno - 1))

    def kind(self, node: nodes.Name) -> None:
        """Record a mistake where ``issue`` or ``incident`` is used, and the rule may match the other
        kind."""
        name, other = node.name, _OTHER[node.name]
        if self.scope.kinds == {other}:
            self.fault(
                node, f"there is no `{name}` in a rule of {other}s", f"Use `{other}` or `subject`."
            )
        elif other in self.scope.kinds:
            self.fault(
                node,
                f"there is no `{name}` when the rule matches an {other}",
                f'Use `subject`, add kind = "{name}" to the rule\'s `when`, '
                f"or write {{% if {name} %}} around it.",
            )

    def visit_getattr(self, node: nodes.Getattr) -> Shape:
        return self.step(node, self.visit(node.node), node.attr)

    def visit_getitem(self, node: nodes.Getitem) -> Shape:
        shape = self.visit(node.node)
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            return self.step(node, shape, node.arg.value)
        self.visit(node.arg)
        if isinstance(node.arg, nodes.Slice):
            return shape
        if shape.fields and not shape.open:
            return next(iter(shape.fields.values())) or UNKNOWN
        return shape.item or UNKNOWN

    def step(self, node: nodes.Getattr | nodes.Getitem, shape: Shape, name: str) -> Shape:
        before = shown(node.node)
        if name in shape.fields:
            if shape in _WITH_FACTS:
                self.fact(node, name)
            return shape.fields[name] or PLAIN
        if shape.open:
            return UNKNOWN
        if shape.listed:
            return self.fault(
                node,
                f"`{before}` is a list, which has no {name!r}",
                f"Take one, as in `{before}[0].{name}`, or all: "
                f"`{before} | map(attribute='{name}') | join(', ')`.",
            )
        if not shape.fields:
            return self.fault(
                node,
                f"`{before}` is text or a number, which has no {name!r}",
                f"Write `{before}`, without what comes after.",
            )
        if shape is IN_BOTH and name in SUBJECT.fields:
            kind = "issue" if name in ISSUE.fields else "incident"
            return self.fault(
                node,
                f"only {kind}s have {name!r}, and the rule matches both kinds",
                f'Add kind = "{kind}" to the rule\'s `when`, or write {{% if {kind} %}} around it.',
            )
        what = "table" if before == "tables" else "key" if before.startswith("tables.") else "field"
        return self.fault(
            node, f"there is no {what} {name!r} in `{before}`", meant(name, shape.fields)
        )

    # Where names come from.

    def visit_for(self, node: nodes.For) -> None:
        shape = self.visit(node.iter)
        with self.inside(names=True):
            self.known[-1]["loop"] = _LOOP
            self.assign(node.target, shape.item or UNKNOWN)
            for child in (node.test, *node.body):
                if child is not None:
                    self.visit(child)
        for child in node.else_:
            self.visit(child)

    def assign(self, target: nodes.Node, shape: Shape) -> None:
        if isinstance(target, nodes.Name):
            self.known[-1][target.name] = shape
        for child in target.iter_child_nodes():
            self.assign(child, UNKNOWN)

    def visit_assign(self, node: nodes.Assign) -> None:
        self.assign(node.target, self.visit(node.node))

    def visit_with(self, node: nodes.With) -> None:
        shapes = [self.visit(value) for value in node.values]
        with self.inside(names=True):
            for target, shape in zip(node.targets, shapes, strict=True):
                self.assign(target, shape)
            for child in node.body:
                self.visit(child)

    # Conditions that narrow the kind: what they guard may use the fields of that kind.

    def asks(self, test: nodes.Node) -> bool:
        names = [*test.find_all(nodes.Name), *([test] if isinstance(test, nodes.Name) else [])]
        return any(name.name in _KIND_NAMES for name in names)

    def visit_if(self, node: nodes.If) -> None:
        guard = self.asks(node.test)
        with self.inside(guard=guard):
            self.visit(node.test)
            with self.where(node.test):
                for child in node.body:
                    self.visit(child)
            for child in (*node.elif_, *node.else_):
                self.visit(child)

    def visit_condexpr(self, node: nodes.CondExpr) -> Shape:
        with self.inside(guard=self.asks(node.test)):
            self.visit(node.test)
            with self.where(node.test):
                shape = self.visit(node.expr1)
            if node.expr2 is not None:
                self.visit(node.expr2)
        return shape

    def visit_and(self, node: nodes.And) -> None:
        with self.inside(guard=isinstance(node.left, nodes.Name) and self.asks(node.left)):
            self.visit(node.left)
            self.visit(node.right)

    visit_or = visit_and

    # Filters.

    def visit_filter(self, node: nodes.Filter) -> Shape:
        shape = self.visit(node.node) if node.node is not None else UNKNOWN
        arguments = [*node.args, *(pair.value for pair in node.kwargs)]
        for argument in arguments:
            self.visit(argument)
        self.arguments(node, arguments)
        if shape.item in _WITH_FACTS:
            self.items_fact(node)
        self.attribute(node, shape.item or UNKNOWN)
        if node.name in _SAME:
            return shape
        return (shape.item or UNKNOWN) if node.name in _ITEM else UNKNOWN

    def items_fact(self, node: nodes.Filter) -> None:
        """Record the field of the items of a list that a filter takes, if only the API tells it."""
        taken = [pair.value for pair in node.kwargs if pair.key == "attribute"]
        taken += node.args[:1] if node.name in ("selectattr", "rejectattr") else []
        for value in taken:
            if isinstance(value, nodes.Const):
                self.fact(node, str(value.value).split(".")[0])

    def attribute(self, node: nodes.Filter, item: Shape) -> None:
        """Record a mistake where a filter takes a field that the items of its list lack."""
        for pair in node.kwargs:
            if pair.key != "attribute" or not isinstance(pair.value, nodes.Const):
                continue
            name = str(pair.value.value)
            if item.fields and not item.open and name.split(".")[0] not in item.fields:
                self.fault(
                    node,
                    f"there is no field {name!r} in the items of `{shown(node.node or node)}`",
                    meant(name, item.fields),
                )

    def arguments(self, node: nodes.Filter, given: list[nodes.Expr]) -> None:
        """The checks of what a filter is given, as far as it is written out."""
        for wrong in wrong_arguments(node, self.scope.values):
            self.fault(node, f"`{node.name}`: {wrong.problem}", wrong.remedy)
        if node.name in ("lookup", "lookup_each") and given and isinstance(given[0], nodes.Const):
            self.table(node, str(given[0].value))

    def table(self, node: nodes.Filter, name: str) -> None:
        """The check of a lookup: that its table is there, and whether ``lookup`` may find nothing."""
        tables = dict(self.scope.tables)
        if name not in tables:
            self.fault(
                node,
                f"`{node.name}`: there is no table {name!r}",
                meant(name, tables) or f"Begin one with [tables.{name}].",
            )
        elif node.name == "lookup" and (
            found := uncovered(node, tables[name], self.scope.kinds, self.holds)
        ):
            self.doubtful.append(found)
