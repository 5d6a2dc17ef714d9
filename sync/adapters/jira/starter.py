"""A first rule file for a project, written with the names that its site really has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sync.adapters.jira.fields import apps
from sync.adapters.jira.fields.choices import nearest
from sync.adapters.jira.fields.field import STANDARD, FieldInfo, Shape, standard_field
from sync.adapters.jira.tracker.tracker import JiraTracker
from sync.domain.errors import Cause, Rejected
from sync.domain.names import meant
from sync.domain.rule import LEAVE_CLOSED_STATUSES, Category
from sync.domain.text import ticket_line
from sync.domain.ticket import JiraStatus

_TYPES = ("Bug", "Incident", "Task", "Issue", "Problem", "Story")
_GIVEN = {"project", "issuetype", "summary", "description", "labels", "reporter"}
_NEGATIVE = {name.casefold() for name in LEAVE_CLOSED_STATUSES}
# Names of resolutions, the best first, for what was mended, what nobody is to mend, and what was called
# off. Sites name them differently; a rule takes the first one that the transition offers.
_DONE = ("Done", "Fixed", "Resolved", "Complete", "Completed")
_NOTHING_DONE = ("Won't Do", "Won't Fix", "Not a Bug", "Works as Designed", "Known Error")
_CALLED_OFF = ("Cancelled", "Canceled", "Declined", "Withdrawn")
# Nothing is known that such a field would take.
_OF_THE_SITE = {Shape.OTHER, Shape.PROJECT, *apps.FORMS} - {Shape.EPIC_LINK}
# Longer lists of values are cut: people read the file.
_MOST = 12


@dataclass(frozen=True, slots=True)
class Start:
    """What a project offers, as a first rule file needs it."""

    project: str
    project_name: str
    types: tuple[str, ...]
    issue_type: str
    fields: Mapping[str, FieldInfo]
    statuses: tuple[JiraStatus, ...]
    resolutions: tuple[str, ...]
    link_types: tuple[str, ...]
    person: str


def survey(tracker: JiraTracker, project: str, issue_type: str = "") -> Start:
    """Ask a site about a project.

    Raises Rejected for a project or issue type that the site does not have, with the valid names in its
    remedy, and the tracker's other faults where the site cannot be asked.
    """
    inspect, metadata = tracker.inspect, tracker.metadata
    who = inspect.whoami()
    projects = metadata.projects()
    if project not in projects:
        raise Rejected(
            f"there is no project {project!r}, or {who.name} may not see it",
            cause=Cause.PROJECT,
            remedy=nearest(project, projects),
        )
    types = sorted(metadata.issue_types(project))
    usual = next((name for name in _TYPES if meant(name, types)), None)
    chosen = metadata.issue_type(project, [issue_type or usual or types[0]])
    by_type = inspect.statuses(project)
    return Start(
        project=project,
        project_name=projects[project],
        types=tuple(types),
        issue_type=chosen,
        fields=metadata.create_fields(project, chosen),
        statuses=tuple(by_type.get(chosen.id) or next(iter(by_type.values()), [])),
        resolutions=tuple(inspect.resolutions()),
        link_types=metadata.link_types(),
        person=who.email or who.id,
    )


def rules_text(start: Start) -> str:
    """The rule file, comments included."""
    return "\n".join(_lines(start)).rstrip() + "\n"


def quoted(text: str) -> str:
    """Text as TOML writes it."""
    return json.dumps(text, ensure_ascii=False)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(ticket_line(name) for name in names[:_MOST]) + more


def _array(names: Sequence[str]) -> str:
    return f"[{', '.join(map(quoted, names))}]"


def _lines(start: Start) -> Iterator[str]:
    yield "#:schema ./rules.schema.json"
    yield "#"
    name = ticket_line(start.project_name, 60)
    yield f"# First rules for {name} ({start.project}), with the names that the site had."
    yield "# Lines that begin with #name are further choices: remove the # to make them."
    yield "# See what a rule makes: ticket-sync preview --sample issue_created. Whether all names are"
    yield "# right: ticket-sync check. The language, by example: docs/rules.md."
    yield ""
    yield "[[rule]]"
    yield 'name = "issues"'
    yield 'when = { kind = "issue" }'
    yield "# Only some of them, for example:"
    yield '#when = { kind = "issue", owner = "*finance*", severity = ["error", "fatal"] }'
    yield "# Tell Coalesce Quality what people do with these tickets in Jira (docs/two-way.md). Needs"
    yield "# actor_email in [coalesce.api] of config.toml, and the credentials there:"
    yield '#upstream.comments = { mention = "#upstream" }'
    yield "#upstream.copy_comments = true"
    yield "#upstream.announce = true"
    yield '#upstream.acknowledge = "assigned"'
    yield from _marks(start)
    yield ""
    yield "[[rule]]"
    yield 'name = "incidents"'
    yield 'when = { kind = "incident" }'
    yield "# Link an incident's ticket with those of its issues (needs [coalesce.api]). Link types here:"
    yield f"# {_listed(start.link_types)}."
    link = next((n for n in start.link_types if n == "Relates"), next(iter(start.link_types), ""))
    yield f"#issues = {{ link = {quoted(link)} }}"
    yield "# Let a ticket's end close or cancel its incident upstream, too (needs [coalesce.api]):"
    yield from _states(start)
    yield ""
    yield "# What both rules ask for."
    yield "[defaults]"
    yield f"project = {quoted(start.project)}"
    yield f"# Issue types here: {_listed(start.types)}."
    yield f"issue_type = {quoted(start.issue_type)}"
    yield "# Make a ticket only if it is still open after a while; put what belongs together on one:"
    yield '#hold = "10m"'
    yield '#group_by = "issue_group"'
    yield ""
    yield from _fields(start)
    yield ""
    yield from _statuses(start)


def _marks(start: Start) -> Iterator[str]:
    """Commented-out lines: which places stand for which mark of an issue."""
    yield from _signs("cleared", _names(start, Category.NEW))
    yield from _signs("investigating", _names(start, Category.INDETERMINATE))
    yield from _signs("fixed", _names(start, Category.DONE))
    yield from _signs("no_action_needed", _declined(start), _nothing_done(start))


def _states(start: Start) -> Iterator[str]:
    """Commented-out lines: which places stand for which state of an incident."""
    yield from _signs("closed", _names(start, Category.DONE))
    yield from _signs("cancelled", _declined(start), _nothing_done(start))
    yield from _signs("open", _names(start, Category.NEW, Category.INDETERMINATE))


def _signs(word: str, statuses: Sequence[str], resolutions: Sequence[str] = ()) -> Iterator[str]:
    signs = [*map(quoted, statuses), *(f"{{ resolution = {quoted(n)} }}" for n in resolutions)]
    if signs:
        yield f"#upstream.status.{word} = [{', '.join(signs)}]"


def _names(start: Start, *categories: Category) -> list[str]:
    """The statuses of these categories, without those in which a ticket was declined."""
    names = [one.name for one in start.statuses if one.category in categories]
    return [name for name in dict.fromkeys(names) if name.casefold() not in _NEGATIVE]


def _declined(start: Start) -> list[str]:
    names = [one.name for one in start.statuses if one.name.casefold() in _NEGATIVE]
    return list(dict.fromkeys(names))


def _nothing_done(start: Start) -> list[str]:
    """The site's resolutions that say that nobody is to mend anything."""
    wanted = {name.casefold() for name in _NOTHING_DONE}
    named = {n: n.casefold().replace("’", "'") for n in dict.fromkeys(start.resolutions)}
    return [name for name, folded in named.items() if folded in wanted]


