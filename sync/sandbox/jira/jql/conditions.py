"""What a JQL clause means: a test for an issue, or a refusal in Jira's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sync.sandbox.jira.jql.parser import Both, Clause, Either, Negation, Node, Operand
from sync.sandbox.jira.site.call import Call, Problem
from sync.sandbox.jira.site.model import FieldDef, Issue
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
_TEXTS = ("summary", "description", "environment")


def canonical(site: Site, name: str) -> str:
    """A clause name's field: our name for it, or a field id. Raises Problem(400)."""
    lowered = _ALIASES.get(name.lower(), name.lower())
    known = (
        "key",
        "id",
        "project",
        "issuetype",
        "status",
        "statuscategory",
        "creator",
        "text",
        *_TIMES,
    )
    if lowered in known:
        return lowered
    number = re.fullmatch(r"cf\[(\d+)\]", lowered)
    if number and f"customfield_{number.group(1)}" in site.fields:
        return f"customfield_{number.group(1)}"
    for field in site.fields.values():
        if lowered == field.id.lower() or (field.custom and lowered == field.name.lower()):
            return field.id
        if _ALIASES.get(name.lower()) == field.id:
            return field.id
    raise Problem(400, f"Field '{name}' does not exist or you do not have permission to view it.")


def when(site: Site, call: Call, operand: Operand, field: str) -> float:
    """A time operand in seconds since the epoch, to the minute as Jira has it."""
    text = operand.text.strip()
    if operand.function:
        if text == "now()":
            return call.now
        if text.startswith(("startofday(", "endofday(")):
            day = datetime.fromtimestamp(call.now, UTC).replace(
                hour=0, minute=0, second=0, microsecond=0
            )
            offset = re.search(r"(-?\d+)", text)
            day += timedelta(days=int(offset.group(1)) if offset else 0)
            return (day + timedelta(days=text.startswith("end"))).timestamp()
        raise Problem(400, f"Unable to find JQL function '{text}'.")
    relative = re.fullmatch(r"([+-]?)((?:\d+[wdhm]\s*)+)", text)
    if relative:
        seconds = sum(
            int(n) * _UNITS[u] for n, u in re.findall(r"(\d+)([wdhm])", relative.group(2))
        )
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


def compile_node(site: Site, call: Call, node: Node) -> Test:
    if isinstance(node, Both):
        tests = [compile_node(site, call, part) for part in node.parts]
        return lambda issue: all(test(issue) for test in tests)
    if isinstance(node, Either):
        tests = [compile_node(site, call, part) for part in node.parts]
        return lambda issue: any(test(issue) for test in tests)
    if isinstance(node, Negation):
        inner = compile_node(site, call, node.part)
        return lambda issue: not inner(issue)
    return _clause(site, call, node)


def _clause(site: Site, call: Call, clause: Clause) -> Test:
    field = canonical(site, clause.field)
    operator, operands = clause.operator, clause.operands
    if field in _TIMES:
        return _time(site, call, clause, field)
    if operator in ("~", "!~"):
        return _contains(site, clause, field)
    if operator in ("is", "is not") or (operands[0].function and operands[0].text == "empty"):
        wants_empty = operator in ("is", "=")
        return lambda issue: (not held(site, issue, field)) == wants_empty
    if operator in (">", "<", ">=", "<="):
        return _ordered(site, clause, field)
    wanted = {name for operand in operands for name in _wanted(site, call, field, operand)}
    if operator in ("=", "in"):
        return lambda issue: not wanted.isdisjoint(held(site, issue, field))

    def differs(issue: Issue) -> bool:
        # In JQL "!=" does not find issues where the field is empty.
        names = held(site, issue, field)
        return bool(names) and wanted.isdisjoint(names)

    return differs


def _time(site: Site, call: Call, clause: Clause, field: str) -> Test:
    if clause.operator in ("is", "is not"):
        empty = clause.operator == "is"
        return lambda issue: (_moment(issue, field) is None) == empty
    limit = when(site, call, clause.operands[0], clause.field)
    compare = _COMPARE.get(clause.operator)
    if compare is None:
        raise Problem(
            400, f"The operator '{clause.operator}' is not supported by the '{clause.field}' field."
        )
    return lambda issue: (at := _moment(issue, field)) is not None and compare(at, limit)


def _moment(issue: Issue, field: str) -> float | None:
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


