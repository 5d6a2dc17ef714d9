"""JQL conditions: a parsed query becomes a test for issues, or a refusal in Jira's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sync.sandbox.jira.jql.parser import Both, Clause, Either, Negation, Node, Operand
from sync.sandbox.jira.site.call import Call, Problem
from sync.sandbox.jira.site.model import Issue, IssueType, Named, Status
from sync.sandbox.jira.site.state import Site

Test = Callable[[Issue], bool]
_ALIASES = {
    "issue": "key",
    "issuekey": "key",
    "label": "labels",
    "type": "issuetype",
    "component": "components",
    "fixversion": "fixVersions",
    "affectedversion": "versions",
    "due": "duedate",
    "createddate": "created",
    "updateddate": "updated",
    "resolutiondate": "resolved",
    "category": "statuscategory",
}
_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60}
_TIMES = ("created", "updated", "resolved")
_SYSTEM_FIELDS = (
    "key", "id", "project", "issuetype", "status", "statuscategory", "creator", "text", *_TIMES
)  # fmt: skip
_TEXTS = ("summary", "description", "environment")


def canonical(site: Site, name: str) -> str:
    """The field that a clause names: one of ``_SYSTEM_FIELDS`` or a field id. Raises Problem(400)."""
    lowered = _ALIASES.get(name.lower(), name).lower()
    if lowered in _SYSTEM_FIELDS:
        return lowered
    custom = re.sub(r"cf\[(\d+)\]", r"customfield_\1", lowered)
    for field in site.fields.values():
        if custom == field.id.lower() or (field.custom and lowered == field.name.lower()):
            return field.id
    raise Problem(400, f"Field '{name}' does not exist or you do not have permission to view it.")


def _operand_time(call: Call, operand: Operand, field: str) -> float:
    """A time operand in seconds since the epoch. Raises Problem(400)."""
    text = operand.text.strip()
    if operand.function:
        return _function(call, text)
    relative = re.fullmatch(r"([+-]?)((?:\d+[wdhm]\s*)+)", text)
    if relative:
        periods = re.findall(r"(\d+)([wdhm])", relative.group(2))
        seconds = sum(int(number) * _UNITS[unit] for number, unit in periods)
        return call.now + (seconds if relative.group(1) != "-" else -seconds)
    for form in ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
    if re.fullmatch(r"\d{10,}", text):
        return int(text) / 1000
    raise Problem(
        400,
        f"Date value '{text}' for field '{field}' is invalid. Valid formats include: "
        "'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. "
        "'-5d', '4w 2d'.",
    )


def _function(call: Call, text: str) -> float:
    """The time that ``now()``, ``startOfDay(…)`` or ``endOfDay(…)`` stands for. Raises Problem(400)."""
    if text == "now()":
        return call.now
    if not text.startswith(("startofday(", "endofday(")):
        raise Problem(400, f"Unable to find JQL function '{text}'.")
    day = datetime.fromtimestamp(call.now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    offset = re.search(r"(-?\d+)", text)
    days = int(offset.group(1)) if offset else 0
    return (day + timedelta(days=days + text.startswith("end"))).timestamp()


def _unsupported(clause: Clause) -> Problem:
    return Problem(
        400, f"The operator '{clause.operator}' is not supported by the '{clause.field}' field."
    )


def compile_node(site: Site, call: Call, node: Node) -> Test:
    """A test for the issues that a query's condition finds. Raises Problem(400)."""
    if isinstance(node, Both):
        tests = [compile_node(site, call, part) for part in node.parts]
        return lambda issue: all(test(issue) for test in tests)
    if isinstance(node, Either):
        tests = [compile_node(site, call, part) for part in node.parts]
        return lambda issue: any(test(issue) for test in tests)
    if isinstance(node, Negation):
        inner = compile_node(site, call, node.part)
        return lambda issue: not inner(issue)
    return _clause_test(site, call, node)


def _clause_test(site: Site, call: Call, clause: Clause) -> Test:
    field = canonical(site, clause.field)
    operator, operands = clause.operator, clause.operands
    if field in _TIMES:
        return _time_test(site, call, clause, field)
    if operator in ("~", "!~"):
        return _text_test(site, clause, field)
    if operator in ("is", "is not") or (operands[0].function and operands[0].text == "empty"):
        wants_empty = operator in ("is", "=")
        return lambda issue: (not _values(site, issue, field)) == wants_empty
    if operator in (">", "<", ">=", "<="):
        return _order_test(site, clause, field)
    wanted = {name for operand in operands for name in _wanted(site, call, field, operand)}
    if operator in ("=", "in"):
        return lambda issue: not wanted.isdisjoint(_values(site, issue, field))

    def differs(issue: Issue) -> bool:
        # In JQL "!=" does not find issues where the field is empty.
        names = _values(site, issue, field)
        return bool(names) and wanted.isdisjoint(names)

    return differs


def _time_test(site: Site, call: Call, clause: Clause, field: str) -> Test:
    if clause.operator in ("is", "is not"):
        empty = clause.operator == "is"
        return lambda issue: (_time_in(issue, field) is None) == empty
    limit = _operand_time(call, clause.operands[0], clause.field)
    compare = _COMPARE.get(clause.operator)
    if compare is None:
        raise _unsupported(clause)
    return lambda issue: (at := _time_in(issue, field)) is not None and compare(at, limit)


