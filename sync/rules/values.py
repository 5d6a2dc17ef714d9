"""Values of fields: plain TOML values or templates, compiled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from sync.domain.errors import Cause, Rejected
from sync.rules.check import NamesInScope, check
from sync.rules.doubts import doubt, of_api
from sync.rules.inherit import Given
from sync.rules.templates import Template, is_template, template
from sync.toml import Mistakes, Position, Wrong

Context = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Value:
    """A value to render. ``parts`` is a template, a plain value, or a list or table of Values.
    ``has_template``: rendering looks at the context."""

    parts: Any
    key: str
    position: Position
    has_template: bool = field(init=False)

    def __post_init__(self) -> None:
        parts = self.parts.values() if isinstance(self.parts, dict) else self.parts
        several = isinstance(self.parts, list | dict)
        found = several and any(part.has_template for part in parts)
        found = found or isinstance(self.parts, Template)
        object.__setattr__(self, "has_template", found)

    def render(self, context: Context) -> Any:
        """The value for a context. Raises Rejected when a template fails."""
        if isinstance(self.parts, Template):
            try:
                found = self.parts.render(context)
            except Wrong as fault:
                at = str(Position(self.position.file, self.position.line + fault.line))
                # As in "… takes too long", or in "…: 'soon' is not a time".
                what = f"{' ' if fault.problem[:1].isalpha() else ': '}{fault.problem}"
                words = f"the template of {self.key} ({at}){what}"
                refused = Rejected(words, cause=Cause.RULE, field=self.key, remedy=fault.remedy)
                # The reason of a park is without the line, which changes with edits above it: a park
                # keeps the line beside the reason, as ``where``.
                refused.reason = f"the template of {self.key}{what}"
                refused.key, refused.where = self.key, at
                raise refused from None
            return found.strip() if isinstance(found, str) else found
        if isinstance(self.parts, list):
            return _flat([part.render(context) for part in self.parts])
        if isinstance(self.parts, dict):
            return {key: part.render(context) for key, part in self.parts.items()}
        return self.parts

    def written_out(self, tables: Mapping[str, Mapping[str, Any]]) -> list[tuple[Value, Any]]:
        """The values that are written out in the rule or its tables and that this value may have. Each
        comes with the part that gives it: an item, where this value is a list."""
        found = list[tuple[Value, Any]]()
        for part in self.parts if isinstance(self.parts, list) else [self]:
            known, one = constant(part)
            if known:
                found.append((part, one))
            elif isinstance(part.parts, Template):
                found += [(part, one) for one in part.parts.outcomes(tables)]
        return found

    def text(self, context: Context) -> str:
        """The value as text; "" for no value."""
        found = self.render(context)
        return "" if found is None else str(found)


def render_all(values: Mapping[str, Value], context: Context) -> dict[str, Any]:
    """Each value for a context. In place of one whose template fails stands its Rejected."""
    found = dict[str, Any]()
    for key, value in values.items():
        try:
            found[key] = value.render(context)
        except Rejected as fault:
            found[key] = fault
    return found


def constant(value: Value) -> tuple[bool, Any]:
    """Whether a value is the same for every subject, and that value."""
    try:
        return True, value.render({})
    except Rejected:
        # Without a subject, a template that uses one cannot be rendered.
        return False, None


def _flat(values: list[Any]) -> list[Any]:
    """The items as one list: a template in a list may give a list, or no value."""
    found: list[Any] = []
    for value in values:
        found.extend(value if isinstance(value, list) else [value])
    return [value for value in found if value not in (None, "")]


def compile_value(given: Given, scope: NamesInScope, mistakes: Mistakes) -> Value:
    """Compile a value. Mistakes in its templates go to ``mistakes``."""
    value: Any = given.value
    if is_template(value):
        try:
            made = template(value)
        except Wrong as fault:
            mistakes.wrong(given.text_position, given.key, fault)
            return Value("", given.key, given.position)
        found = check(made, scope)
        for wrong in made.faults or found.faults:
            mistakes.wrong(given.text_position, given.key, wrong)
        for doubtful in found.doubtful:
            scope.doubts.append(doubt(given.text_position, given.key, doubtful))
        for fact, line in found.facts:
            scope.doubts.append(of_api(fact, given.text_position, given.key, line))
        return Value(made, given.key, given.text_position)
    if isinstance(value, list):
        items = range(len(value))
        value = [compile_value(given.child(n), scope, mistakes) for n in items]
    elif isinstance(value, dict):
        value = {k: compile_value(given.child(k), scope, mistakes) for k in value}
    elif isinstance(value, datetime | date | time):
        value = value.isoformat()
    return Value(value, given.key, given.position)
