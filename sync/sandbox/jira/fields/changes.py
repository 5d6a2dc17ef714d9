"""Changes of fields: check given values against a screen, keep them, record them in the history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sync.sandbox.jira.fields import adf
from sync.sandbox.jira.site.call import Call, Problem
from sync.sandbox.jira.site.model import (
    Comment,
    HistoryItem,
    Issue,
    Project,
    RichText,
    ScreenItem,
    User,
)
from sync.sandbox.jira.site.state import FieldDef, Invalid, Site

# Values by field id, and Jira's refusals by field id.
Parsed = tuple[dict[str, Any], dict[str, str]]
_NOT_ON_SCREEN = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."


def part_of(body: Any, name: str) -> dict[str, Any]:
    """A copy of one object in a body, empty where absent. Raises Problem(400) for anything else."""
    part = body.get(name) if isinstance(body, dict) else body
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise Problem(400, f"Can not deserialize '{name}': an object is needed.")
    return dict(part)


def properties_in(body: Mapping[str, Any]) -> dict[str, Any]:
    """The entity properties that a body gives, by key. Raises Problem(400)."""
    rows = body.get("properties") or []
    if not isinstance(rows, list) or not all(isinstance(r, dict) and r.get("key") for r in rows):
        raise Problem(400, "Each property needs a key and a value.")
    return {str(row["key"]): row.get("value") for row in rows}


def parse_change(
    site: Site,
    call: Call,
    project: Project,
    screen: Iterable[ScreenItem],
    body: Mapping[str, Any],
    before: Mapping[str, Any] | None = None,
) -> Parsed:
    """What ``fields`` and ``update`` of a body ask for.

    ``update`` starts from the values ``before``, or from those of ``fields`` where there is no
    ``before`` because the issue is new.
    """
    on_screen = {item.field for item in screen}
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}

    def set_value(field: FieldDef, raw: Any) -> Any:
        return field.type.parse(site, call, project, field, raw)

    def update_value(field: FieldDef, operations: Any) -> Any:
        if not isinstance(operations, list):
            raise Invalid("Operations must be an array")
        value = (values if before is None else before).get(field.id)
        for operation in operations:
            value = _operate(field, value, operation, set_value)
        return value

    for part, value_of in (("fields", set_value), ("update", update_value)):
        for name, raw in part_of(body, part).items():
            field = site.fields.get(name)
            try:
                if field is None or name not in on_screen:
                    raise Invalid(_NOT_ON_SCREEN.format(name))
                values[name] = value_of(field, raw)
            except Invalid as why:
                errors[name] = str(why)
    return values, errors


def _operate(
    field: FieldDef, current: Any, operation: Any, parse: Callable[[FieldDef, Any], Any]
) -> Any:
    """The value after one operation, ``{verb: value}``. Raises Invalid."""
    if not isinstance(operation, dict) or len(operation) != 1:
        raise Invalid("Each operation must be an object with one verb")
    verb, raw = next(iter(operation.items()))
    if verb not in field.type.operations:
        raise Invalid(
            f"Field '{field.id}' does not support operation '{verb}' "
            f"Supported operation(s) are: '{', '.join(field.type.operations)}'"
        )
    if verb == "set":
        return parse(field, raw)
    given = parse(field, [raw]) or []
    others = [value for value in current or () if value not in given]
    if verb == "remove":
        return others or None
    return sorted(
        [*others, *given], key=lambda value: value if isinstance(value, str) else value.id
    )


def default_of(site: Site, user: User | None, item: ScreenItem) -> Any:
    """The value that Jira fills in for a field on a screen that a call does not give."""
    if item.default == "@caller":
        return user.account_id if user else None
    if item.field in ("priority", "resolution"):
        choices = site.priorities if item.field == "priority" else site.resolutions
        return next((one for one in choices if one.name == item.default), None)
    return item.default


def write(
    site: Site,
    call: Call,
    issue: Issue,
    values: Mapping[str, Any],
    moved: Iterable[HistoryItem] = (),
    comment: Comment | None = None,
) -> None:
    """Keep new values, with their history.

    ``moved`` are changes beside the fields' that belong to the same entry of the history, ``comment`` is
    a comment that belongs to the same event.
    """
    items = []
    for name, value in values.items():
        before, definition = issue.values.get(name), site.fields[name]
        value = definition.type.kept(site, before, value)
        if before == value:
            continue
        for gone in _media(before) - _media(value):
            # Cloud deletes a file with the node that shows it.
            issue.attachments.pop(gone, None)
        items.append(
            HistoryItem(
                field=definition.name if definition.custom else name,
                field_id=name,
                before=definition.type.ident(site, before),
                before_text=site.value_text(name, before),
                after=definition.type.ident(site, value),
                after_text=site.value_text(name, value),
            )
        )
        if value is None:
            issue.values.pop(name, None)
        else:
            issue.values[name] = value
    if issue.values.get("resolution") is None:
        issue.resolved = None
    elif issue.resolved is None:
        issue.resolved = call.now
    site.touch(call, issue, [*items, *moved], comment)


def _media(value: Any) -> set[str]:
    return adf.media(value.adf) if isinstance(value, RichText) and value.adf else set()
