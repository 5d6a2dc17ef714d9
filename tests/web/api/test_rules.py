"""The rules by the API: drafted, checked, planned, saved, accepted, taken back and reverted to."""

from __future__ import annotations

import time
from typing import Any

from sync.operations.accounts import Role
from tests.walks.conftest import clock, jira, world  # noqa: F401
from tests.walks.world import RULES, issue_event
from tests.web.pages.conftest import Pages, pages  # noqa: F401

URGENT = RULES.replace('"data-quality"', '"urgent"')


def planned(pages: Pages, draft: int = 0) -> dict[str, Any]:  # noqa: F811
    begun = pages.send("/rules/plans", {"draft": draft})
    until = time.monotonic() + 60
    while time.monotonic() < until:
        shown = pages.json(f"/rules/plans/{begun['id']}")
        if shown["state"] not in ("waiting", "counting"):
            return dict(shown)
        time.sleep(0.02)
    raise AssertionError("the plan does not end")


def test_a_draft_is_checked_planned_saved_and_accepted(pages: Pages) -> None:  # noqa: F811
    pages.world.deliver(issue_event("issue_created", "a", at=1))
    pages.world.settle()
    pages.send("/rules/accept")
    id_ = pages.send("/rules/drafts")["id"]
    slip = RULES.replace("labels =", "lables =")
    pages.send(f"/rules/drafts/{id_}/write", {"name": "rules.toml", "text": slip})
    (told,) = pages.json(f"/rules/drafts/{id_}/check")["told"]
    assert (told["line"], told["level"]) == (10, "mistake")
    assert pages.send(f"/rules/drafts/{id_}/save", status=422)["error"].startswith("Not saved")
    pages.send(f"/rules/drafts/{id_}/write", {"name": "rules.toml", "text": URGENT})
    assert pages.json(f"/rules/drafts/{id_}/check")["told"] == []
    shown = planned(pages, id_)
    assert shown["words"] == "1 change, 0 new, 0 moved, 0 set aside, 0 of 1 stay"
    assert [one["ticket"] for one in pages.json(f"/rules/plans/{shown['id']}/tickets")] == [
        "DATA-1"
    ]
    assert "+labels = " in pages.json(f"/rules/drafts/{id_}/patch")
    done = pages.send(f"/rules/drafts/{id_}/save")
    assert done["words"] == "Saved rules.toml. In force within seconds: 1 ticket."
    assert not pages.json("/rules")["same"]
    plan = planned(pages)
    accepted = pages.send("/rules/accept", {"plan": plan["digest"]})
    assert accepted["acceptance"]["changed"] == 1
    assert pages.json("/rules")["same"]
    newest, first = pages.json("/rules/history")["versions"]
    assert (newest["account"], newest["in_force"]) == ("an editor", True)
    diff = pages.json(f"/rules/diff?old={first['id']}&new={newest['id']}")
    assert diff["files"][0]["name"] == "rules.toml"
    back = pages.send("/rules/drafts", {"version": first["id"]})
    assert back["files"][0]["text"] == RULES
    pages.send(f"/rules/drafts/{back['id']}/save")
    assert pages.send("/rules/take-back")["words"].startswith("Taken back: rules.toml")


def test_what_a_viewer_may_not_do_is_refused(pages: Pages) -> None:  # noqa: F811
    id_ = pages.send("/rules/drafts")["id"]
    pages.become(Role.VIEWER, "eve")
    for path in ("/rules/drafts", f"/rules/drafts/{id_}/save", "/rules/accept", "/rules/take-back"):
        assert "editor" in pages.send(path, status=403)["error"]
    pages.json(f"/rules/drafts/{id_}", status=403)
    pages.send("/rules/plans", {"live": True}, status=403)
    assert planned(pages)["state"] == "done"
    pages.become(Role.EDITOR, "eve")
    pages.json(f"/rules/drafts/{id_}", status=404)


def test_numbers_that_nothing_has_are_not_found(pages: Pages) -> None:  # noqa: F811
    huge = 10**30
    pages.json(f"/rules/drafts/{huge}", status=404)
    pages.send("/rules/drafts", {"version": huge}, status=422)
    pages.json("/rules/plans/nothing", status=404)
    pages.json(f"/rules/diff?old={huge}", status=422)
    assert pages.json("/rules/history?after=999")["versions"] == []
    assert "schema" in pages.json("/rules/completion")
