"""What people decide about tickets, over the real adapter, on the simulated site in both dialects."""

from __future__ import annotations

from sync.operations.accounts import on_command_line
from sync.operations.ticket_moves import Linking, Merging, Splitting, link, merge, split
from sync.sandbox.jira import JiraSandbox
from tests.walks.test_jira import real as real
from tests.walks.test_jira import sandbox as sandbox
from tests.walks.world import World, issue_event

ME = on_command_line()


def test_tickets_are_merged_split_and_linked(real: World, sandbox: JiraSandbox) -> None:
    for n, title in enumerate(("orders is stale", "customers is stale"), 1):
        real.deliver(issue_event("issue_created", f"i{n}", at=n, title=title))
        real.settle()
    one, other = (ticket.key for ticket in sandbox.tickets())
    real.clock.sleep(30)
    merge(real.store, ME, Merging(one, other, "same cause"), real.clock.time())
    real.settle()
    first, second = sandbox.tickets()
    assert (first.category, second.category) == ("done", "new")
    assert [comment.text for comment in first.comments] == [
        f"Merged into {other} by {ME.name}: same cause"
    ]
    assert first.issue_links == (("duplicates", other),)
    calls = sum(sandbox.calls.values())
    real.settle(within=86_400)
    assert sum(sandbox.calls.values()) == calls

    real.clock.sleep(30)
    split(real.store, real.rules(), ME, Splitting(other, ["i1"], one), real.clock.time())
    real.settle()
    first, second = sandbox.tickets()
    assert (first.category, first.issue_links) == ("new", ())

    theirs = sandbox.person.create("OPS", "Task", "look into orders")
    real.clock.sleep(30)
    wish, sites = Linking("i1", theirs, instead=True), ({"main": real.tracker}, real.rules())
    link(real.store, sites, ME, wish, real.clock.time())
    real.settle()
    real.deliver(issue_event("issue_closed", "i1", at=120, title="orders is stale"))
    real.settle()
    by_key = {ticket.key: ticket for ticket in sandbox.tickets()}
    assert by_key[one].issue_links == (("duplicates", theirs),)
    assert [by_key[key].category for key in (one, other, theirs)] == ["done", "new", "done"]
    assert by_key[theirs].summary == "look into orders"
