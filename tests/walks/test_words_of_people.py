"""What people wrote in fields of a ticket stays, on both kinds of Jira."""

from __future__ import annotations

from sync.operations.accounts import on_command_line
from sync.operations.ticket_moves import Linking, link
from sync.sandbox.jira import Effect, JiraSandbox
from sync.sandbox.jira.ready_site import EPIC_LINK
from sync.sandbox.jira.site.model import Named
from sync.worker.adoption import Adoption
from tests.options.stage import parent_of
from tests.walks.test_ahead import fates
from tests.walks.test_jira import jira_tracker, real, sandbox
from tests.walks.test_lifecycle import A
from tests.walks.world import RULES, World, issue_event

__all__ = ["real", "sandbox"]
B = f"{A[:-1]}1"


def rules(line: str) -> str:
    return RULES.replace("[rule.fields]", f"[rule.fields]\n{line}\n")


def test_a_list_that_a_person_replaced_after_a_lost_update_stays_theirs(
    real: World, sandbox: JiraSandbox
) -> None:
    real.write_rules(rules('components = ["{{ subject.title }}"]'))
    real.deliver(issue_event("issue_created", A, at=1, title="Warehouse"))
    real.settle()
    (ticket,) = sandbox.tickets()
    sandbox.site.projects["DATA"].components.append(Named("77", "Attic"))
    sandbox.faults.add(Effect.DROP, method="PUT", path=r"/issue/", count=1, after=True)
    real.deliver(issue_event("issue_updated", A, at=5, title="Ingestion"))
    real.step()
    sandbox.person.edit(ticket.key, components=[{"name": "Attic"}])
    real.settle()
    (ticket,) = sandbox.tickets()
    assert (ticket.fields["components"], ticket.summary) == ("Attic", "Ingestion")
    calls = sum(sandbox.calls.values())
    real.deliver(issue_event("issue_updated", A, at=6, title="Ingestion"))
    real.settle()
    assert sum(sandbox.calls.values()) == calls


def test_a_process_that_knows_no_field_of_the_rule_yet_takes_tickets_over_as_they_are(
    real: World, sandbox: JiraSandbox
) -> None:
    """A command is such a process: it reads tickets before it has ever drafted one."""
    real.write_rules(rules('"Root cause" = "the rule\'s"\nparent = { epic = "The rule\'s" }'))
    epic = sandbox.person.create("DATA", "Epic", "A person's")
    under = {"parent": {"key": epic}} if sandbox.site.cloud else {EPIC_LINK: epic}
    given = {"customfield_10010": "a person's", **under}
    one, other = (sandbox.person.create("DATA", "Bug", "words", **given) for _ in range(2))
    real.deliver(*(issue_event("issue_created", id_, at=1) for id_ in (A, B)))
    while real.triage.batch():
        pass
    real.clock.sleep(30)
    fresh = jira_tracker(sandbox, real.clock)
    adoption = Adoption(real.store, fresh, real.rules(), real.clock, "coalesce", apply=True)
    assert fates(adoption.pairs([(A, one)])) == ["adopt"]
    fresh = jira_tracker(sandbox, real.clock)
    sites, now = ({"main": fresh}, real.rules()), real.clock.time()
    link(real.store, sites, on_command_line(), Linking(B, other), now)
    real.settle()
    for ticket in sandbox.tickets():
        if ticket.key != epic:
            assert (ticket.fields["customfield_10010"], parent_of(ticket)) == ("a person's", epic)
