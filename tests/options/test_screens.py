"""Which screen a field is on, and in which order a ticket is edited and moved, on a simulated Jira."""

from __future__ import annotations

from typing import Any

import pytest

from sync.sandbox.jira.site.model import Project
from tests.options.stage import Stage, minimal

# Closed forbids edits (`jira.issue.editable`) in this project.
LOCKING = minimal(
    'project = "OPS"',
    'labels = ["{{ subject.title | slug }}"]',
    """
[rule.comments]
updated = "Now {{ subject.title }}."
on = ["summary"]

[rule.status]
closed = { status = "Closed", resolution = "Fixed", comment = "Over." }
open = { category = "new", comment = "Again." }
""",
)


def told(stage: Stage, event: str, title: str, **fields: Any) -> None:
    stage.tell(event, "orders", title=title, **fields)
    stage.settle()


def steps(stage: Stage, since: int = 0) -> list[str]:
    """The fields that changed in Jira, in order, and the statuses that the ticket went to."""
    return [
        change.after if change.field == "status" else change.field
        for change in stage.ticket.history[since:]
        if change.field in ("status", "summary")
    ]


def comments(stage: Stage) -> list[str]:
    return [" ".join(comment.text.split()) for comment in stage.ticket.comments]


def test_a_ticket_is_edited_before_it_enters_a_status_that_forbids_edits(stage: Stage) -> None:
    stage.write_rules(LOCKING)
    told(stage, "issue_created", "one")
    told(stage, "issue_closed", "two")
    assert steps(stage) == ["summary", "Closed"]
    assert (stage.ticket.summary, stage.ticket.resolution) == ("two", "Fixed")
    assert comments(stage) == ["Over. Now two."]
    assert stage.silent()


def test_a_ticket_is_moved_out_of_a_status_that_forbids_edits_before_it_is_edited(
    stage: Stage,
) -> None:
    stage.write_rules(LOCKING)
    told(stage, "issue_created", "one")
    told(stage, "issue_closed", "one")
    since = len(stage.ticket.history)
    told(stage, "issue_created", "two")
    assert steps(stage, since) == ["Reopened", "summary"]
    assert "two" in stage.ticket.labels
    assert comments(stage) == ["Over.", "Again. Now two."]
    assert stage.silent()


def test_in_a_status_that_forbids_edits_the_edit_waits_with_words_and_nothing_is_lost(
    stage: Stage,
) -> None:
    stage.write_rules(LOCKING)
    told(stage, "issue_created", "one")
    told(stage, "issue_closed", "one")
    ended = "2026-09-21T15:00:00Z"
    told(stage, "issue_updated", "two", ended_at=ended, issue_url="https://app.example.com/i/new")
    row = stage.row()
    assert (stage.ticket.status, stage.ticket.summary, row.parked_at) == ("Closed", "one", None)
    assert row.parked is not None
    fields = row.parked["fields"]
    assert set(fields) == {"summary", "labels"}
    words = fields["summary"]["words"]
    assert "edit nothing on OPS-1 in status 'Closed'" in words
    assert "jira.issue.editable" in words
    assert "rules.toml" in words
    assert "https://app.example.com/i/new" in str(stage.ticket.remote_links)
    writes = sum(count for (method, *_), count in stage.sandbox.calls.items() if method != "GET")
    stage.live(24 * 3600)
    assert writes == sum(
        count for (method, *_), count in stage.sandbox.calls.items() if method != "GET"
    )
    # As soon as the ticket leaves the status, what has waited is written.
    since = len(stage.ticket.history)
    told(stage, "issue_created", "two")
    assert steps(stage, since) == ["Reopened", "summary"]
    assert "two" in stage.ticket.labels
    assert stage.silent()


def test_what_has_waited_is_written_once_a_person_has_moved_the_ticket(stage: Stage) -> None:
    stage.write_rules(LOCKING)
    told(stage, "issue_created", "one")
    told(stage, "issue_closed", "one")
    told(stage, "issue_updated", "two", ended_at="2026-09-21T15:00:00Z")
    stage.sandbox.person.transition(stage.ticket.key, "Reopened")
    stage.live(24 * 3600)
    assert (stage.ticket.summary, stage.ticket.status) == ("two", "Reopened")
    assert stage.silent()


def _off_the_edit_screen(project: Project, field_id: str) -> None:
    for kind, screen in project.edit_screens.items():
        project.edit_screens[kind] = tuple(one for one in screen if one.field != field_id)


def test_a_field_of_the_create_screen_alone_is_set_once_and_then_left_with_a_note(
    stage: Stage,
) -> None:
    _off_the_edit_screen(stage.sandbox.site.projects["DATA"], "customfield_10010")
    stage.write_rules(minimal("", '"Root cause" = "{{ subject.title }}"'))
    told(stage, "issue_created", "one")
    assert stage.ticket.fields["customfield_10010"] == "one"
    told(stage, "issue_updated", "two")
    assert (stage.ticket.summary, stage.ticket.fields["customfield_10010"]) == ("two", "one")
    assert any("Root cause is set at creation only" in words for words in stage.journal())
    assert stage.silent()


ENTRIES = ['"Done"', '{ transition = "Done" }', '{ category = "done" }']


@pytest.mark.parametrize("project", ["OPS", "FLOW", "GOV", "TEAM"])
@pytest.mark.parametrize("entry", ENTRIES)
def test_a_ticket_that_a_person_moved_to_another_workflow_is_closed_and_opened_again_there(
    stage: Stage, project: str, entry: str
) -> None:
    tables = f'[rule.status]\nclosed = {entry}\nopen = "To Do"\n'
    stage.write_rules(minimal("", '"Severity" = "Low"', tables))
    told(stage, "issue_created", "one")
    stage.sandbox.person.move(stage.ticket.key, project)
    for title in ("two", "three"):
        told(stage, "issue_closed", title)
        assert (stage.ticket.category, stage.ticket.summary) == ("done", title)
        assert stage.ticket.status not in ("Won't Do", "Cancelled")
        assert stage.row().parked is None
        told(stage, "issue_created", title)
        assert stage.ticket.category == "new"
    assert stage.ticket.project == project
    assert stage.silent()
