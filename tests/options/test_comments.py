"""What is said on tickets, on a simulated Jira."""

from __future__ import annotations

from tests.options.stage import Stage, minimal

FIELDS = "priority = \"{{ {'fatal': 'Highest'}[severity] | default('Low') }}\""
ON = """
[rule.comments]
on = ["priority"]
updated = "Severity is **{{ severity }}**."
RUNNING

[rule.status]
closed = { category = "done", comment = "It is over." }
investigating = { category = "indeterminate", comment = "" }
"""


def texts(stage: Stage) -> list[str]:
    return [comment.text.replace("*", "") for comment in stage.ticket.comments]


def test_only_changes_of_the_fields_named_are_told(stage: Stage) -> None:
    stage.write_rules(minimal(fields=FIELDS, tables=ON.replace("RUNNING", "")))
    stage.tell("issue_created", "orders")
    stage.settle()
    stage.tell("issue_updated", "orders", title="orders is very stale")
    stage.settle()
    assert stage.ticket.summary == "orders is very stale"
    assert texts(stage) == []
    stage.learn("orders", severity="fatal")
    stage.settle()
    assert texts(stage) == ["Severity is fatal."]
    assert stage.ticket.priority == "Highest"
    assert stage.silent()


def test_a_status_may_come_without_a_comment(stage: Stage) -> None:
    stage.write_rules(minimal(fields=FIELDS, tables=ON.replace("RUNNING", "")))
    stage.tell("issue_created", "orders")
    stage.mark("orders", "investigating")
    stage.settle()
    assert (stage.ticket.status, texts(stage)) == ("In Progress", [])
    stage.tell("issue_closed", "orders")
    stage.settle()
    assert texts(stage) == ["It is over."]


def test_many_events_of_one_walk_are_one_comment(stage: Stage) -> None:
    stage.write_rules(minimal(fields=FIELDS, tables=ON.replace("RUNNING", "")))
    stage.tell("issue_created", "orders")
    stage.settle()
    stage.tell("issue_updated", "orders", title="worse")
    stage.mark("orders", "investigating")
    stage.learn("orders", severity="fatal")
    stage.tell("issue_closed", "orders")
    stage.settle()
    (said,) = texts(stage)
    assert said.split() == ["It", "is", "over.", "Severity", "is", "fatal."]


def test_every_change_is_told_where_no_fields_are_named(stage: Stage) -> None:
    tables = '\n[rule.comments]\nupdated = "Now: {{ subject.title }}"\n'
    stage.write_rules(minimal(tables=tables))
    stage.tell("issue_created", "orders")
    stage.settle()
    for title in ("late", "later"):
        stage.tell("issue_updated", "orders", title=title)
        stage.settle()
    assert texts(stage) == ["Now: late", "Now: later"]


def test_a_running_comment_is_one_that_is_rewritten(stage: Stage) -> None:
    stage.write_rules(minimal(fields=FIELDS, tables=ON.replace("RUNNING", "running = true")))
    stage.tell("issue_created", "orders")
    stage.settle()
    stage.learn("orders", severity="fatal")
    stage.settle()
    (first,) = stage.ticket.comments
    stage.sandbox.person.comment(stage.ticket.key, "We are at it.")
    stage.learn("orders", severity="error")
    stage.settle()
    assert texts(stage) == ["Severity is error.", "We are at it."]
    stage.tell("issue_closed", "orders")
    stage.settle()
    assert texts(stage) == ["It is over.", "We are at it."]
    assert stage.ticket.comments[0].id == first.id
    assert stage.silent()


def test_a_running_comment_that_was_deleted_is_written_anew(stage: Stage) -> None:
    stage.write_rules(minimal(fields=FIELDS, tables=ON.replace("RUNNING", "running = true")))
    stage.tell("issue_created", "orders")
    stage.settle()
    stage.learn("orders", severity="fatal")
    stage.settle()
    stage.sandbox.person(stage.bot).delete_comment(stage.ticket.key, stage.ticket.comments[0].id)
    stage.tell("issue_closed", "orders")
    stage.settle()
    assert texts(stage) == ["It is over."]
    assert stage.silent()
