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


DESK = """
[[rule]]
name = "issues"
when = { kind = "issue" }
project = "HELP"
issue_type = "Incident"
fields = { summary = "{{ subject.title }}", description = "" }

[rule.comments]
updated = "Now: {{ subject.title }}"
RUNNING
PUBLIC

[rule.status]
closed = { category = "done", comment = "It is over." }
"""


def desk(stage: Stage, *, public: str = "", running: str = "") -> None:
    stage.write_rules(DESK.replace("PUBLIC", public).replace("RUNNING", running))


def for_customers(stage: Stage) -> list[str]:
    return [comment.text for comment in stage.ticket.comments if comment.public]


def test_customers_of_a_service_project_see_none_of_our_comments(stage: Stage) -> None:
    desk(stage)
    stage.tell("issue_created", "orders")
    stage.settle()
    asked = stage.sandbox.person.comment(stage.ticket.key, "When will it be mended?")
    stage.tell("issue_updated", "orders", title="3 rows of orders are missing")
    stage.settle()
    stage.tell("issue_closed", "orders")
    stage.settle()
    assert len(texts(stage)) == 3
    assert for_customers(stage) == ["When will it be mended?"]
    assert [one.id for one in stage.ticket.comments if one.public] == [asked]
    assert stage.silent()


def test_customers_see_our_comments_where_the_rule_makes_them_public(stage: Stage) -> None:
    desk(stage, public="public = true")
    stage.tell("issue_created", "orders")
    stage.settle()
    stage.tell("issue_updated", "orders", title="orders is late")
    stage.settle()
    stage.tell("issue_closed", "orders")
    stage.settle()
    assert for_customers(stage) == ["Now: orders is late", "It is over."]


def test_a_running_comment_is_shown_to_customers_as_the_rule_says_when_it_is_rewritten(
    stage: Stage,
) -> None:
    desk(stage, public="public = true", running="running = true")
    stage.tell("issue_created", "orders")
    stage.settle()
    stage.tell("issue_updated", "orders", title="orders is late")
    stage.settle()
    assert for_customers(stage) == ["Now: orders is late"]
    desk(stage, running="running = true")
    stage.tell("issue_updated", "orders", title="Ann forgot orders")
    stage.settle()
    assert (texts(stage), for_customers(stage)) == (["Now: Ann forgot orders"], [])
    desk(stage, public="public = true", running="running = true")
    stage.tell("issue_updated", "orders", title="orders is later")
    stage.settle()
    assert for_customers(stage) == ["Now: orders is later"]
    assert stage.silent()


def test_a_comment_that_was_refused_is_made_later_for_the_same_readers(stage: Stage) -> None:
    for public in ("public = true", ""):
        desk(stage, public=public)
        stage.tell("issue_created", "orders")
        stage.settle()
        stage.sandbox.faults.add("rate_limit", method="POST", path="/comment$", count=1)
        stage.tell("issue_closed", "orders")
        stage.settle()
    stage.live(3600)
    assert texts(stage).count("It is over.") == 2
    assert for_customers(stage) == ["It is over."]
