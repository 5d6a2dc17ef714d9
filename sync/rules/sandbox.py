"""The Jinja sandbox that templates run in, with limits on time and memory.

Text from upstream is data here and never becomes template text. Jinja's own sandbox blocks access to
Python's internals. The limits are ours: each operation that can lengthen a text or repeat a loop
counts against the budget of the rendering.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from jinja2 import StrictUndefined, Template, nodes
from jinja2.environment import TemplateExpression
from jinja2.runtime import Context, LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sync.toml import Wrong

OUTPUT_LIMIT = 100_000
STEP_LIMIT = 100_000
SECONDS_LIMIT = 2.0
RANGE_LIMIT = 10_000
# Steps between two looks at the clock. A look costs more than most steps, and no step takes long.
_STEPS_A_LOOK = 8
_NUMBER_LIMIT = 10**15


class Budget:
    """What one rendering may still use."""

    def __init__(self) -> None:
        self.steps = STEP_LIMIT
        # CPU time of this thread: a template must not fail because the machine is busy.
        self.until: float | None = None

    def step(self) -> None:
        self.steps -= 1
        if self.steps < 0 or (self.steps % _STEPS_A_LOOK == 0 and self._late()):
            raise Wrong(
                "takes too long",
                f"A template may go {STEP_LIMIT:,} times round its loops, within "
                f"{SECONDS_LIMIT:g} seconds of computing.",
            )

    def _late(self) -> bool:
        now = time.thread_time()
        if self.until is None:
            self.until = now + SECONDS_LIMIT
        return now > self.until


_BUDGET: ContextVar[Budget | None] = ContextVar("budget", default=None)


@contextmanager
def _spending() -> Iterator[None]:
    """Within the block, what is rendered in this thread spends from a fresh budget."""
    token = _BUDGET.set(Budget())
    try:
        yield
    finally:
        _BUDGET.reset(token)


def written(compiled: Template, context: Mapping[str, Any]) -> str:
    """The text of a template. Raises Wrong, and what Jinja raises."""
    parts, length = [], 0
    with _spending():
        for part in compiled.root_render_func(compiled.new_context(dict(context))):
            length += len(part)
            parts.append(part)
            if length > OUTPUT_LIMIT:
                bounded("".join(parts))
    return "".join(parts)


def evaluated(expression: TemplateExpression, context: Mapping[str, Any]) -> Any:
    """The value of an expression. Raises Wrong, and what Jinja raises."""
    with _spending():
        return _settled(expression(**context))


def _settled(value: Any) -> Any:
    if isinstance(value, Undefined):
        str(value)  # Raises, in Jinja's words.
    if isinstance(value, str):
        return bounded(value)
    if isinstance(value, Mapping | str | int | float) or value is None:
        return value
    return [_settled(one) for one in list(value)[:1000]]


def spend() -> None:
    """Count one step against the budget."""
    budget = _BUDGET.get()
    if budget is not None:
        budget.step()


def bounded(text: str) -> str:
    """The text itself. Raises Wrong for one that is too long."""
    if len(text) > OUTPUT_LIMIT:
        raise Wrong(
            f"makes more than {OUTPUT_LIMIT:,} characters",
            "Show less, as with `truncate` or by slicing a list: subjects[:20].",
        )
    return text


def counted(items: Iterable[Any]) -> Iterator[Any]:
    """The items of a loop; each counts as a step."""
    if isinstance(items, Undefined):
        iter(items)  # Raises, in Jinja's words: there is no such list.
    if isinstance(items, str | Mapping) or not hasattr(items, "__iter__"):
        raise Wrong("`for` goes through a list, and this is none", "Loop over a list.")
    for item in items:
        spend()
        yield item


def listed(items: Iterable[Any]) -> list[Any]:
    """The items of a list at once; each counts as a step."""
    return list(counted(items))


def printed(value: Any) -> Any:
    """A value as templates print it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Undefined):
        return str(value)
    if isinstance(value, str | int | float):
        return value
    raise Wrong(
        f"puts a {'list' if not isinstance(value, Mapping) else 'table'} into text",
        "Name one of its fields, or use `join(', ')` or `table`.",
    )


def concat(*values: Any) -> str:
    """The ``~`` of templates."""
    spend()
    return bounded("".join(str(printed(value)) for value in values))


class Sandbox(ImmutableSandboxedEnvironment):
    """Allows keys of tables, items of lists and the loop variable. Nothing else has attributes."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
            finalize=printed,
        )
        self.globals.clear()
        self.globals["range"] = _range

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Undefined):
            return super().getattr(obj, attribute)
        if isinstance(obj, Mapping):
            try:
                return obj[attribute]
            except KeyError:
                return self.undefined(f"there is no {attribute!r}", name=attribute)
        if isinstance(obj, LoopContext) and attribute in LOOP:
            return getattr(obj, attribute)
        what = "nothing here" if obj is None else f"a {_called(obj)}"
        return self.undefined(f"there is {what}, which has no {attribute!r}", name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Mapping):
            return self.getattr(obj, argument)
        if isinstance(obj, str | list | tuple) and isinstance(argument, int | slice):
            try:
                return obj[argument]
            except IndexError:
                return self.undefined(f"there is no item {argument}; the list is shorter")
        return self.getattr(obj, str(argument))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        spend()
        if isinstance(left, str) and operator == "%":
            raise Wrong("formats text with %", "Put values in with {{ … }} or ~.")
        if operator == "*" and not _numbers(left, right):
            raise Wrong("multiplies something that is no number", "Only numbers can be multiplied.")
        result = super().call_binop(context, operator, left, right)
        if isinstance(result, str):
            return bounded(result)
        if _numbers(result) and abs(result) > _NUMBER_LIMIT:
            raise Wrong("makes a number that is too large", "Numbers end at 1,000,000,000,000,000.")
        if isinstance(result, list | tuple) and len(result) > RANGE_LIMIT:
            raise Wrong("makes a list that is too long", f"Lists end at {RANGE_LIMIT:,} items.")
        return result


LOOP = (
    *("index", "index0", "revindex", "revindex0", "first", "last", "length", "depth"),
    *("previtem", "nextitem"),
)


def _numbers(*values: Any) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def _called(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    return "number" if _numbers(value) else "list" if isinstance(value, list | tuple) else "value"


def _range(*bounds: int) -> range:
    found = range(*bounds)
    if len(found) > RANGE_LIMIT:
        raise Wrong(f"counts further than {RANGE_LIMIT:,}", "Use a smaller range.")
    return found


def guard(tree: nodes.Template) -> nodes.Template:
    """The template with its loops counted. ``tree`` is changed."""
    for loop in tree.find_all(nodes.For):
        loop.iter = nodes.Filter(
            loop.iter, "_counted", [], [], None, None, lineno=loop.lineno
        ).set_environment(tree.environment)  # type: ignore[arg-type]
    return tree
