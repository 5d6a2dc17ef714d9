"""The board and the tickets of the simulated Jira, as a person sees and uses them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PHONE, Watched
from tests.browser.running import Everything, Site

pytestmark = pytest.mark.browser

HOSTILE = "<script>ran = 1</script> <img src=x onerror='ran = 2'> <b>bold</b> {{ 7*7 }} ${7*7}"
NESTED = "</title></h1><svg onload=alert(1)> \"'><a href='javascript:alert(1)'>press</a>"
WIDE = "a_name_without_any_place_to_break_" * 8


def column(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title, exact=True)


def card(page: Page, title: str, key: str) -> Locator:
    return column(page, title).locator(f'a.card[href="/browse/{key}"]')


def document(*nodes: dict[str, object]) -> dict[str, object]:
    return {"type": "doc", "version": 1, "content": list(nodes)}


def paragraph(text: str, href: str = "") -> dict[str, object]:
    marks = [{"type": "link", "attrs": {"href": href}}] if href else []
    return {"type": "paragraph", "content": [{"type": "text", "text": text, "marks": marks}]}


def table(*cells: str) -> dict[str, object]:
    row = [{"type": "tableCell", "content": [paragraph(text)]} for text in cells]
    return {"type": "table", "content": [{"type": "tableRow", "content": row}]}


def test_tickets_appear_and_move_to_done_while_one_looks(watched: Watched, site: Site) -> None:
    page = watched.page
    page.goto(site.url)
    expect(page.locator(".card")).to_have_count(0)
    page.evaluate("window.same = true")
    first, second = (site.act("create", "DATA", "Bug", f"Ticket {n}") for n in (1, 2))
    for key in (first, second):
        expect(card(page, "To do", key)).to_be_visible()
    site.act("transition", first, "In Progress")
    expect(card(page, "In progress", first)).to_contain_text("In Progress")
    site.act("transition", first, "Done", resolution="Won't Do")
    site.act("comment", first, "Seen")
    expect(card(page, "Done", first)).to_contain_text(re.compile(r"Won't Do.*1 comment", re.S))
    expect(page.locator(".card")).to_have_count(2)
    expect(column(page, "Done").get_by_role("heading")).to_have_text("Done 1")
    site.act("delete", second)
    expect(column(page, "To do")).to_contain_text("Nothing here yet")
    assert page.evaluate("window.same")
    assert watched.elsewhere == []


def test_the_card_that_has_the_focus_keeps_it_when_the_board_changes(
    watched: Watched, site: Site
) -> None:
    page = watched.page
    key = site.act("create", "DATA", "Bug", "First")
    page.goto(site.url)
    card(page, "To do", key).focus()
    other = site.act("create", "DATA", "Bug", "Second")
    expect(card(page, "To do", other)).to_be_visible()
    expect(card(page, "To do", key)).to_be_focused()


def test_the_story_of_the_demo_unfolds_by_itself_and_can_be_read(
    watched: Watched, everything: Everything
) -> None:
    page = watched.page
    page.goto(everything.board)
    # An incident has no table of entities.
    done = column(page, "Done").locator(".card", has_text="comment", has_not_text="fail together")
    # The story takes its time, on a busy machine more of it.
    expect(done.first).to_be_visible(timeout=90_000)
    path = done.first.get_attribute("href")
    page.locator(f'.card[href="{path}"]').click()
    page.wait_for_url(f"**{path}")
    described = page.get_by_role("region", name="Description")
    expect(described.locator("table", has_text="Entity").first).to_be_visible()
    expect(described.locator("td a").first).to_have_attribute("href", re.compile("^https://"))
    expect(described.get_by_role("link", name="Open in Coalesce Quality")).to_be_visible()
    # Ours, or one of a person who acts in the demo.
    expect(page.get_by_role("region", name="Comments")).to_contain_text(
        re.compile("(Closed in|Marked as|Case [0-9]+:)")
    )
    # Somebody may have begun to work on it first.
    expect(page.get_by_role("region", name="History")).to_contain_text(
        re.compile("(To Do|In Progress) → Done")
    )
    expect(page.get_by_role("region", name="Links").get_by_role("link").first).to_be_visible()
    assert watched.elsewhere == []


@pytest.mark.parametrize("text", [HOSTILE, NESTED], ids=["script", "markup"])
def test_hostile_texts_are_shown_and_nothing_in_them_runs(
    watched: Watched, site: Site, text: str
) -> None:
    page = watched.page
    key = site.act("create", "DATA", "Bug", text, labels=["<b>bold</b>"])
    bad = paragraph("press", "javascript:window.ran=3")
    site.act("edit", key, description=document(paragraph(text), table(text), bad))
    site.act("comment", key, text)
    page.goto(site.url)
    expect(card(page, "To do", key)).to_contain_text(text)
    # The first refresh writes the board anew, by another way than the page's own load.
    other = site.act("create", "DATA", "Bug", text)
    expect(card(page, "To do", other)).to_contain_text(text)
    card(page, "To do", key).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(text)
    expect(page).to_have_title(f"{key} {text} · simulated Jira")
    for name in ("Description", "Comments"):
        expect(page.get_by_role("region", name=name)).to_contain_text(text)
    assert page.locator("main :is(script, img, svg, b b, a[href^=javascript])").count() == 0
    assert page.evaluate("window.ran") is None
    assert watched.elsewhere == []


def _press_all(watched: Watched, address: str) -> set[str]:
    """Press everything on a page that can be pressed; where that led."""
    page, led = watched.page, set()
    page.goto(address)
    things = page.locator("a, button, summary, input, select")
    for place in range(things.count()):
        with page.expect_navigation() as gone:
            things.nth(place).click()
        assert gone.value.status == 200, gone.value.url
        led.add(gone.value.url)
        page.goto(address)
    return led


def test_every_link_and_button_leads_where_it_says(watched: Watched, site: Site) -> None:
    first = site.act("create", "DATA", "Bug", "First")
    text = document(
        paragraph("a link", "https://app.example.com/issues/1"), paragraph("bad", "javascript:1")
    )
    site.act("edit", first, description=text)
    second = site.act("create", "OPS", "Incident", "Second")
    board = {urlsplit(address)[2:4] for address in _press_all(watched, f"{site.url}/")}
    assert {("/", ""), ("/", "project=DATA"), ("/", "project=OPS")} <= board
    assert {(f"/browse/{first}", ""), (f"/browse/{second}", "")} <= board
    assert watched.elsewhere == []
    ticket = _press_all(watched, f"{site.url}/browse/{first}")
    outside = "https://app.example.com/issues/1"
    assert ticket == {f"{site.url}/", f"{site.url}/?project=DATA", outside}
    assert watched.elsewhere == [outside]


def test_a_project_shows_its_own_tickets_only(watched: Watched, site: Site) -> None:
    page = watched.page
    ours = site.act("create", "DATA", "Bug", "Ours")
    site.act("create", "OPS", "Incident", "Theirs")
    page.goto(site.url)
    expect(page.locator(".card")).to_have_count(2)
    page.get_by_role("link", name="DATA", exact=True).click()
    later = site.act("create", "DATA", "Bug", "Later")
    expect(card(page, "To do", later)).to_be_visible()
    expect(card(page, "To do", ours)).to_be_visible()
    expect(page.locator(".card")).to_have_count(2)


def test_the_board_says_when_it_is_cut_off_and_goes_on_when_it_can(
    watched: Watched, site: Site
) -> None:
    page = watched.page
    page.goto(site.url)
    answered = watched.unanswered("**/sandbox/board*")
    expect(page.get_by_role("status")).to_contain_text("does not answer")
    answered()
    key = site.act("create", "DATA", "Bug", "Back again")
    expect(card(page, "To do", key)).to_be_visible()
    expect(page.get_by_role("status")).to_be_hidden()
    assert all("503" in trouble for trouble in watched.trouble)
    watched.trouble.clear()


def test_a_ticket_that_is_not_there_is_told_of_on_a_page_that_leads_back(
    watched: Watched, site: Site
) -> None:
    page = watched.page
    answer = page.goto(f"{site.url}/browse/DATA-99")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no ticket DATA-99")
    page.get_by_role("link", name="The board").click()
    expect(page).to_have_title("Board · simulated Jira")
    # Chromium's own word for a page that is answered 404.
    assert len(watched.trouble) == 1
    watched.trouble.clear()


def test_the_lines_of_a_code_block_begin_below_each_other(watched: Watched, site: Site) -> None:
    page = watched.page
    key = site.act("create", "DATA", "Bug", "Code")
    code = {"type": "codeBlock", "content": [{"type": "text", "text": "one\ntwo"}]}
    site.act("edit", key, description=document(code))
    page.goto(f"{site.url}/browse/{key}")
    block = page.locator("pre code")
    expect(block).to_have_text("one\ntwo")
    lefts = block.evaluate(
        "code => [0, 4].map(at => { const range = document.createRange(); "
        "range.setStart(code.firstChild, at); range.setEnd(code.firstChild, at + 1); "
        "return range.getBoundingClientRect().left; })"
    )
    assert lefts[0] == lefts[1]


@pytest.mark.parametrize("watched", [PHONE], ids=["phone"], indirect=True)
def test_on_a_phone_nothing_needs_scrolling_sideways(watched: Watched, site: Site) -> None:
    page = watched.page
    key = site.act("create", "DATA", "Bug", WIDE[:250], labels=[WIDE[:200]])
    wide = {"type": "codeBlock", "content": [{"type": "text", "text": WIDE}]}
    text = document(
        paragraph(WIDE), table(WIDE, "b", WIDE), wide, paragraph(WIDE, "https://a.example")
    )
    site.act("edit", key, description=text)
    site.act("comment", key, WIDE)
    page.goto(site.url)
    expect(card(page, "To do", key)).to_be_visible()
    assert watched.fits()
    card(page, "To do", key).click()
    expect(page.get_by_role("region", name="History")).to_contain_text("description")
    assert watched.fits()
