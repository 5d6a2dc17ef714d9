"""Writing fields: what is given is checked against a screen, kept, and noted in the history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sync.sandbox.jira.fields.plain import FieldType, Invalid
from sync.sandbox.jira.site.call import Call, Problem
from sync.sandbox.jira.site.model import FieldDef, HistoryItem, Issue, Project, ScreenItem, User
from sync.sandbox.jira.site.state import Site

NOT_ON_SCREEN = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."


def part_of(body: Any, name: str) -> dict[str, Any]:
    """A copy of one object within a body, empty where absent. Raises Problem(400) for anything else."""
    part = body.get(name) if isinstance(body, dict) else body
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise Problem(400, f"Can not deserialize '{name}': an object is needed.")
    return dict(part)


def parse_fields(
    site: Site, call: Call, project: Project, screen: Iterable[ScreenItem], given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Values by field id, and Jira's words by field id for what it would not take."""
    on_screen = {item.field for item in screen}
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, raw in given.items():
        definition = site.fields.get(name)
        if definition is None or name not in on_screen:
            errors[name] = NOT_ON_SCREEN.format(name)
            continue
        try:
            values[name] = definition.type.parse(site, call, project, definition, raw)
        except Invalid as why:
            errors[name] = str(why)
    return values, errors


def apply_operations(
    site: Site,
    call: Call,
    project: Project,
    screen: Iterable[ScreenItem],
    update: Mapping[str, Any],
    before: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, str]]:
    """The values that ``update`` (``{field: [{verb: value}]}``) leads to."""
    on_screen = {item.field for item in screen}
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, operations in update.items():
        definition = site.fields.get(name)
        if definition is None or name not in on_screen:
            errors[name] = NOT_ON_SCREEN.format(name)
            continue
        if not isinstance(operations, list):
            errors[name] = "Operations must be an array"
            continue
        current = before.get(name)
        try:
            for operation in operations:
                current = _operate(site, call, project, definition, current, operation)
            values[name] = current
        except Invalid as why:
            errors[name] = str(why)
    return values, errors


def _operate(
    site: Site, call: Call, project: Project, field: FieldDef, current: Any, operation: Any
) -> Any:
    if not isinstance(operation, dict) or len(operation) != 1:
        raise Invalid("Each operation must be an object with one verb")
    verb, raw = next(iter(operation.items()))
    if verb not in field.type.operations:
        raise Invalid(
            f"Field '{field.id}' does not support operation '{verb}' "
            f"Supported operation(s) are: '{', '.join(field.type.operations)}'"
        )
    kind: FieldType = field.type
    if verb == "set":
        return kind.parse(site, call, project, field, raw)
    one = kind.parse(site, call, project, field, [raw]) or []
    kept = [value for value in current or () if value not in one]
    if verb == "remove":
        return kept or None
    joined = [*kept, *one]
    return sorted(joined, key=lambda value: value if isinstance(value, str) else value.id)


def default_of(site: Site, user: User | None, item: ScreenItem) -> Any:
    """What Jira fills in where a field on a screen is not given."""
    if item.default == "@caller":
        return user.account_id if user else None
    if item.field in ("priority", "resolution"):
        pool = site.priorities if item.field == "priority" else site.resolutions
        return next((one for one in pool if one.name == item.default), None)
    return item.default


def write(site: Site, call: Call, issue: Issue, values: Mapping[str, Any]) -> None:
    """Keep new values, with their history."""
    items = []
    for name, value in values.items():
        before = issue.values.get(name)
        if before == value:
            continue
        items.append(
            HistoryItem(
                field=site.fields[name].name if site.fields[name].custom else name,
                field_id=name,
                before=reference(before),
                before_text=site.word_value(name, before),
                after=reference(value),
                after_text=site.word_value(name, value),
            )
        )
        if value is None:
            issue.values.pop(name, None)
        else:
            issue.values[name] = value
    site.touch(call, issue, items)


def reference(value: Any) -> str | None:
    """What stands in ``from`` and ``to`` of a history item: an id, where the value has one."""
    return str(value.id) if hasattr(value, "id") else None
