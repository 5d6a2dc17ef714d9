"""What Jira's refusals are about: one ticket's values, or every new ticket of a project and type."""

from __future__ import annotations

import json

import pytest
import requests

from sync.adapters.jira.calls.faults import of_reply
from sync.adapters.jira.calls.request import Call, Safety
from sync.domain.actions import Change
from sync.domain.errors import Cause, Missing, Rejected, Scope, Unknown
from sync.domain.rule import TicketLink
from sync.domain.ticket import FieldKind, TicketRef
from tests.adapters.jira.world import World, desired

CALL = Call("POST", "issue", "creating", Safety.ONCE)


def _rejected(status: int, *messages: str, **errors: str) -> Rejected:
    response = requests.Response()
    response.status_code = status
    response._content = json.dumps({"errorMessages": messages, "errors": errors}).encode()
    fault = of_reply(CALL, response, now=0.0).fault
    assert isinstance(fault, Rejected)
    return fault


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (_rejected(400, project="Specify a valid project ID or key"), Cause.PROJECT),
        (_rejected(400, pid="プロジェクトが必要です"), Cause.PROJECT),
        (_rejected(400, issuetype="Der Vorgangstyp ist ungültig."), Cause.ISSUE_TYPE),
    ],
    ids=str,
)
def test_what_is_about_the_project_as_a_whole_is_about_all_its_tickets(
    said: Rejected, cause: Cause
) -> None:
    assert (said.cause, said.scope) == (cause, Scope.PROJECT)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (_rejected(400, "The data product 'x' is unknown in this project."), Cause.OTHER),
        (_rejected(400, "Name the project that owns the table."), Cause.OTHER),
        (_rejected(400, "You do not have permission to create issues without owner."), Cause.OTHER),
        (_rejected(400, "The project is archived, says this validator."), Cause.OTHER),
        (_rejected(400, customfield_1="Choose a project."), Cause.FIELD),
        (_rejected(403, "Request blocked"), Cause.PERMISSION),
        (_rejected(403, "You do not have permission to create issues."), Cause.PERMISSION),
    ],
    ids=str,
)
def test_what_a_validator_says_of_one_ticket_is_about_that_ticket(
    said: Rejected, cause: Cause
) -> None:
    assert (said.cause, said.scope) == (cause, Scope.TICKET)


@pytest.fixture(params=["en_GB", "de_DE", "fr_FR", "ja_JP"])
def speaking(request: pytest.FixtureRequest, world: World) -> World:
    """A site whose messages are in each of the languages in turn."""
    world.jira.translate(request.param, {})
    return world


def _strike(world: World, path: str, status: int, *messages: str) -> None:
    body = {"errorMessages": list(messages), "errors": {}}
    world.jira.faults.add("status", method="POST", path=path, status=status, body=body, count=1)


def _summary() -> Change:
    return Change("summary", "Summary", FieldKind.PLAIN, "Rows are missing", "Rows are back")


def test_a_missing_permission_to_create_is_named_in_every_language(speaking: World) -> None:
    draft = speaking.tracker.draft(desired())
    speaking.jira.deny("DATA", "CREATE_ISSUES")
    with pytest.raises(Rejected, match="lacks the permission 'Create issues' in DATA") as fault:
        speaking.tracker.create(draft)
    assert (fault.value.cause, fault.value.scope) == (Cause.PERMISSION, Scope.PROJECT)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_the_status_of_a_refusal_does_not_tell_whether_a_permission_is_missing(
    speaking: World, status: int
) -> None:
    draft = speaking.tracker.draft(desired())
    _strike(speaking, "/issue$", status, "Der Vorgang wurde abgelehnt.")
    with pytest.raises(Rejected) as fault:
        speaking.tracker.create(draft)
    assert fault.value.scope is Scope.TICKET
    speaking.jira.deny("DATA", "CREATE_ISSUES")
    _strike(speaking, "/issue$", status, "Der Vorgang wurde abgelehnt.")
    with pytest.raises(Rejected) as fault:
        speaking.tracker.create(draft)
    assert (fault.value.cause, fault.value.scope) == (Cause.PERMISSION, Scope.PROJECT)
    assert speaking.tracker.health.down() == ""


@pytest.mark.parametrize("archived", [False, True], ids=["out of sight", "archived"])
def test_a_project_that_takes_no_tickets_any_more_is_named_in_every_language(
    speaking: World, archived: bool
) -> None:
    draft = speaking.tracker.draft(desired())
    if archived:
        speaking.jira.site.projects["DATA"].archived = True
    else:
        speaking.jira.deny("DATA", "BROWSE_PROJECTS")
    _strike(speaking, "/issue$", 400, "だめです。")
    with pytest.raises(Rejected, match="project DATA is") as fault:
        speaking.tracker.create(draft)
    assert (fault.value.cause, fault.value.scope) == (Cause.PROJECT, Scope.PROJECT)


def test_a_transition_that_is_no_longer_offered_asks_for_a_new_look_in_every_language(
    speaking: World,
) -> None:
    ref = speaking.make(project="OPS")
    hop = speaking.tracker.read(ref.id).hops[0]
    speaking.jira.person.transition(ref.key, hop.to.name)
    with pytest.raises(Unknown) as fault:
        speaking.tracker.transition(ref, hop, {})
    assert fault.value.over


def test_a_transition_that_a_validator_refuses_is_told_in_jiras_words_in_every_language(
    speaking: World,
) -> None:
    ref = speaking.make(project="STRICT", Severity="High")
    hop = next(h for h in speaking.tracker.read(ref.id).hops if h.name == "Resolve")
    with pytest.raises(Rejected) as fault:
        speaking.tracker.transition(ref, hop, {"resolution": "Done"})
    assert fault.value.cause is Cause.TRANSITION


@pytest.mark.parametrize("verb", ["edit", "comment", "link"])
def test_a_missing_permission_of_any_write_is_named_in_every_language(
    speaking: World, verb: str
) -> None:
    ref, other = speaking.make(), speaking.make("coalesce:issue:2")
    denied = {"edit": "EDIT_ISSUES", "comment": "ADD_COMMENTS", "link": "LINK_ISSUES"}[verb]
    speaking.jira.deny("DATA", denied)
    write = {
        "edit": lambda: speaking.tracker.update(ref, [_summary()]),
        "comment": lambda: speaking.tracker.comment(ref, "hello", "mark"),
        "link": lambda: speaking.tracker.link_tickets(ref, TicketLink("Relates", other.key)),
    }[verb]
    with pytest.raises(Rejected, match="lacks the permission") as fault:
        write()
    assert fault.value.cause is Cause.PERMISSION


def test_a_comment_on_a_ticket_that_is_gone_is_missing_in_every_language(speaking: World) -> None:
    ref = speaking.make()
    speaking.jira.person.delete(ref.key)
    with pytest.raises(Missing):
        speaking.tracker.comment(TicketRef(ref.id, ref.key), "hello", "mark")
