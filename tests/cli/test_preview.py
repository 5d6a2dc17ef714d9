"""``preview``: the ticket a payload would make, without asking anybody."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sync.adapters.coalesce import CoalesceSource
from sync.bootstrap import adapters
from sync.cli.main import app
from sync.domain.surroundings import Impact, Product
from sync.sandbox.coalesce import sample_body
from sync.store import subjects
from sync.store.engine import open_store
from sync.store.inbox import Accepted, Inbox
from tests.bootstrap.beacon import BeaconSource

RULES = """
[[rule]]
name = "customers only"
when = { title = "customers*" }
project = "CUST"

[[rule]]
name = "the rest"
project = "OPS"
issue_type = "Task"
hold = "10m"
[rule.fields]
summary = "{{ subject.title }}"
description = "Look at **{{ subject.title }}**.\\n\\n- one\\n- two"
priority = "High"
labels = ["two words", "plain"]
due_date = "2030-01-31"
assignee = "someone@example.com"
"Data domain" = "Sales"
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)
    Path("mappings").mkdir()
    Path("mappings/rules.toml").write_text(RULES)


def call(*args: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["preview", *args])
    return result.exit_code, result.stdout, result.stderr


def told(*args: str) -> dict[str, Any]:
    code, out, err = call(*args, "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def test_each_field_is_shown_as_jira_cloud_will_get_it() -> None:
    fields = told("--sample", "issue_created")["ticket"]["fields"]
    assert fields["priority"]["value"] == {"name": "High"}
    assert "two_words" in fields["labels"]["value"]
    assert "ticket-sync" in fields["labels"]["value"]
    assert fields["duedate"]["value"] == "2030-01-31"
    assert fields["assignee"]["note"] == "looked up on the site by this address"
    assert fields["Data domain"]["value"] == "Sales"
    document = fields["description"]["value"]
    assert document["type"] == "doc"
    assert document["content"][0]["content"][1]["marks"] == [{"type": "strong"}]
    assert document["content"][1]["type"] == "bulletList"


def test_data_center_gets_its_own_markup() -> None:
    Path("config.toml").write_text(
        '[coalesce]\nsigning_secrets = ["x"]\n[sites.dc]\nurl = "https://jira.example.com"\n'
        'deployment = "datacenter"\ntoken = "t"\n'
    )
    ticket = told("--sample", "issue_created", "--site", "dc")["ticket"]
    assert ticket["jira"] == "datacenter"
    assert ticket["fields"]["description"]["value"].startswith("Look at *ORDERS is stale")
    assert ticket["fields"]["assignee"]["value"] == {"name": "someone@example.com"}


def test_it_says_why_the_rules_before_did_not_match() -> None:
    first, second = told("--sample", "issue_created")["rules"]
    assert (first["name"], first["matched"], first["where"]) == (
        "customers only",
        False,
        "rules.toml:2",
    )
    assert "customers*" in first["reason"]
    assert second["matched"]


def test_for_people_the_description_is_rendered_and_the_timing_told() -> None:
    code, out, _ = call("--sample", "issue_closed")
    assert code == 0
    assert "• one" in out
    assert "**" not in out
    assert "Task in OPS (main, Jira Cloud)" in out
    assert "still open 10m after" in out
    assert "Then moved to a status of category 'done', for it is closed." in out


def test_a_payload_may_come_from_a_file_and_its_control_characters_stay_out_of_the_terminal() -> (
    None
):
    body = json.dumps(
        {
            "event_id": "e",
            "event_time": "2026-03-01T12:00:00Z",
            "event_type": "EVENT_TYPE_ISSUE_CREATED",
            "issue_created": {"issue": {"issue_id": "i", "title": "a \x1b[31mred\x1b[0m [bold]x"}},
        }
    )
    Path("body.json").write_text(body)
    code, out, _ = call("body.json")
    assert code == 0
    assert "\x1b" not in out
    assert "[bold]x" in out


def test_without_a_matching_rule_there_is_no_ticket_and_exit_code_1() -> None:
    Path("mappings/rules.toml").write_text(RULES.split('[[rule]]\nname = "the rest"')[0])
    code, out, _ = call("--sample", "issue_created")
    assert code == 1
    assert "No rule matches: no ticket." in out


def test_a_ping_makes_no_ticket() -> None:
    code, out, _ = call("--sample", "ping")
    assert (code, out) == (1, "A delivery of type ping makes no ticket.\n")


def test_a_delivery_of_another_source_with_several_events_is_shown_event_by_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(adapters.SOURCES, "beacon", lambda _settings: BeaconSource())
    Path("body.txt").write_text("beacon 1790000000 m1\nraise a customers late\nraise b parts late")
    code, out, err = call("body.txt", "--json")
    assert code == 0, err
    assert [(one["subject"], one["rule"]) for one in json.loads(out)] == [
        ("beacon:issue:a", "customers only"),
        ("beacon:issue:b", "the rest"),
    ]
    code, out, _ = call("body.txt")
    assert code == 0
    assert "beacon:issue:a" in out
    assert "beacon:issue:b" in out
    Path("body.txt").write_text("beacon 1790000000 m1")
    assert call("body.txt")[:2] == (1, "A delivery without events makes no ticket.\n")


def test_a_body_that_cannot_be_read_is_usage() -> None:
    Path("body.json").write_text("not json")
    code, _, err = call("body.json")
    assert code == 2
    assert err.startswith("The delivery cannot be read: ")


def test_a_site_that_is_not_configured_is_named() -> None:
    Path("config.toml").write_text(
        '[coalesce]\nsigning_secrets = ["x"]\n[sites.dc]\nurl = "https://jira.example.com"\n'
        'token = "t"\n'
    )
    code, _, err = call("--sample", "issue_created", "--site", "nowhere")
    assert (code, err) == (2, "There is no site 'nowhere' in the configuration; it has: dc.\n")


def test_without_rules_of_ones_own_those_that_come_with_the_program_are_used() -> None:
    Path("mappings/rules.toml").unlink()
    Path("mappings").rmdir()
    assert told("--sample", "incident_open")["rule"]


def test_owner_severity_and_title_can_be_supposed() -> None:
    Path("mappings/a.toml").write_text(
        '[[rule]]\nname = "finance"\nproject = "FIN"\n'
        'when = { owner = "Finance*", severity = "fatal", title = "gone*" }\n'
    )
    code, out, _ = call("--sample", "issue_created")
    assert "no      finance" in out
    supposed = ("--owner", "Finance data", "--severity", "fatal", "--title", "gone [bold]rows")
    code, out, _ = call("--sample", "issue_created", *supposed)
    assert code == 0
    assert "matches  finance" in out
    assert "gone [bold]rows" in out


def test_what_a_file_says_can_be_supposed_otherwise(tmp_path: Path) -> None:
    from sync.sandbox.coalesce import sample_body

    file = tmp_path / "body.json"
    file.write_bytes(sample_body("issue_created"))
    code, out, _ = call(str(file), "--title", "customers are doubled", "--json")
    assert (code, json.loads(out)["rule"]) == (0, "customers only")


def test_hold_and_group_are_shown_as_the_rule_writes_them() -> None:
    Path("mappings/a.toml").write_text(
        '[[rule]]\nname = "held"\nproject = "FIN"\nhold = "600s"\ngroup_by = ["owner", "day"]\n'
    )
    _, out, _ = call("--sample", "issue_created")
    assert 'Made only if it is still open 10m after it was first heard of: hold = "600s"' in out
    assert 'group_by = ["owner", "day"]' in out


def test_every_severity_of_the_rules_can_be_supposed() -> None:
    from sync.cli.preview import Severity
    from sync.rules.vocabulary import SEVERITIES

    assert tuple(Severity) == SEVERITIES


TELLING = """
[rule.upstream]
announce = true
acknowledge = "made"
comments = { mention = "#up" }
[rule.upstream.status]
investigating = ["In Progress", "In Review"]
no_action_needed = { resolution = "Won't Do" }
"""


def test_a_preview_says_what_upstream_would_be_told_and_what_cannot_be_known(
    tmp_path: Path,
) -> None:
    (tmp_path / "mappings" / "rules.toml").write_text(RULES + TELLING)
    out = CliRunner().invoke(app, ["preview", "--sample", "issue_created"]).output
    told = out.partition("Upstream would be told:\n")[2].splitlines()
    assert told == [
        "  the ticket's key and address, as a comment",
        "  investigating, once the ticket is made, where nobody has set a mark",
        "  investigating, once a person moves the ticket to: 'In Progress', 'In Review'",
        '  no action needed, once a person moves the ticket to: resolution "Won\'t Do"',
        "  the comments of people that mention '#up'",
        "What people do in Jira is in no delivery, so which acts would be told is not known here.",
    ]
    data = CliRunner().invoke(app, ["preview", "--sample", "issue_created", "--json"]).output
    assert json.loads(data)["ticket"]["told_upstream"][0].startswith("the ticket's key")
    (tmp_path / "mappings" / "rules.toml").write_text(RULES)
    assert "Upstream" not in CliRunner().invoke(app, ["preview", "-s", "issue_created"]).output


BY_IMPACT = """
[[rule]]
name = "urgent"
when = { impact = { product_priority = "P1" } }
[rule.fields]
environment = "{{ impact.products | map(attribute='priority') | join }}"

[[rule]]
name = "the rest"
"""


def test_an_impact_is_supposed_because_no_delivery_tells_of_one() -> None:
    Path("mappings/rules.toml").write_text(BY_IMPACT)
    code, out, _ = call("--sample", "issue_created")
    assert code == 0
    assert "no      urgent (rules.toml:2): impact is not known" in out
    found = told("--sample", "issue_created", "--product-priority", "p1")
    assert found["rule"] == "urgent"
    assert "P1" in json.dumps(found["ticket"]["fields"]["environment"])
    found = told("--sample", "issue_created", "--product-priority", "P2")
    assert found["rules"][0]["reason"] == "impact.product_priority is 'P2', and 'P1' is asked for"


def test_of_a_delivery_that_came_the_impact_on_record_is_known(sqlite_template: Path) -> None:
    Path("mappings/rules.toml").write_text(BY_IMPACT)
    Path("config.toml").write_text(
        '[coalesce]\nsigning_secrets = ["x"]\n[sites.main]\nurl = "https://x.example.com"\n'
        'token = "t"\nproject = "DATA"\n[store]\nurl = "sqlite:///store.db"\n'
    )
    shutil.copy(sqlite_template, "store.db")
    store = open_store("sqlite:///store.db")
    inbox, body = Inbox(store), sample_body("issue_created")
    event_id, event_type = CoalesceSource().identify(body)
    receipt = inbox.accept(Accepted("coalesce", event_id, event_type, body, 1.0)).result(30)
    inbox.close()
    (event,) = CoalesceSource().read(body)
    assert event.snapshot is not None
    impact = Impact((Product("Revenue", priority="P1"),), of="x")
    with store.write() as session:
        subjects.add(session, replace(event.snapshot, impact=impact), 1.0)
    store.close()
    assert told("--delivery", receipt.id)["rule"] == "urgent"


@pytest.mark.parametrize(
    ("line", "field", "said"),
    [
        ('assignee = ["", "a@x.co", "b@x.co"]', "assignee", "the site knows of a@x.co, b@x.co"),
        ('versions = { like = "2026.*" }', "versions", "those of the site whose names fit"),
        ('components = ["One", { lik = "2*" }]', "components", "a pattern has no 'lik'"),
        ("components = { released = true }", "components", "a pattern needs `like`"),
    ],
)
def test_what_only_the_site_can_choose_is_said(line: str, field: str, said: str) -> None:
    rule = '[[rule]]\nname = "r"\nproject = "OPS"\n[rule.fields]\nsummary = "x"\n'
    Path("mappings/rules.toml").write_text(f"{rule}{line}\n")
    _, out, _ = call("--sample", "issue_created", "--json")
    found = json.loads(out)["ticket"]["fields"][field]
    assert said in str(found.get("note")) + str(found.get("problem"))
