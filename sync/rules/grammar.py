"""Grammar: the part of Jinja that rules may use."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from jinja2 import nodes

from sync.rules import filters
from sync.toml import Wrong, meant

# The rest of Jinja (macros, imports, blocks, calls) escapes the budget of a rendering, or
# makes rules harder to read.
_ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign),
    *(nodes.With, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Slice),
    *(nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not),
    *(nodes.CondExpr, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod),
    *(nodes.Neg, nodes.Pos, nodes.Concat, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair),
    *(nodes.Keyword, nodes.Call),
)
_CALLED = {
    nodes.Macro: "{% macro %}",
    nodes.CallBlock: "{% call %}",
    nodes.FilterBlock: "{% filter %}",
    nodes.AssignBlock: "{% set %} with a body",
    nodes.Include: "{% include %}",
    nodes.Import: "{% import %}",
    nodes.FromImport: "{% from … import %}",
    nodes.Extends: "{% extends %}",
    nodes.Block: "{% block %}",
    nodes.Pow: "**",
}


def faults(tree: nodes.Template) -> list[Wrong]:
    """Everything in a template that the grammar does not allow. Lines count from 0."""
    found: list[Wrong] = []
    for node in [tree, *tree.find_all(nodes.Node)]:
        for problem, remedy in _wrong(node):
            found.append(Wrong(problem, remedy, line=node.lineno - 1))
    return sorted(found, key=lambda fault: fault.line)


def _wrong(node: nodes.Node) -> Iterator[tuple[str, str]]:
    if not isinstance(node, _ALLOWED):
        called = _CALLED.get(type(node), type(node).__name__)
        yield f"{called} is not part of templates here", "Use {{ … }}, if, for, set and filters."
    elif isinstance(node, nodes.For) and node.recursive:
        yield "a recursive loop is not part of templates here", "Remove `recursive`."
    elif isinstance(node, nodes.Call):
        yield from _call(node)
    elif isinstance(node, nodes.Filter):
        if node.name not in filters.KNOWN:
            yield f"there is no filter {node.name!r}", meant(node.name, filters.KNOWN)
        else:
            yield from _arguments(node)
    elif isinstance(node, nodes.Test) and node.name not in filters.TESTS:
        yield f"there is no test {node.name!r}", meant(node.name, filters.TESTS)


def _call(node: nodes.Call) -> Iterator[tuple[str, str]]:
    if isinstance(node.node, nodes.Name) and node.node.name == "range":
        return
    name = getattr(node.node, "attr", "") or getattr(node.node, "name", "") or "that"
    hint = f"Write it as a filter: … | {name}." if name in filters.KNOWN else "Use a filter."
    yield f"{name}() is a call, and only range() can be called", hint


def _arguments(node: nodes.Filter) -> Iterator[tuple[str, str]]:
    function = filters.ALL[node.name]
    names = [str(pair.key) for pair in node.kwargs]
    if node.name == "map" and not node.args and "attribute" not in names:
        yield "`map`: is not told what to take", "Write it as map(attribute='title')."
    if function.__module__ != filters.__name__:
        return  # Jinja's own hide their signatures.
    # The first parameter is the value before the |; lookups get Jinja's context before that.
    before = 2 if function in (filters.lookup, filters.lookup_each) else 1
    try:
        inspect.signature(function).bind(
            *range(before + len(node.args)), **dict.fromkeys(names, None)
        )
    except TypeError as error:
        yield f"`{node.name}`: {error}", f"`{node.name}` says: {_first_line(function)}"


def _first_line(function: object) -> str:
    return (inspect.getdoc(function) or "").strip().split("\n")[0].replace("``", "`")
