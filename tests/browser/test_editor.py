"""The editor of rules in a real browser: a slip, its remedy, the plan, save, accept and the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from sync.bootstrap.http import Background
from sync.store.engine import Store
from sync.web.app import create_admin
from sync.web.gate.local import LocalGate
from sync.web.health import Insight
from sync.web.pages.rules import editor, room
from sync.web.server import listen
from tests.browser.conftest import DESK, PHONE, Watched
from tests.walks.world import RULES
from tests.web.pages.edited import SLIP, URGENT, edited_desk, edited_world
from tests.worker.edited import EditedWorld

pytestmark = pytest.mark.browser

ROOMY = {"width": 1400, "height": 900}


@dataclass
class Served:
    """The pages, the world behind them, and their address."""

    world: EditedWorld
    address: str

    @property
    def text(self) -> str:
        """What the rule file says on disk."""
        return (self.world.folder / "rules.toml").read_text()


@pytest.fixture
def served(sqlite_store: Store, tmp_path: Path) -> Iterator[Served]:
    """Tests ask for it before the browser, which must be gone before the pages are."""
    world = edited_world(sqlite_store, tmp_path / "rules")
    desk = edited_desk(world, tmp_path / "config.toml", LocalGate())
    bound = listen("127.0.0.1", 0)
    server = Background(create_admin(Insight(desk=desk)), bound, name="pages", grace=1.0)
    server.start()
    yield Served(world, f"http://127.0.0.1:{bound.getsockname()[1]}")
    server.stop(5)
    desk.deployment.runs.close()
    world.close()


def edited(page: Page, address: str) -> None:
    """Open the editor of the one rule file."""
    page.goto(f"{address}/rules")
    page.get_by_role("link", name="rules.toml", exact=True).click()
    page.get_by_role("button", name="Edit").click()
    expect(page.locator(".cm-content")).to_be_visible()


def replaced(page: Page, text: str) -> None:
    """Type a whole new text."""
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def offered(page: Page, words: str) -> None:
    """Wait until something is offered to complete what was typed, and can be taken."""
    # What was offered before the last key stays to be seen, disabled, until the new offer is there.
    offer = page.locator(".cm-tooltip-autocomplete:not(.cm-tooltip-autocomplete-disabled)")
    expect(offer).to_contain_text(words)
    # The editor does not let an offer be taken that has just come up, lest a line break does so.
    page.wait_for_timeout(150)


def faults(page: Page) -> list[Any]:
    found = Axe().run(page).response["violations"]
    return [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found]


@pytest.mark.parametrize("watched", [ROOMY], ids=["roomy"], indirect=True)
def test_a_rule_is_edited_with_a_slip_mended_planned_saved_accepted_and_reverted(
    served: Served, watched: Watched
) -> None:
    page = watched.page
    edited(page, served.address)
    replaced(page, SLIP)
    told, bar, panel = page.locator("#told"), page.locator("#save-bar"), page.locator("#panel")
    expect(told).to_contain_text("Line 5")
    expect(page.locator(".cm-lintRange-error")).to_have_text("isue_type")
    expect(bar).to_contain_text("Save is off: mend 1 mistake first")
    told.get_by_role("button", name="Did you mean issue_type").click()
    expect(told).to_contain_text("no mistakes")
    replaced(page, URGENT)
    expect(panel).to_contain_text("3 change")
    expect(bar).to_contain_text("the edit waits until it is accepted")
    assert faults(page) == []
    page.emulate_media(color_scheme="dark")
    assert faults(page) == []
    # Without a key pressed anew nothing was lost of what was typed.
    expect(page.locator(".cm-changed")).to_have_count(1)
    page.locator(".cm-content").click()
    page.keyboard.press("Control+s")
    expect(page.locator("#done")).to_contain_text("Saved rules.toml.")
    assert served.text.strip() == URGENT.strip()
    served.world.notice()
    page.goto(f"{served.address}/rules")
    assert faults(page) == []
    page.get_by_role("button", name="Accept: change 3 tickets").click()
    expect(page.locator("#done")).to_contain_text("In force.")
    served.world.notice()
    page.get_by_role("button", name="Pause: let 3 tickets wait").click()
    expect(page.locator("#done")).to_contain_text("Paused: 3 tickets wait")
    served.world.settle()
    assert not any("urgent" in one.fields["labels"] for one in served.world.tracker.alive)
    page.get_by_role("button", name="Go on: 3 tickets").click()
    expect(page.locator("#done")).to_contain_text("The edit goes on: 3 tickets follow.")
    served.world.settle()
    assert all("urgent" in one.fields["labels"] for one in served.world.tracker.alive)
    page.goto(f"{served.address}/rules/history")
    assert faults(page) == []
    page.get_by_role("button", name="Revert to this version").last.click()
    expect(page.locator("#panel")).to_contain_text("3 change")
    expect(page.locator(".cm-content")).to_contain_text("data-quality")
    page.get_by_role("button", name="Save and let it wait").click()
    expect(page.locator("#done")).to_contain_text("Saved rules.toml.")
    assert served.text == RULES
    assert watched.elsewhere == []


def test_an_edit_is_undone_by_its_page(served: Served, watched: Watched) -> None:
    page, world = watched.page, served.world
    (world.folder / "rules.toml").write_text(URGENT)
    page.goto(f"{served.address}/rules")
    page.get_by_role("button", name="Accept").click()
    expect(page.locator("#done")).to_contain_text("In force.")
    world.notice()
    world.clock.sleep(6)
    world.settle()
    assert all("urgent" in one.fields["labels"] for one in world.tracker.alive)
    page.goto(f"{served.address}/rules/history")
    page.get_by_role("link", name="Undo this edit").click()
    # The tickets are looked at after the page is there.
    expect(page.locator("#undo-plan")).to_contain_text("3 tickets would be put back.")
    expect(page.locator("#undo-plan tbody tr").first).to_contain_text("+data-quality -urgent")
    assert faults(page) == []
    page.get_by_role("button", name="Undo: put back 3 tickets").click()
    expect(page.locator("#done")).to_contain_text("Saved rules.toml.")
    world.notice()
    page.goto(f"{served.address}/rules")
    page.get_by_role("button", name="Accept").click()
    expect(page.locator("#done")).to_contain_text("In force.")
    world.notice()
    world.clock.sleep(6)
    world.settle()
    assert not any("urgent" in one.fields["labels"] for one in world.tracker.alive)
    assert served.text == RULES
    assert watched.elsewhere == []


def test_two_people_at_once_are_told_and_neither_edit_is_lost(
    served: Served, watched: Watched
) -> None:
    page = watched.page
    edited(page, served.address)
    replaced(page, RULES.replace('"Bug"', '"Task"'))
    expect(page.locator("#save-bar")).to_contain_text("Save")
    other = page.context.new_page()
    edited(other, served.address)
    replaced(other, URGENT)
    expect(other.locator("#panel")).to_contain_text("3 change")
    other.get_by_role("button", name="Save and let it wait").click()
    expect(other.locator("#done")).to_contain_text("Saved rules.toml.")
    page.locator(".cm-content").click()
    page.keyboard.press("End")
    page.keyboard.type(" ")
    notice = page.locator("#notices")
    expect(notice).to_contain_text("rules.toml changed under your draft. Your draft is kept.")
    expect(page.get_by_role("button", name="Save", exact=False)).to_have_count(0)
    notice.get_by_role("button", name="Put mine on top of theirs").click()
    expect(page.locator(".cm-content")).to_contain_text("urgent")
    expect(page.locator(".cm-content")).to_contain_text("Task")
    assert served.text.strip() == URGENT.strip()


def test_the_keyboard_alone_edits_completes_goes_to_mistakes_and_leaves(
    served: Served, watched: Watched
) -> None:
    page = watched.page
    edited(page, served.address)
    content = page.locator(".cm-content")
    content.focus()
    page.keyboard.press("Control+End")
    page.keyboard.type("\n[rule.comm")
    offered(page, "rule.comments")
    page.keyboard.press("Enter")
    expect(content).to_contain_text("[rule.comments]")
    page.keyboard.press("Control+Home")
    page.keyboard.type("slip = 1")
    expect(page.locator(".cm-lintRange-error").first).to_be_visible()
    page.keyboard.press("Control+End")
    page.keyboard.press("F8")
    page.keyboard.type("x")
    expect(content).to_be_focused()
    page.keyboard.press("Tab")
    expect(content).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(content).not_to_be_focused()
    # Coloured text that is typed over: the browser would colour the new text inline.
    replaced(page, "# A comment\n" + RULES)
    expect(page.locator("#told")).to_contain_text("no mistakes")
    replaced(page, "# Another\n" + RULES)
    expect(content).to_contain_text("# Another")
    expect(page.locator("#save-bar")).to_contain_text("Save: change no ticket")
    replaced(page, '[[rule]]\nname = "x"\non_deleted = ')
    page.keyboard.type('"')
    offered(page, "recreate")
    page.keyboard.press("Enter")
    expect(page.locator(".cm-line").last).to_have_text('on_deleted = "ignore"')


def test_names_of_a_service_project_are_completed_behind_a_field_in_quotes(
    served: Served, watched: Watched
) -> None:
    page = watched.page

    def offering(route: Route) -> None:
        known = route.fetch().json()
        fields = {"Request Type": ["Report broken data"], "Organizations": ["Acme", "Bolt"]}
        known["sites"] = {"main": {"projects": [], "issue_types": {}, "fields": fields}}
        route.fulfill(json=known)

    page.route("**/rules/completions", offering)
    edited(page, served.address)
    for typed, shown in (('"Request Type" = ', "Report"), ('Organizations = ["Acme", ', "Bolt")):
        replaced(page, f'[[rule]]\nname = "x"\n[rule.fields]\n{typed}')
        page.keyboard.type('"')
        expect(page.locator(".cm-tooltip-autocomplete")).to_contain_text(shown)
        page.keyboard.press("Escape")


def typed_without_an_answer(served: Served, watched: Watched) -> Callable[[], None]:
    """Type a text while the server does not answer; what is returned lets it answer again."""
    edited(watched.page, served.address)
    answered = watched.unanswered("**/check")
    replaced(watched.page, URGENT)
    expect(watched.page.locator("#kept")).to_contain_text("stays in this browser")
    return answered


def test_what_is_typed_while_the_server_is_away_is_not_lost(
    served: Served, watched: Watched
) -> None:
    page, answered = watched.page, typed_without_an_answer(served, watched)
    answered()
    page.reload()
    expect(page.locator(".cm-content")).to_contain_text("urgent")
    expect(page.locator("#panel")).to_contain_text("3 change")
    watched.trouble.clear()


def test_a_page_that_was_made_before_the_last_text_arrived_shows_that_text(
    served: Served, watched: Watched
) -> None:
    page, answered = watched.page, typed_without_an_answer(served, watched)
    before = page.request.get(page.url).text()
    assert "urgent" not in before
    # The person loads the page anew, and the text arrives before the page does.
    page.evaluate("dispatchEvent(new Event('beforeunload'))")
    with page.expect_response(lambda one: one.url.endswith("/check") and one.ok):
        answered()
    page.route(
        page.url, lambda route: route.fulfill(body=before, content_type="text/html"), times=1
    )
    page.reload()
    expect(page.locator(".cm-content")).to_contain_text("urgent")
    watched.trouble.clear()


@pytest.mark.parametrize("watched", [PHONE], ids=["phone"], indirect=True)
def test_a_phone_shows_the_plan_and_accepts(served: Served, watched: Watched) -> None:
    (served.world.folder / "rules.toml").write_text(URGENT)
    served.world.notice()
    page = watched.page
    page.goto(f"{served.address}/rules")
    expect(page.get_by_role("button", name="Accept: change 3 tickets")).to_be_visible()
    assert watched.fits()
    assert faults(page) == []
    edited(page, served.address)
    for panel in ("Preview", "Last 30 days", "Diff"):
        page.get_by_role("link", name=panel, exact=True).click()
        assert watched.fits(), panel
        assert faults(page) == []
    page.goto(f"{served.address}/rules")
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator("#done")).to_contain_text("Taken back")
    assert served.text == RULES


def test_without_a_script_the_text_is_edited_planned_and_saved_by_forms(
    served: Served, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A page without a script stays as it came: on a busy machine it would come before the plan is there.
    for module in (editor, room):
        monkeypatch.setattr(module, "PATIENCE", 60.0)
    context = browser.new_context(viewport=DESK, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{served.address}/rules/rules.toml")
    page.get_by_role("button", name="Edit").click()
    page.locator("#rule-text").fill(URGENT)
    page.get_by_role("button", name="Keep, check and plan").click()
    expect(page.locator("#panel")).to_contain_text("3 change")
    page.get_by_role("button", name="Save and let it wait").click()
    expect(page.locator("#done")).to_contain_text("Saved rules.toml.")
    assert served.text.strip() == URGENT.strip()
    context.close()