def _fields(start: Start) -> Iterator[str]:
    yield "# Summary, description and labels come from what every rule starts from."
    yield "[defaults.fields]"
    fields = start.fields.values()
    for info in filter(_must_be_given, fields):
        names = _allowed(info)
        which = f" One of: {names}." if names else ""
        yield f"# Jira makes no {start.issue_type} here without it.{which}"
        yield f"{_key(info, start.fields)} = {_value(info, start.person)}"
    for info in fields:
        known = info.shape not in _OF_THE_SITE and info.id not in _GIVEN
        if known and not _must_be_given(info):
            yield from _choice(info, start)


def _choice(info: FieldInfo, start: Start) -> Iterator[str]:
    """A commented-out line for a field that a rule may give, with the values that the field takes."""
    key = _key(info, start.fields)
    name = ticket_line(info.name) if key == info.id and info.id not in STANDARD else ""
    notes = [note for note in (name, _allowed(info)) if note]
    if notes:
        yield f"# {': '.join(notes)}"
    yield f"#{key} = {_value(info, start.person)}"


def _allowed(info: FieldInfo) -> str:
    return _listed([one.name for one in info.allowed or ()])


def _must_be_given(info: FieldInfo) -> bool:
    return info.required and not info.has_default and info.id not in _GIVEN


