"""Which screen a field is on, and in which order a ticket is edited and moved, on a simulated Jira."""

from __future__ import annotations

from typing import Any

import pytest

from sync.sandbox.jira.faults import Effect
from sync.sandbox.jira.ready_site import BUG, add_project
from sync.sandbox.jira.site.model import Project, ScreenItem, Transition, Validator, Workflow
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


# Finishing takes a comment, as nothing that Jira shows of the transition says.
SAY_WHY = Workflow(
    "Say why",
    first="1",
    statuses=("1", "3", "10001"),
    transitions=(
        Transition("11", "Start", "3", frozenset({"1"})),
        Transition(
            *("21", "Finish", "10001", frozenset({"3"}), (ScreenItem("environment"),)),
            validators=(Validator("comment", "A comment is required."),),
            resolve="Done",
        ),
        Transition("31", "Reopen", "1", frozenset({"10001"}), resolve=""),
    ),
)
BY_HAND = """
[rule.status]
closed = { status = "Done", ENTRY }
open = { category = "new", comment = "" }
"""


def say_why(stage: Stage, entry: str, project: str = "WHY", more: str = "") -> None:
    """A rule whose tickets go to Done with this entry, and a ticket of its."""
    add_project(stage.sandbox.site, "WHY", "Why", SAY_WHY, types=(BUG,))
    tables = BY_HAND.replace("ENTRY", entry) + more
    stage.write_rules(minimal(f'project = "{project}"', "", tables))
    told(stage, "issue_created", "one")


@pytest.mark.parametrize(
    "entry", ['comment = "Over."', 'fields = { comment = "Over." }, comment = ""']
)
def test_a_transition_that_demands_a_comment_gets_ours_along(stage: Stage, entry: str) -> None:
    say_why(stage, entry)
    for times in (1, 2):
        told(stage, "issue_closed", "one")
        assert stage.ticket.status == "Done"
        assert comments(stage) == ["Over."] * times
        told(stage, "issue_created", "one")
    assert stage.silent()


def test_a_transition_that_demands_a_comment_parks_in_jiras_words_where_the_rule_has_none(
    stage: Stage,
) -> None:
    say_why(stage, 'comment = ""')
    told(stage, "issue_closed", "one")
    assert "A comment is required." in stage.row().error
    assert "`comment`" in stage.row().error
    assert comments(stage) == []


@pytest.mark.parametrize("project", ["WHY", "DATA"])
def test_a_comment_among_the_fields_of_a_screen_is_made_with_or_without_a_screen(
    stage: Stage, project: str
) -> None:
    say_why(stage, 'fields = { "Comment" = "{{ subject.title }} is over." }', project)
    told(stage, "issue_closed", "one")
    (said,) = comments(stage)
    assert said.startswith("one is over.")
    assert stage.ticket.status == "Done"
    assert stage.silent()


def test_a_comment_that_may_not_go_along_does_not_hold_up_the_move(stage: Stage) -> None:
    tables = '[rule.status]\nclosed = { status = "Resolved", fields = { comment = "Over." } }\n'
    stage.write_rules(minimal('project = "OPS"', "", tables))
    told(stage, "issue_created", "one")
    stage.sandbox.deny("OPS", "ADD_COMMENTS")
    told(stage, "issue_closed", "one")
    assert stage.ticket.status == "Resolved"
    assert "comment" in stage.row().error
    stage.sandbox.allow("OPS", "ADD_COMMENTS")
    stage.live(3600)
    assert len(comments(stage)) == 1
    assert stage.silent()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("path", ["/transitions$", "/comment"])
@pytest.mark.parametrize("more", ["", "[rule.comments]\nrunning = true\n"])
def test_a_comment_that_goes_along_is_made_once_though_a_reply_is_lost(
    stage: Stage, path: str, more: str, after: bool
) -> None:
    say_why(stage, 'comment = "Over."', more=more)
    method = "POST" if "transitions" in path else "GET"
    stage.sandbox.faults.add(Effect.DROP, method=method, path=path, count=3, after=after)
    told(stage, "issue_closed", "one")
    stage.live(3600)
    assert (stage.ticket.status, comments(stage)) == ("Done", ["Over."])
    assert stage.silent()
