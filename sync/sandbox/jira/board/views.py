"""The pages of the board: tickets in columns, and one ticket."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sync.sandbox.jira.board.rich_text import rich
from sync.sandbox.jira.fields.plain import rendered
from sync.sandbox.jira.fields.wiki import wiki
from sync.sandbox.jira.server import JiraSandbox
from sync.sandbox.jira.site.ticket import Ticket, ticket_of

_COLUMNS = (("new", "To do"), ("indeterminate", "In progress"), ("done", "Done"))
_MOST_CARDS = 100


@dataclass(frozen=True, slots=True)
class Column:
    """``cards`` are the first ``_MOST_CARDS`` of ``total`` tickets; ``key`` is a status category."""

    key: str
    title: str
    total: int
    cards: tuple[Ticket, ...]


def _pages() -> Environment:
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["rich"] = rich
    pages.filters["moment"] = lambda text: text[:19].replace("T", " ")
    return pages


_PAGES = _pages()


def _columns(sandbox: JiraSandbox, project: str = "") -> list[Column]:
    """One column per status category. The tickets changed last come first."""
    site = sandbox.site
    with sandbox.lock:
        issues = [
            one for one in site.issues.values() if not one.deleted and project in ("", one.project)
        ]
        issues.sort(key=lambda one: (one.updated, one.id), reverse=True)
        made = []
        for key, title in _COLUMNS:
            here = [one for one in issues if site.statuses[one.status].category.key == key]
            cards = tuple(ticket_of(site, one) for one in here[:_MOST_CARDS])
            made.append(Column(key, title, len(here), cards))
    return made


def fragment(sandbox: JiraSandbox, project: str = "") -> str:
    """The part of the board's page that changes, as HTML."""
    return _PAGES.get_template("columns.html").render(
        columns=_columns(sandbox, project),
        calls=sum(sandbox.calls.values()),
        faults=[fault for fault in sandbox.faults.active if fault.count != 0],
    )


def board_page(sandbox: JiraSandbox, project: str = "") -> str:
    """The board of one project, of all projects for ""."""
    return _PAGES.get_template("board.html").render(
        dialect=sandbox.dialect.value,
        projects=list(sandbox.site.projects.values()),
        project=project,
        inner=fragment(sandbox, project),
    )


def missing_page(sandbox: JiraSandbox, key: str) -> str:
    """The page for a key that no ticket has."""
    return _PAGES.get_template("missing.html").render(dialect=sandbox.dialect.value, key=key)


def ticket_page(sandbox: JiraSandbox, key: str) -> str:
    """The page of one ticket. Raises KeyError."""
    ticket = sandbox.ticket(key)
    names = {name: field.name for name, field in sandbox.site.fields.items()}
    types = {name: field.type for name, field in sandbox.site.fields.items()}
    markup = () if sandbox.site.cloud else rendered(sandbox.site)
    return _PAGES.get_template("ticket.html").render(
        dialect=sandbox.dialect.value,
        ticket=ticket,
        others={
            names[name]: wiki(str(value)) if isinstance(types[name], markup) else value
            for name, value in ticket.fields.items()
            if value and name not in ("summary", "description", "labels", "resolution", "priority")
        },
    )