def _time_in(issue: Issue, field: str) -> float | None:
    if field == "resolved":
        return issue.resolved
    return issue.created if field == "created" else issue.updated


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def _text_test(site: Site, clause: Clause, field: str) -> Test:
    definition = site.fields.get(field)
    if field != "text" and (definition is None or definition.type.kind != "string"):
        raise _unsupported(clause)
    words = re.findall(r"\w+", clause.operands[0].text.lower())
    if not words:
        raise Problem(400, f"The field '{clause.field}' requires a text value.")
    fields = _TEXTS if field == "text" else (field,)
    wanted = clause.operator == "~"

    def test(issue: Issue) -> bool:
        text = " ".join(site.value_text(name, issue.values.get(name)) for name in fields).lower()
        found = set(re.findall(r"\w+", text))
        return all(word in found for word in words) == wanted

    return test


def _order_test(site: Site, clause: Clause, field: str) -> Test:
    compare = _COMPARE[clause.operator]
    operand = clause.operands[0].text
    if field in ("key", "id"):
        limit = _number_of(site, operand)
        return lambda issue: compare(issue.id, limit)
    definition = site.fields.get(field)
    if definition is None or definition.type.kind not in ("number", "date", "datetime"):
        raise _unsupported(clause)
    if definition.type.kind == "number":
        return lambda issue: (
            (v := issue.values.get(field)) is not None and compare(v, float(operand))
        )
    return lambda issue: (
        (v := issue.values.get(field)) is not None and compare(v[: len(operand)], operand)
    )


def _number_of(site: Site, operand: str) -> int:
    issue = site.find(operand)
    if issue is None:
        raise Problem(400, f"An issue with key '{operand}' does not exist for field 'key'.")
    return issue.id


_OWN_FIELDS: dict[str, Callable[[Site, Issue], str]] = {
    "key": lambda site, issue: str(issue.id),
    "id": lambda site, issue: str(issue.id),
    "project": lambda site, issue: issue.project.lower(),
    "status": lambda site, issue: issue.status,
    "statuscategory": lambda site, issue: site.statuses[issue.status].category.key,
    "issuetype": lambda site, issue: issue.type,
    "creator": lambda site, issue: issue.creator.lower(),
}


def _values(site: Site, issue: Issue, field: str) -> set[str]:
    """What an issue has in a field, as ids where the values have ids; texts are in lower case."""
    if field in _OWN_FIELDS:
        return {_OWN_FIELDS[field](site, issue)}
    value = issue.values.get(field)
    many: Iterable[Any] = value if isinstance(value, list | tuple) else (value,)
    return {str(getattr(one, "id", one)).lower() for one in many if one is not None}


def _wanted(site: Site, call: Call, field: str, operand: Operand) -> set[str]:
    """What an operand names, in the form of ``_values``. Raises Problem(400) for an unknown name."""
    text = operand.text.lower()
    if field in ("key", "id", "parent"):
        return _issue_id(site, call, field, operand.text)
    if field in _PEOPLE and operand.function and text == "currentuser()":
        return {call.user.account_id.lower()} if call.user else set()
    if field == "resolution" and text in ("unresolved", "empty"):
        raise Problem(400, "Use 'resolution is EMPTY' for unresolved issues.")
    choices = _CHOICES[field](site, call) if field in _CHOICES else _options(site, field, text)
    found = {id_ for id_, *names in choices if text in (id_, *map(str.lower, names))}
    if not found:
        raise Problem(400, f"The value '{operand.text}' does not exist for the field '{field}'.")
    return found


def _issue_id(site: Site, call: Call, field: str, id_or_key: str) -> set[str]:
    issue = site.visible(call, id_or_key)
    if issue is None and not call.lenient:
        raise Problem(400, f"An issue with key '{id_or_key}' does not exist for field '{field}'.")
    return {str(issue.id)} if issue else set()


# An id in the form of ``_values``, then the names of what has the id.
_Names = tuple[str, ...]


def _options(site: Site, field: str, text: str) -> list[_Names]:
    """The options of a select field. A field of another type may hold any text, and so ``text``."""
    options = site.fields[field].options if field in site.fields else ()
    every = [o for parent in options for o in (parent, *parent.children)]
    return [(o.id, o.value) for o in every] or [(text,)]


def _named(things: Iterable[Named | Status | IssueType]) -> list[_Names]:
    return [(one.id, one.name) for one in things]


def _people(site: Site, _call: Call) -> list[_Names]:
    users = site.users.values()
    return [(u.account_id.lower(), u.account_id if site.cloud else u.name) for u in users]


def _parts_of_projects(site: Site, _call: Call) -> list[_Names]:
    return _named(n for p in site.projects.values() for n in (*p.components, *p.versions))


_PEOPLE = ("assignee", "reporter", "creator")
# What a field may hold, for the fields that hold things of the site.
_CHOICES: dict[str, Callable[[Site, Call], list[_Names]]] = {
    "project": lambda s, call: [(p.key.lower(), p.name, p.id) for p in s.visible_projects(call)],
    "status": lambda site, _: _named(site.statuses.values()),
    "statuscategory": lambda site, _: [(c.key, c.name, str(c.id)) for c in site.categories],
    "issuetype": lambda site, _: _named(site.types.values()),
    "resolution": lambda site, _: _named(site.resolutions),
    "priority": lambda site, _: _named(site.priorities),
    **dict.fromkeys(_PEOPLE, _people),
    **dict.fromkeys(("components", "fixVersions", "versions"), _parts_of_projects),
}
