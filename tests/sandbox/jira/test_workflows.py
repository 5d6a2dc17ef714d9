"""Workflows offer, ask for and refuse what real ones do."""

from __future__ import annotations

from typing import Any

from tests.sandbox.jira.conftest import Site


def offered(site: Site, key: str) -> dict[str, dict[str, Any]]:
    """Transitions by name, with their screens."""
    data = site.call("GET", f"issue/{key}", query="fields=status&expand=transitions.fields").data
    return {one["name"]: one for one in data["transitions"]}


def take(site: Site, key: str, name: str, **fields: Any) -> Any:
    body: dict[str, Any] = {"transition": {"id": offered(site, key)[name]["id"]}}
    if fields:
        body["fields"] = fields
    return site.call("POST", f"issue/{key}/transitions", body)


def test_global_transitions_lead_everywhere_and_set_the_resolution(site: Site) -> None:
    key = site.create()
    assert take(site, key, "Done").status == 204
    assert site.sandbox.ticket(key).resolution == "Done"
    assert take(site, key, "To Do").status == 204
    assert (site.sandbox.ticket(key).status, site.sandbox.ticket(key).resolution) == ("To Do", "")


def test_resolving_needs_a_resolution_where_the_screen_asks_for_one(site: Site) -> None:
    key = site.create("OPS")
    screen = offered(site, key)["Resolve Issue"]["fields"]["resolution"]
    assert screen["required"]
    assert "Fixed" in {value["name"] for value in screen["allowedValues"]}
    refused = take(site, key, "Resolve Issue")
    assert (refused.status, refused.data["errors"]) == (
        400,
        {"resolution": "Resolution is required."},
    )
    assert take(site, key, "Resolve Issue", resolution={"name": "Fixed"}).status == 204
    assert set(offered(site, key)) == {"Close Issue", "Reopen Issue"}


def test_a_resolution_without_a_screen_for_it_is_refused(site: Site) -> None:
    key = site.create()
    refused = take(site, key, "Done", resolution={"name": "Fixed"})
    assert refused.status == 400
    assert "not on the appropriate screen" in refused.data["errors"]["resolution"]
    assert site.sandbox.ticket(key).status == "To Do"


def test_a_closed_ticket_of_the_classic_workflow_cannot_be_edited(site: Site) -> None:
    key = site.create("OPS")
    take(site, key, "Close Issue", resolution={"name": "Fixed"})
    assert site.call("PUT", f"issue/{key}", {"fields": {"summary": "y"}}).status == 400
    assert site.call("POST", f"issue/{key}/comment", {"body": site.text("still")}).status == 201


def test_the_long_way_is_walked_hop_by_hop(site: Site) -> None:
    key = site.create("FLOW")
    for name in ("Select", "Start", "Hand in", "Approve"):
        assert take(site, key, name).status == 204
    ticket = site.sandbox.ticket(key)
    assert (ticket.status, ticket.category) == ("Done", "done")
    moves = [(c.before, c.after) for c in ticket.history if c.field == "status"]
    assert len(moves) == 4
    assert {c.author for c in ticket.history} == {"Ticket Sync"}


def test_several_statuses_are_done(site: Site) -> None:
    key = site.create("GOV")
    done = {
        t["to"]["name"]
        for t in offered(site, key).values()
        if t["to"]["statusCategory"]["key"] == "done"
    }
    assert done == {"Done", "Won't Do", "Cancelled"}


def test_a_validator_shows_only_as_a_refusal_and_a_default_spares_the_field(site: Site) -> None:
    key = site.create("STRICT", customfield_10015={"value": "Low"})
    screen = offered(site, key)["Resolve"]["fields"]
    assert not screen["customfield_10010"]["required"]
    assert screen["resolution"]["hasDefaultValue"]
    refused = take(site, key, "Resolve")
    assert (refused.status, refused.data["errorMessages"]) == (
        400,
        ["Root cause is required to resolve."],
    )
    assert take(site, key, "Resolve", customfield_10010="A late load").status == 204
    assert site.sandbox.ticket(key).resolution == "Done"


def test_without_the_permission_nothing_is_offered(site: Site) -> None:
    key = site.create()
    site.sandbox.deny("DATA", "TRANSITION_ISSUES")
    assert offered(site, key) == {}
    body = {"transition": {"id": "31"}}
    refused = site.call("POST", f"issue/{key}/transitions", body)
    assert refused.data["errorMessages"] == ["Transition id '31' is not valid for this issue."]


def test_a_comment_can_ride_on_a_transition_that_has_a_screen(site: Site) -> None:
    ride = {"update": {"comment": [{"add": {"body": site.text("Over")}}]}}
    for project, transition, lands in (("DATA", "21", []), ("OPS", "5", ["Over"])):
        key = site.create(project)
        body = {"transition": {"id": transition}, **ride}
        if lands:
            body["fields"] = {"resolution": {"name": "Done"}}
        assert site.call("POST", f"issue/{key}/transitions", body).status == 204
        assert [one.text for one in site.sandbox.ticket(key).comments] == lands


def test_a_moved_ticket_keeps_its_id_answers_to_its_old_key_and_follows_the_new_workflow(
    site: Site,
) -> None:
    key = site.create()
    before = site.call("GET", f"issue/{key}").data
    new = site.sandbox.person.move(key, "OPS")
    after = site.call("GET", f"issue/{key}").data
    assert (after["id"], after["key"]) == (before["id"], new)
    assert after["fields"]["project"]["key"] == "OPS"
    assert "Resolve Issue" in offered(site, key)


def test_a_deleted_ticket_is_gone(site: Site) -> None:
    key = site.create(labels=["gone"])
    site.sandbox.person.delete(key)
    assert site.call("GET", f"issue/{key}").status == 404
    assert site.sandbox.find_marker("gone") == []
    assert [ticket.key for ticket in site.sandbox.tickets(deleted=True)] == [key]


def test_the_changelog_tells_who_did_what(cloud: Site) -> None:
    key = cloud.create()
    cloud.sandbox.person.edit(key, summary="By a person")
    take(cloud, key, "Done")
    rows = cloud.call("GET", f"issue/{key}/changelog").data["values"]
    changes = [
        (r["author"]["displayName"], i["field"], i["toString"]) for r in rows for i in r["items"]
    ]
    assert ("Data Owner", "summary", "By a person") in changes
    assert ("Ticket Sync", "status", "Done") in changes
