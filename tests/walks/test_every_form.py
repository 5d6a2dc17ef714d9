"""Each of the eight event types, in each form upstream can send it, and the ticket it leads to."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync.sandbox.coalesce import FORMATS, SAMPLES, Format, sample_body
from sync.sandbox.jira import JiraSandbox
from tests.walks.test_jira import real, sandbox
from tests.walks.world import World

pytestmark = pytest.mark.proof

__all__ = ["real", "sandbox"]

SHIPPED = (Path(__file__).parents[2] / "mappings" / "default.toml").read_text("utf-8")

# What a delivery of this type alone leads to under the shipped rules: status and comments.
ENDS = {
    "ping": None,
    "issue_created": ("To Do", 0),
    "issue_updated": ("To Do", 0),
    "issue_status_updated": ("In Progress", 1),
    "issue_closed": ("Done", 1),
    "incident_open": ("To Do", 0),
    "incident_closed": ("Done", 1),
    "incident_cancelled": ("Done", 1),
}


@pytest.mark.parametrize("form", FORMATS, ids=str)
@pytest.mark.parametrize("name", SAMPLES)
def test_an_event_in_any_form_leads_to_the_same_ticket(
    real: World, sandbox: JiraSandbox, name: str, form: Format
) -> None:
    real.write_rules(SHIPPED)
    real.deliver(sample_body(name, form=form))
    real.settle()
    assert [row.state for row in real.deliveries()] == ["triaged"]
    found = [(t.status, len(t.comments)) for t in sandbox.tickets()]
    assert found == ([ENDS[name]] if ENDS[name] else [])
    for ticket in sandbox.tickets():
        assert ticket.type == "Bug"
        assert ticket.summary
        assert len(ticket.remote_links) == 1
        assert "Open in Coalesce Quality" in ticket.description