def _key(info: FieldInfo, fields: Mapping[str, FieldInfo]) -> str:
    if info.id in STANDARD:
        return {"duedate": "due_date", "fixVersions": "fix_versions"}.get(info.id, info.id)
    if info.shape is Shape.EPIC_LINK:
        return "parent"
    same = sum(one.name.casefold() == info.name.casefold() for one in fields.values())
    # A name that several fields share would be ambiguous, so the rule gives the id.
    return info.id if same > 1 or standard_field(info.name) else quoted(info.name)


def _value(info: FieldInfo, person: str) -> str:
    """A value that the field takes."""
    first = info.allowed[0] if info.allowed else None
    if info.shape is Shape.CASCADE and first is not None:
        below = f" > {first.children[0].name}" if first.children else ""
        return quoted(f"{first.name}{below}")
    if info.shape in (Shape.OPTIONS, Shape.NAMED_LIST):
        return _array([first.name] if first else [])
    if first is not None:
        return quoted(first.name)
    return {
        Shape.NUMBER: "0",
        Shape.DATE: quoted("{{ subject.started_at | date }}"),
        Shape.DATETIME: quoted("{{ subject.started_at }}"),
        Shape.LABELS: _array(["data-quality"]),
        Shape.USER: quoted(person),
        Shape.USERS: _array([person]),
        Shape.PARENT: quoted("KEY-1"),
        Shape.EPIC_LINK: quoted("KEY-1"),
    }.get(info.shape, quoted("{{ subject.title }}"))


def _statuses(start: Start) -> Iterator[str]:
    names = ", ".join(f"{ticket_line(one.name)} ({one.category.value})" for one in start.statuses)
    yield f"# Where a ticket goes for each status upstream. Statuses here: {names}."
    yield f"# Resolutions here: {_listed(start.resolutions)}."
    yield "[defaults.status]"
    for words, category, wanted in (
        (("open",), Category.NEW, ()),
        (("investigating",), Category.INDETERMINATE, ()),
        (("expected", "no_action_needed"), Category.DONE, (*_NOTHING_DONE, *_DONE)),
        (("fixed", "closed"), Category.DONE, _DONE),
        (("cancelled",), Category.DONE, (*_CALLED_OFF, *_NOTHING_DONE, *_DONE)),
    ):
        there = [one.name for one in start.statuses if one.category is category]
        there.sort(key=lambda name: name.casefold() in _NEGATIVE)
        for word in words:
            yield f"{word} = {_target(there, category, _named(wanted, start.resolutions))}"


def _named(wanted: Sequence[str], resolutions: Sequence[str]) -> list[str]:
    """The site's resolutions with these names, the best first. Where it has none of the names, as in
    another language, the first resolution that the site offers."""
    names = {name.casefold().replace("’", "'"): name for name in resolutions}
    found = [names[name.casefold()] for name in wanted if name.casefold() in names]
    return found or list(resolutions[:1])


def _target(there: Sequence[str], category: Category, resolutions: Sequence[str]) -> str:
    if not there:
        return "{ leave = true }"
    parts = [f"category = {quoted(category.value)}", f"prefer = {_array(there)}"]
    if category is Category.DONE and resolutions:
        parts.append(f"resolution = {_array(resolutions)}")
    return f"{{ {', '.join(parts)} }}"
