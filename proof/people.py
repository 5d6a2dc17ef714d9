"""Rows about people at work in Jira meanwhile, and about what is broken until somebody mends it."""

from __future__ import annotations

import time
from pathlib import Path

from proof.rows import row
from proof.scene import Scene
from proof.traffic import Subject

BROKEN = {
    "project": 'project = "NOPE"',
    "issue type": 'issue_type = "Saga"',
    "required value": 'project = "STRICT"\nfields = { "Severity" = "Enormous" }',
}
BROKEN_FIELDS = {
    "field": 'fields = { "Internal note" = "on no screen" }',
    "value": 'fields = { "Severity" = "Enormous" }',
}


def _rules(scene: Scene, line: str) -> Path:
    folder = scene.folder / "mappings"
    folder.mkdir(exist_ok=True)
    (folder / "rules.toml").write_text(
        f"""[[rule]]
name = "broken"
when = {{ title = "broken *" }}
{line}

[[rule]]
name = "whole"
"""
    )
    return folder


def _broken(scene: Scene, size: int, line: str) -> None:
    """Only what is broken is parked, the rest goes on; an edit of the rule brings it back by itself."""
    scene.daemon(rules=_rules(scene, line))
    broken = [scene.one("", "investigating", title=f"broken {n}", kind="issue") for n in range(3)]
    fine = scene.made(size)
    scene.deliver(*broken, *fine)
    scene.settle()
    assert scene.standing().parked == len(broken), scene.standing()
    said = scene.daemons[0].verb("parked")
    # Tickets that are parked for one cause are one group.
    assert "broken" in said, said
    _rules(scene, "")
    end = time.monotonic() + 60
    while scene.standing().parked:
        assert time.monotonic() < end, "an edit of the rule does not bring back what it parked"
        time.sleep(0.1)


for _name, _line in BROKEN.items():
    row(f"broken {_name}, then mended", core=_name == "project", own=True)(
        lambda scene, size, line=_line: _broken(scene, size, line)
    )


def _broken_field(scene: Scene, size: int, line: str) -> None:
    """Only the field is parked, its ticket is made and kept; an edit of the rule takes the park away."""
    scene.daemon(rules=_rules(scene, line))
    broken = [scene.one("", "investigating", title=f"broken {n}", kind="issue") for n in range(3)]
    scene.deliver(*broken, *scene.made(size))
    scene.settle()
    assert (scene.standing().parked, scene.standing().fields) == (0, len(broken))
    said = scene.daemons[0].verb("parked")
    # Tickets that are parked for one cause are one group.
    assert "broken" in said, said
    _rules(scene, "")
    end = time.monotonic() + 60
    while scene.standing().fields:
        assert time.monotonic() < end, "an edit of the rule does not take the park off a field"
        time.sleep(0.1)


for _name, _line in BROKEN_FIELDS.items():
    row(f"broken {_name}, then mended", own=True)(
        lambda scene, size, line=_line: _broken_field(scene, size, line)
    )

_INVALID = """fields = { "Severity" = "{{ 'Low' if status == 'open' else 'High' }}", \
assignee = "{{ 'on.call@example.com' if status == 'open' else 'data.owner@example.com' }}" }"""


@row("a person left, options renamed: closed all the same", core=True, own=True)
def _became_invalid(scene: Scene, size: int) -> None:
    scene.daemon(rules=_rules(scene, _INVALID))
    kept = [scene.one("", title=f"broken {n}", kind="issue") for n in range(max(size, 6))]
    scene.deliver(*kept)
    scene.settle()
    scene.jira.ask("PUT", "users", {"name": "on.call"})
    scene.jira.ask("PUT", "options", {"field": "customfield_10015", "names": {"High": "Grave"}})
    for one in kept:
        scene.tell(one, "fixed")
    scene.settle()
    # An option keeps its id under its new name, so that even its field may be right.
    assert scene.standing().parked == 0, scene.standing()


@row("one project hangs, the others go on", core=True, own=True)
def _hangs(scene: Scene, size: int) -> None:
    scene.daemon(rules=_rules(scene, 'project = "FLOW"'))
    scene.jira.fault("hang", project="FLOW")
    hanging = [
        scene.one("", "investigating", title=f"broken {n}", kind="issue")
        for n in range(max(12, size))
    ]
    scene.deliver(*hanging)
    scene.struck(4)
    fine = scene.made(size)
    scene.deliver(*fine)
    end = time.monotonic() + 60
    while not {one.label for one in fine} <= (there := scene.labels()):
        assert time.monotonic() < end, "a project that hangs holds up the others"
        time.sleep(0.1)
    assert not {one.label for one in hanging} & there, "the project did not hang"
    scene.jira.healthy()


