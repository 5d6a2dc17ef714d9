"""Templates: compiled once at load, rendered in the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from traceback import walk_tb
from typing import Any
from weakref import WeakValueDictionary

from jinja2 import Template as Compiled
from jinja2 import TemplateSyntaxError, UndefinedError, nodes
from jinja2.environment import TemplateExpression
from jinja2.visitor import NodeTransformer

from sync.rules import filters, grammar
from sync.rules.sandbox import Sandbox, evaluated, guard, written
from sync.toml import Wrong

_NAME = "<rule>"
MARKS = ("{{", "{%", "{#")


def _sandbox() -> Sandbox:
    sandbox = Sandbox()
    sandbox.filters = dict(filters.ALL)
    sandbox.tests = {name: sandbox.tests[name] for name in filters.TESTS}
    return sandbox


SANDBOX = _sandbox()


class _Joins(NodeTransformer):
    """Turns ``~`` into a filter, which counts the length of the result."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802 (Jinja names it)
        first, *rest = (self.visit(child) for child in node.nodes)
        made = nodes.Filter(first, "_concat", rest, [], None, None, lineno=node.lineno)
        return made.set_environment(SANDBOX)  # type: ignore[return-value]


def parse(text: str) -> nodes.Template:
    """The syntax tree of a template. Raises Wrong on a syntax error."""
    try:
        return SANDBOX.parse(text)
    except TemplateSyntaxError as error:
        words = (error.message or "it cannot be read").rstrip(".")
        raise Wrong(
            f"is not a template: {words[:1].lower()}{words[1:]}",
            "Values go between {{ and }}, and each {% if %} and {% for %} has its end.",
            line=error.lineno - 1,
        ) from None


def _single(tree: nodes.Template) -> nodes.Expr | None:
    """The one expression that a template consists of, else None. Its value stays a list or a number."""
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output):
        return None
    inside = tree.body[0].nodes
    return inside[0] if len(inside) == 1 and not isinstance(inside[0], nodes.TemplateData) else None


_Ways = tuple[list[Any], list[nodes.Node | None]]


def outcomes(node: nodes.Node | None, tables: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """The values that are written out in an expression or in the tables it looks in, and that it may
    give."""
    if isinstance(node, nodes.Const):
        return [node.value]
    found, ways = _ways(node, tables)
    return found + [one for way in ways for one in outcomes(way, tables)]


def _ways(node: nodes.Node | None, tables: Mapping[str, Mapping[str, Any]]) -> _Ways:
    """Values that an expression may have, and expressions whose value it may have."""
    if isinstance(node, nodes.CondExpr):
        return [], [node.expr1, node.expr2]
    if isinstance(node, nodes.Getitem) and isinstance(node.node, nodes.Dict):
        return [], [pair.value for pair in node.node.items]
    if isinstance(node, nodes.Filter) and node.name in ("lookup", "lookup_each"):
        return _looked_up(node, tables)
    if isinstance(node, nodes.Filter) and node.name in ("default", "d", "jira_user"):
        return [], [node.node, *node.args[:1]]
    return [], []


def _looked_up(node: nodes.Filter, tables: Mapping[str, Mapping[str, Any]]) -> _Ways:
    """All that the table of a ``lookup`` or ``lookup_each`` has, and the default."""
    name = node.args[0].value if node.args and isinstance(node.args[0], nodes.Const) else ""
    defaults = [*node.args[1:], *(pair.value for pair in node.kwargs if pair.key == "default")]
    return list(tables.get(name, {}).values()), list(defaults)


class Template:
    """One template.

    ``{{ expression }}`` alone gives the value of the expression; any other template gives text.
    ``faults`` are what the grammar does not allow; a template with faults cannot be rendered.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = parse(text)
        self.faults = grammar.faults(self.tree)
        self._value: TemplateExpression | None = None
        self._compiled: Compiled | None = None
        if not self.faults:
            self._compile()

    def _compile(self) -> None:
        tree = guard(_Joins().visit(parse(self.text)))
        if (single := _single(tree)) is not None:
            body: list[nodes.Node] = [nodes.Assign(nodes.Name("result", "store"), single, lineno=1)]
            tree = nodes.Template(body, lineno=1).set_environment(SANDBOX)  # type: ignore[assignment]
        code = SANDBOX.compile(tree, name=_NAME, filename=_NAME)
        self._compiled = Compiled.from_code(SANDBOX, code, dict(SANDBOX.globals))
        if single is not None:
            self._value = TemplateExpression(self._compiled, undefined_to_none=False)

    def outcomes(self, tables: Mapping[str, Mapping[str, Any]]) -> list[Any]:
        """The values that are written out in the template or its tables and that it may give."""
        single = _single(self.tree)
        return outcomes(single, tables) if single is not None else []

    def render(self, context: Mapping[str, Any]) -> Any:
        """The value for a context. Raises Wrong, with the line counted from 0."""
        try:
            if self._value is not None:
                return evaluated(self._value, context)
            assert self._compiled is not None
            return written(self._compiled, context)
        except Wrong as fault:
            raise Wrong(fault.problem, fault.remedy, line=self._line(fault)) from None
        except UndefinedError as error:
            raise Wrong(
                f"needs what is not there: {error.message}",
                "Guard it with {% if … %}, or give a `default`.",
                line=self._line(error),
            ) from None
        except Exception as error:
            # An exception of a filter or operator means that the template does not suit this value.
            raise Wrong(
                f"fails: {str(error) or type(error).__name__}",
                "Correct the template, or guard it with {% if … %}.",
                line=self._line(error),
            ) from None

    def _line(self, error: BaseException) -> int:
        lines = [
            self._compiled.get_corresponding_lineno(line)
            for frame, line in walk_tb(error.__traceback__)
            if self._compiled is not None and frame.f_code.co_filename == _NAME
        ]
        return max(lines[-1] - 1, 0) if lines else 0


# A template is kept only as long as a rule uses it, so that edits of the rules leave nothing behind.
_KNOWN: WeakValueDictionary[str, Template] = WeakValueDictionary()


def template(text: str) -> Template:
    """The compiled template of a text. Rules that inherit the text share it. Raises Wrong."""
    found = _KNOWN.get(text)
    if found is None:
        found = _KNOWN.setdefault(text, Template(text))
    return found


def is_template(value: object) -> bool:
    """Whether a value of a rule file is a template rather than plain text."""
    return isinstance(value, str) and any(mark in value for mark in MARKS)