def _contains(site: Site, clause: Clause, field: str) -> Test:
    definition = site.fields.get(field)
    textual = field == "text" or (
        definition is not None and definition.type.schema["type"] == "string"
    )
    if not textual:
        raise Problem(
            400, f"The operator '{clause.operator}' is not supported by the '{clause.field}' field."
        )
    words = re.findall(r"\w+", clause.operands[0].text.lower())
    if not words:
        raise Problem(400, f"The field '{clause.field}' requires a text value.")
    fields = _TEXTS if field == "text" else (field,)
    wanted = clause.operator == "~"

    def test(issue: Issue) -> bool:
        text = " ".join(site.word_value(name, issue.values.get(name)) for name in fields).lower()
        found = set(re.findall(r"\w+", text))
        return all(word in found for word in words) == wanted

    return test


def _ordered(site: Site, clause: Clause, field: str) -> Test:
    compare = _COMPARE[clause.operator]
    operand = clause.operands[0].text
    if field in ("key", "id"):
        limit = _number_of(site, operand)
        return lambda issue: compare(issue.id, limit)
    definition = site.fields.get(field)
    if definition is None or definition.type.schema["type"] not in ("number", "date", "datetime"):
        raise Problem(
            400, f"The operator '{clause.operator}' is not supported by the '{clause.field}' field."
        )
    if definition.type.schema["type"] == "number":
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


def held(site: Site, issue: Issue, field: str) -> set[str]:
    """What an issue has in a field, as lower-case names and ids that a clause may use."""
    match field:
        case "key" | "id":
            return {str(issue.id)}
        case "project":
            return {issue.project.lower()}
        case "status":
            return {issue.status}
        case "statuscategory":
            return {site.statuses[issue.status].category.key}
        case "issuetype":
            return {issue.type}
        case "creator":
            return {issue.creator}
    value = issue.values.get(field)
    if value is None:
        return set()
    many: Iterable[Any] = value if isinstance(value, list | tuple) else (value,)
    names = {getattr(one, "id", one) for one in many if one is not None}
    return {str(name).lower() if isinstance(name, str) else str(name) for name in names}


def _wanted(site: Site, call: Call, field: str, operand: Operand) -> set[str]:
    """What an operand names, as ``held`` has it. Raises Problem(400) for names that do not exist."""
    text = operand.text
    lowered = text.lower()
    missing = Problem(400, f"The value '{text}' does not exist for the field '{field}'.")
    found: set[str] = set()
    if field in ("key", "id"):
        issue = site.find(text)
        if issue is None or not site.may(
            call.user, site.projects[issue.project], "BROWSE_PROJECTS"
        ):
            if call.lenient:
                return found
            raise Problem(400, f"An issue with key '{text}' does not exist for field '{field}'.")
        return {str(issue.id)}
    if field == "labels":
        return {lowered}
    if field == "project":
        found = {
            p.key.lower()
            for p in site.visible_projects(call)
            if lowered in (p.key.lower(), p.name.lower(), p.id)
        }
    elif field == "status":
        found = {s.id for s in site.statuses.values() if lowered in (s.name.lower(), s.id)}
    elif field == "statuscategory":
        found = {c.key for c in site.categories if lowered in (c.key, c.name.lower(), str(c.id))}
    elif field == "issuetype":
        found = {t.id for t in site.types.values() if lowered in (t.name.lower(), t.id)}
    elif field in ("assignee", "reporter", "creator"):
        if operand.function and lowered == "currentuser()":
            return {call.user.account_id.lower()} if call.user else set()
        user = site.user(text)
        found = {user.account_id.lower()} if user else set()
    elif field == "parent":
        found = {str(_number_of(site, text))}
    elif field in ("resolution", "priority"):
        if field == "resolution" and lowered in ("unresolved", "empty"):
            raise Problem(400, "Use 'resolution is EMPTY' for unresolved issues.")
        pool = site.resolutions if field == "resolution" else site.priorities
        found = {one.id for one in pool if lowered in (one.name.lower(), one.id)}
    elif field in ("components", "fixVersions", "versions"):
        named = [n for p in site.projects.values() for n in (*p.components, *p.versions)]
        found = {one.id for one in named if lowered in (one.name.lower(), one.id)}
    else:
        found = _named_option(site.fields[field], lowered)
    if not found:
        raise missing
    return found


def _named_option(field: FieldDef, lowered: str) -> set[str]:
    options = [o for parent in field.options for o in (parent, *parent.children)]
    if not options:
        return {lowered}
    return {o.id for o in options if lowered in (o.value.lower(), o.id)}
