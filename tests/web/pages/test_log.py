"""The page with the log of acts, and the same table for spreadsheets and programs."""

from __future__ import annotations

import csv
import io

from sync.operations.accounts import Account, Role
from sync.operations.acts import Act, record
from tests.web.pages.conftest import Pages

DANA, ALEX = Account("dana", Role.EDITOR, "users"), Account("alex", Role.OPERATOR, "users")


def fill(pages: Pages, number: int) -> None:
    store, now = pages.world.store, pages.world.clock.time()
    for one in range(number):
        who, verb = (DANA, "retry") if one % 2 else (ALEX, "replay")
        record(store, who, Act(verb, f"DATA-{one}"), f"words {one}", now - number + one)


def test_an_empty_log_says_what_would_be_there(pages: Pages) -> None:
    told = pages.words("/log")
    assert "Nobody has done anything yet" in told
    assert "would be listed on this page" in told


def test_acts_are_listed_with_who_did_what_and_lead_to_the_ticket(pages: Pages) -> None:
    fill(pages, 3)
    page = pages.get("/log")
    assert "alex was the last to act" in pages.words("/log")
    assert 'href="/tickets/DATA-1"' in page
    assert "words 1" in page


def test_the_log_is_filtered_and_read_page_by_page(pages: Pages) -> None:
    fill(pages, 120)
    assert "words 119" in pages.words("/log?who=dana")
    assert "words 118" not in pages.words("/log?who=dana")
    assert "words 118" in pages.words("/log?act=replay")
    assert "No act fits" in pages.words("/log?who=nobody")
    first = pages.get("/log?who=dana")
    older = first.split(">Older</a>")[0].rpartition('href="')[2].rstrip('"').replace("&amp;", "&")
    assert older.startswith("/log?who=dana&after=")
    assert "words 19 " in pages.words(older)
    assert "Older" not in pages.words(older)


def test_a_refused_act_says_so(pages: Pages) -> None:
    now = pages.world.clock.time()
    record(pages.world.store, DANA, Act("accept"), "It would be 245 now", now, refused=True)
    told = pages.words("/log")
    assert "The last act was refused" in told
    assert "It would be 245 now refused" in told


def test_cells_that_begin_like_formulas_are_text(pages: Pages) -> None:
    now = pages.world.clock.time()
    nasty = ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "plain, with a comma", '"quoted"']
    for text in nasty:
        record(pages.world.store, DANA, Act("retry", text), text, now)
    rows = list(csv.reader(io.StringIO(pages.get("/log.csv"))))
    assert rows[0] == ["time (UTC)", "who", "act", "about", "what", "refused"]
    cells = [row[4] for row in rows[1:]][::-1]
    assert cells[:6] == [f"'{text}" for text in nasty[:6]]
    assert cells[6:] == nasty[6:]
    found = pages.client.get("/log.json?act=retry").json()
    assert [one["words"] for one in found["acts"]] == nasty[::-1]
    assert pages.json("/log?limit=2")["older"] == found["acts"][1]["id"]


def test_text_of_people_is_only_text(pages: Pages) -> None:
    nasty = '<script>alert(1)</script>"\u202e\x00'
    who = Account(nasty, Role.VIEWER, "oidc")
    record(pages.world.store, who, Act("retry", nasty), nasty, pages.world.clock.time())
    page = pages.get("/log")
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "⟨U+202E⟩" in page
