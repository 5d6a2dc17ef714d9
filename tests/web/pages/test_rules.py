"""The pages of the rules, asked as a browser without JavaScript asks."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sync.operations.accounts import Role
from sync.operations.rules import plan
from sync.store.engine import Store
from tests.walks.world import RULES, issue_event
from tests.web.pages.conftest import _TOKEN, Pages
from tests.web.pages.edited import SLIP, URGENT, edited_pages


@pytest.fixture
def pages(sqlite_store: Store, tmp_path: Path) -> Iterator[Pages]:
    with edited_pages(sqlite_store, tmp_path) as made:
        yield made


def draft_of(pages: Pages, file: str = "rules.toml") -> int:
    """A new draft of the account, begun by the button."""
    reply = pages.client.post(
        f"/rules/{file}/edit", data={"_token": _TOKEN}, follow_redirects=False
    )
    assert reply.status_code == 303, reply.text
    return int(re.findall(r"draft=(\d+)", reply.headers["location"])[0])


def put(pages: Pages, draft: int, text: str, act: str = "keep", status: int = 200) -> str:
    """Send the form of the text by one of its buttons."""
    return pages.press("/rules/rules.toml", status, draft=draft, text=text, act=act)


def on_disk(pages: Pages) -> str:
    return (pages.world.folder / "rules.toml").read_text()


def test_the_first_page_says_what_is_in_force_and_lists_the_files(pages: Pages) -> None:
    words = pages.words("/rules")
    assert "1 rule in 1 file" in words
    assert "rules.toml everything in force" in words
    assert "Nothing waits for it any more." in words


def test_a_file_is_shown_with_its_lines_and_an_editor_may_edit_it(pages: Pages) -> None:
    page = pages.get("/rules/rules.toml")
    assert '<li id="L3">' in page
    assert 'action="/rules/rules.toml/edit"' in page
    assert "<textarea" not in page
    pages.become(Role.VIEWER)
    assert "Edit needs editor" in pages.words("/rules/rules.toml")
    pages.press("/rules/rules.toml/edit", 403)


def test_a_draft_with_a_slip_says_where_and_offers_the_remedy(pages: Pages) -> None:
    draft = draft_of(pages)
    words = put(pages, draft, SLIP)
    assert "Line 5" in words
    assert "Did you mean issue_type" in words
    assert "Save is off: mend 1 mistake first (rules.toml, line 5)." in words
    assert "No plan while there are mistakes." in words
    put(pages, draft, SLIP, "save", status=422)
    assert on_disk(pages) == RULES
    page = pages.get(f"/rules/rules.toml?draft={draft}")
    (fix,) = re.findall(r'name="fix" value="([^"]+)"', page)
    mended = pages.press("/rules/rules.toml", draft=draft, text=SLIP, fix=fix.replace("&#34;", '"'))
    assert "no mistakes in the rules" in mended


def test_the_plan_of_a_draft_names_each_ticket_and_the_bar_says_what_save_does(
    pages: Pages,
) -> None:
    draft = draft_of(pages)
    words = put(pages, draft, URGENT)
    assert "3 change 0 new 0 moved 0 set aside 0 of 3 stay as they are" in words
    assert re.search(r"Labels.*urgent", words)
    assert "3 tickets are more than 2 (large_edit): the edit waits until it is accepted." in words
    assert "Save and let it wait" in words
    assert "Compare with Jira now: 3 calls" in words


def test_a_long_text_is_shown_line_by_line_and_side_by_side(pages: Pages) -> None:
    draft = draft_of(pages)
    before = 'description = "{{ subject.description }}"'
    put(pages, draft, RULES.replace(before, 'description = "Look:\\n\\n{{ subject.description }}"'))
    page = pages.get(f"/rules/rules.toml?draft={draft}")
    table = page.partition('<table class="hunk beside">')[2].partition("</table>")[0]
    assert '<td class="line"></td><td class="line added">Look:</td>' in table


def test_a_mistake_after_a_plan_leaves_the_last_good_plan_in_view(pages: Pages) -> None:
    draft = draft_of(pages)
    put(pages, draft, URGENT)
    words = put(pages, draft, SLIP)
    assert "before the last change." in words
    assert "3 change" in words


def test_an_edit_is_saved_waits_is_accepted_and_reverted(pages: Pages) -> None:
    draft = draft_of(pages)
    put(pages, draft, URGENT)
    words = put(pages, draft, URGENT, "save")
    assert "Saved rules.toml. 3 tickets is more than 2 (large_edit): the edit waits." in words
    assert on_disk(pages) == URGENT
    pages.world.notice()  # type: ignore[attr-defined]
    page = pages.get("/rules")
    assert "Accept: change 3 tickets" in page
    digest = re.findall(r'name="plan" value="([^"]+)"', page)[0]
    words = pages.press("/rules/accept", plan=digest)
    assert "In force." in words
    pages.world.notice()  # type: ignore[attr-defined]
    pages.world.settle()
    assert all("urgent" in one.fields["labels"] for one in pages.world.tracker.alive)
    words = pages.words("/rules/history")
    assert "in force" in words
    back = pages.client.post(
        "/rules/history/1/revert", data={"_token": _TOKEN}, follow_redirects=False
    )
    words = pages.words(back.headers["location"])
    assert "Draft of rules.toml" in words
    assert "3 change" in words


def test_an_edit_that_waits_is_taken_back(pages: Pages) -> None:
    draft = draft_of(pages)
    put(pages, draft, URGENT, "save")
    pages.world.notice()  # type: ignore[attr-defined]
    assert "Edit waits" in pages.words("/rules")
    meanwhile = pages.words(f"/rules/rules.toml?draft={draft_of(pages)}")
    assert "Your draft begins from an edit that waits to be accepted" in meanwhile
    assert "Taken back: rules.toml as in force before." in pages.press("/rules/take-back")
    assert on_disk(pages) == RULES


def test_a_plan_that_has_grown_is_not_accepted_but_shown_anew(pages: Pages) -> None:
    draft = draft_of(pages)
    put(pages, draft, URGENT, "save")
    pages.world.notice()  # type: ignore[attr-defined]
    digest = re.findall(r'name="plan" value="([^"]+)"', pages.get("/rules"))[0]
    pages.world.deliver(issue_event("issue_created", "later", at=2))
    pages.world.settle()
    words = pages.press("/rules/accept", 409, plan=digest)
    assert "Not accepted yet. Since you looked, 1 more or other ticket would change" in words


def test_two_people_at_once_get_a_conflict_and_can_put_one_edit_on_top(pages: Pages) -> None:
    draft = draft_of(pages)
    put(pages, draft, RULES.replace('"Bug"', '"Task"'))
    (pages.world.folder / "rules.toml").write_text(URGENT)
    words = put(pages, draft, RULES.replace('"Bug"', '"Task"'), "save", status=409)
    assert "rules.toml changed under your draft. Your draft is kept." in words
    assert "Put mine on top of theirs" in words
    assert on_disk(pages) == URGENT
    words = pages.words(f"/rules/rules.toml?draft={draft}&panel=diff")
    assert "Yours against theirs, which is on disk." in words
    words = pages.press(f"/rules/drafts/{draft}/top", file="rules.toml")
    assert "changed under your draft" not in words
    assert "Task" in words
    assert "urgent" in words
    put(pages, draft, URGENT.replace('"Bug"', '"Task"'), "save")
    assert on_disk(pages) == URGENT.replace('"Bug"', '"Task"')


def test_theirs_is_taken_where_mine_is_dropped(pages: Pages) -> None:
    draft = draft_of(pages)
    put(pages, draft, SLIP)
    (pages.world.folder / "rules.toml").write_text(URGENT)
    words = pages.press(f"/rules/drafts/{draft}/undo", file="rules.toml")
    assert "urgent" in words
    assert "The draft changes nothing yet." in words


def test_a_folder_that_cannot_be_written_offers_the_patch(
    pages: Pages, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    why = "the folder is read-only"
    for module in ("editor", "room"):
        monkeypatch.setattr(f"sync.web.pages.rules.{module}.why_not_writable", lambda folder: why)
    draft = draft_of(pages)
    words = put(pages, draft, URGENT)
    assert "The folder of rules cannot be written here: the folder is read-only" in words
    assert "Download the patch" in words
    patch = pages.client.get(f"/rules/drafts/{draft}/patch")
    assert "attachment" in patch.headers["content-disposition"]
    (tmp_path / "rules" / "edit.patch").write_text(patch.text)
    subprocess.run(["git", "apply", "edit.patch"], cwd=tmp_path / "rules", check=True)
    assert on_disk(pages) == URGENT


def test_a_preview_shows_every_field_of_a_stored_delivery_and_the_description(pages: Pages) -> None:
    draft = draft_of(pages)
    words = pages.words(f"/rules/rules.toml?draft={draft}&panel=preview")
    assert "Bug in DATA (main, Jira Cloud)" in words
    assert "No new rows since 06:00." in words
    page = pages.get(f"/rules/rules.toml?draft={draft}&panel=preview&delivery=sample:issue_created")
    assert "<strong>30 minutes</strong>" in page
    pages.get("/rules/rules.toml?panel=preview&delivery=sample:none", 404)
    words = pages.words("/rules/rules.toml?panel=preview&ticket=DATA-2")
    assert "coalesce:issue:i1" in words.split("Preview")[-1]
    pages.get("/rules/rules.toml?panel=preview&ticket=DATA-99", 404)


def test_the_last_30_days_stand_beside_those_in_force(pages: Pages) -> None:
    draft = draft_of(pages)
    put(pages, draft, RULES.replace("everything", "all of it"))
    words = pages.words(f"/rules/rules.toml?draft={draft}&panel=days")
    assert "3 deliveries about 3 issues and incidents in the last 30d." in words
    assert "all of it 0 3" in words


def test_the_comparison_is_with_what_is_in_force(pages: Pages) -> None:
    draft = draft_of(pages)
    put(pages, draft, URGENT)
    words = pages.words(f"/rules/rules.toml?draft={draft}&panel=diff")
    assert 'labels = ["urgent"]' in words
    assert 'labels = ["data-quality"]' in words


def test_files_are_added_renamed_and_removed_in_a_draft(pages: Pages) -> None:
    draft = draft_of(pages)
    words = pages.press(f"/rules/drafts/{draft}/files", act="add", to="20-marts")
    assert "Draft of 20-marts.toml" in words
    words = pages.press(
        f"/rules/drafts/{draft}/files", act="rename", file="20-marts.toml", to="30-marts.toml"
    )
    assert "Draft of 30-marts.toml" in words
    words = pages.press(f"/rules/drafts/{draft}/files", act="remove", file="rules.toml")
    assert "The draft removes this file." in words
    pages.press(f"/rules/drafts/{draft}/drop", file="rules.toml")
    pages.get(f"/rules/rules.toml?draft={draft}", 404)
    assert on_disk(pages) == RULES


def test_a_draft_is_nobody_elses(pages: Pages) -> None:
    draft = draft_of(pages)
    put(pages, draft, URGENT)
    pages.become(Role.EDITOR, "another")
    pages.get(f"/rules/rules.toml?draft={draft}", 404)
    pages.get(f"/rules/drafts/{draft}/patch", 404)
    told = "an editor has a draft of rules.toml, begun 0 s ago."
    assert told in pages.words("/rules")
    assert told in pages.words(f"/rules/rules.toml?draft={draft_of(pages)}")
    pages.become(Role.VIEWER, "a viewer")
    assert told not in pages.words("/rules")


def test_the_editor_is_answered_with_mistakes_and_their_places(pages: Pages) -> None:
    draft = draft_of(pages)
    reply = pages.client.post(
        "/rules/rules.toml/check", data={"_token": _TOKEN, "draft": draft, "text": SLIP}
    )
    found = reply.json()
    (told,) = found["told"]
    assert (told["line"], told["column"], told["end"]) == (5, 1, 10)
    assert found["changed_lines"] == [5]
    parts = pages.get(f"/rules/rules.toml/parts?draft={draft}&count=1")
    assert re.findall(r'id="([\w-]+)" data-part', parts) == [
        "notices",
        "files-nav",
        "told",
        "panel",
        "save-bar",
    ]


def test_only_a_draft_may_have_style_elements_and_only_with_its_nonce(pages: Pages) -> None:
    draft = draft_of(pages)
    page = pages.client.get(f"/rules/rules.toml?draft={draft}")
    (nonce,) = re.findall(r'data-nonce="([^"]+)"', page.text)
    assert f"style-src 'self' 'nonce-{nonce}'" in page.headers["content-security-policy"]
    plain = pages.client.get("/rules/rules.toml").headers["content-security-policy"]
    assert "nonce" not in plain


def test_many_tickets_are_groups_with_pages_and_a_table(pages: Pages) -> None:
    for number in range(60):
        pages.world.deliver(issue_event("issue_created", f"more{number}", at=2))
    pages.world.settle()
    draft = draft_of(pages)
    page = pages.get(f"/rules/rules.toml?draft={draft}")
    put(pages, draft, URGENT)
    page = pages.get(f"/rules/rules.toml?draft={draft}")
    assert "Labels: + urgent" in page
    (plan, group) = re.findall(r"/rules/plans/(\w+)\?group=(\w+)", page)[0]
    words = pages.words(f"/rules/plans/{plan}?group={group}")
    assert "50 more" in words
    assert "50 more" not in pages.words(f"/rules/plans/{plan}?group={group}&after=50")
    assert "Labels" in pages.words(f"/rules/plans/{plan}/another?group={group}")
    table = pages.client.get(f"/rules/plans/{plan}/csv?group={group}").text
    assert len(table.strip().splitlines()) == 64


HOSTILE = "<script>alert(1)</script>\u202e\x00"


def test_text_of_others_is_only_text_in_every_panel(pages: Pages) -> None:
    pages.world.deliver(
        issue_event("issue_created", "bad", at=3, title=HOSTILE, description=HOSTILE)
    )
    pages.world.settle()
    draft = draft_of(pages)
    put(pages, draft, f"# {HOSTILE.replace(chr(0), '')}\n" + URGENT)
    for panel in ("plan", "preview", "days", "diff"):
        page = pages.get(f"/rules/rules.toml?draft={draft}&panel={panel}")
        assert "<script>alert" not in page
        assert "\x00" not in page


def test_completion_knows_the_schema_and_the_names_of_templates(pages: Pages) -> None:
    found: Any = json.loads(pages.get("/rules/completions"))
    assert "subject.title" in found["names"]
    assert "RuleTable" in found["schema"]["$defs"]


def test_numbers_that_no_store_takes_are_refused_politely(pages: Pages) -> None:
    pages.get(f"/rules/rules.toml?draft={10**30}", 422)
    pages.get(f"/rules/drafts/{10**30}/patch", 404)
    pages.get(f"/rules/history/{10**30}", 422)
    pages.get("/rules/none.toml", 404)
    pages.get("/rules/plans/none", 404)
    pages.get("/rules/..%2f..%2fetc%2fpasswd", 404)


def test_the_same_is_told_by_the_api(pages: Pages) -> None:
    draft = draft_of(pages)
    put(pages, draft, URGENT)
    found = pages.json(f"/rules/drafts/{draft}/outlook")
    assert (found["may_save"], found["label"], found["waits"]) == (
        True,
        "Save and let it wait",
        True,
    )
    (event,) = pages.json(f"/rules/preview?draft={draft}")
    assert event["rule"] == "everything"
    fields = {one["name"]: one["shown"] for one in event["fields"]}
    assert "urgent" in fields["Labels"]
    assert pages.json("/rules/preview-choices")[0]["words"].endswith("coalesce:issue:i2")
    put(pages, draft, SLIP)
    pages.json(f"/rules/preview?draft={draft}", 422)


def test_a_plan_that_takes_long_is_looked_at_again_and_not_begun_again(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.web.pages.rules.room.PATIENCE", 0.0)
    go_on = threading.Event()
    real = plan._forecast

    def slow(*given: Any) -> Any:
        go_on.wait(60)
        return real(*given)

    monkeypatch.setattr(plan, "_forecast", slow)
    draft = draft_of(pages)
    words = put(pages, draft, URGENT)
    assert "Counting" in words
    assert "What it does to tickets is not counted yet." in words
    address = f"/rules/rules.toml/parts?draft={draft}&count=0"
    assert "data-busy" in pages.get(address)
    go_on.set()
    until = time.monotonic() + 60
    while "data-busy" in pages.get(address) and time.monotonic() < until:
        time.sleep(0.02)
    assert "3 change" in pages.words(address)