@row("permission taken away, then given back", own=True)
def _permission(scene: Scene, size: int) -> None:
    scene.jira.ask("PUT", "permissions", {"project": "DATA", "deny": ["CREATE_ISSUES"]})
    scene.daemon()
    subjects = scene.made(size)
    scene.deliver(*subjects)
    scene.settle()
    assert scene.standing().parked == len(subjects), scene.standing()
    scene.jira.ask(
        "PUT", "permissions", {"project": "DATA", "deny": [], "allow": ["CREATE_ISSUES"]}
    )
    scene.daemons[0].verb("retry", "--all")
    end = time.monotonic() + 60
    while scene.standing().parked:
        assert time.monotonic() < end, "retrying by hand does not bring back what was parked"
        time.sleep(0.1)


@row("tickets deleted by a person")
def _deleted(scene: Scene, size: int) -> None:
    scene.daemon()
    subjects = [scene.one("", kind="issue") for _ in range(size)]
    scene.deliver(*subjects)
    scene.settle()
    for one in subjects[:3]:
        scene.jira.act("delete", scene.ticket(one)["key"])
        one.tickets, one.parked = 0, True
    for one in subjects[:6]:
        scene.tell(one, "investigating")


def _deleting(scene: Scene, size: int, word: str) -> list[Subject]:
    """Six subjects, the tickets of three of which a person deletes; then all go on. Those three."""
    rules = _rules(scene, 'project = "NOPE"')
    file = rules / "rules.toml"
    file.write_text(f'[defaults]\non_deleted = "{word}"\n\n{file.read_text()}')
    scene.daemon(rules=rules)
    subjects = [scene.one("", kind="issue") for _ in range(max(size, 6))]
    scene.deliver(*subjects)
    scene.settle()
    for one in subjects[:3]:
        scene.jira.act("delete", scene.ticket(one)["key"])
    for one in subjects[:6]:
        scene.tell(one, "investigating")
    return subjects[:3]


@row("tickets deleted, the rule makes them anew", own=True)
def _recreated(scene: Scene, size: int) -> None:
    _deleting(scene, size, "recreate")


@row("tickets deleted, the rule leaves them so", own=True)
def _ignored(scene: Scene, size: int) -> None:
    for one in _deleting(scene, size, "ignore"):
        one.tickets = 0


@row("tickets moved by a person")
def _moved(scene: Scene, size: int) -> None:
    scene.daemon()
    subjects = [scene.one("", kind="issue") for _ in range(size)]
    scene.deliver(*subjects)
    scene.settle()
    for one in subjects[:3]:
        scene.jira.act("move", scene.ticket(one)["key"], "OPS")
    for one in subjects[:6]:
        scene.tell(one, "fixed")


@row("tickets edited by a person", core=True)
def _edited(scene: Scene, size: int) -> None:
    scene.daemon()
    subjects = [scene.one("", kind="issue") for _ in range(max(size, 6))]
    scene.deliver(*subjects)
    scene.settle()
    for one in subjects[:4]:
        key = scene.ticket(one)["key"]
        scene.jira.act("add_labels", key, "seen-by-owner")
        scene.jira.act("write_around", key, before="Ask the owner first.")
        scene.jira.act("comment", key, "I am on it.")
    titled = subjects[0]
    scene.jira.act("edit", scene.ticket(titled)["key"], summary="a person's words")
    for one in subjects:
        scene.send([scene.traffic.tell(one, "investigating", retitle=one is not titled)])
    titled.title = "a person's words"
    scene.settle()
    for one in subjects[:4]:
        ticket = scene.ticket(one)
        assert "seen-by-owner" in ticket["labels"], ticket["labels"]
        assert "Ask the owner first." in ticket["description"], ticket["description"]


@row("closed as Won't Do by a person", core=True)
def _wont_do(scene: Scene, size: int) -> None:
    scene.daemon()
    subjects = [scene.one("", kind="issue") for _ in range(max(size, 6))]
    scene.deliver(*subjects)
    scene.settle()
    for one in subjects[:3]:
        scene.jira.act("transition", scene.ticket(one)["key"], "Done", "Won't Do")
        one.category = "done"
    for one in subjects:
        scene.tell(one, "investigating")
    scene.settle()
    for one in subjects[:3]:
        assert scene.ticket(one)["resolution"] == "Won't Do"
