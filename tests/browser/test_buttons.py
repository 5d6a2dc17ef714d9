"""People press buttons: what is stuck is tried again, a sweep is run, and the log tells of all of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from sync.bootstrap.http import Background
from sync.domain.admission import Admission
from sync.domain.errors import Rejected
from sync.domain.ticket import TicketRef
from sync.operations.accounts import Role
from sync.operations.sweeps_by_hand import Hands
from sync.sandbox.memory import MemoryTicket, MemoryTracker
from sync.store import tickets
from sync.store.errors import StoreUnavailable
from sync.web.app import create_admin
from sync.web.health import Insight
from sync.web.server import listen
from sync.worker.sweeps.runner import Runner
from tests.browser.conftest import Watched
from tests.browser.running import Everything
from tests.walks.conftest import clock, jira, world  # noqa: F401
from tests.walks.world import issue_event
from tests.web.pages.conftest import Pages, pages  # noqa: F401
from tests.web.pages.test_sweeps import Looking

pytestmark = pytest.mark.browser


@pytest.fixture
def looking() -> Looking:
    return Looking()


@pytest.fixture
def address(pages: Pages, jira: MemoryTracker, looking: Looking) -> Iterator[str]:  # noqa: F811
    """Where pages are served: a ticket is parked, a delivery is dead, and a sweep can be run."""
    world = pages.world  # noqa: F811
    refusal = Rejected("'Hihg' is no value", field="Priority", remedy="Did you mean 'High'?")
    jira.fail("create", lambda: refusal)
    world.deliver(issue_event("issue_created", "i-1", at=1), b"no event")
    world.settle()
    runner = Runner(world.store, world.clock, "me")
    groups = {"jira": (looking,)}
    hands = Hands(
        world.store, groups, lambda one, dry: runner.run(one, dry=dry, by_hand=True), world.clock
    )
    object.__setattr__(pages.desk.deployment, "hands", hands)
    server = Background(
        create_admin(Insight(desk=pages.desk)), listen("127.0.0.1", 0), name="pages", grace=1.0
    )
    server.start()
    yield server.url
    looking.go.set()
    server.stop(10)


def test_a_ticket_that_is_parked_is_mended_and_tried_again(
    address: str,
    watched: Watched,
    pages: Pages,  # noqa: F811
) -> None:
    page = watched.page
    page.goto(address)
    page.get_by_role("link", name="See the causes").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("1 ticket is set aside, for 1 cause")
    expect(page.locator("main")).to_contain_text("Did you mean 'High'?")
    page.get_by_role("button", name="Try it again").click()
    told = page.get_by_role("status").first
    expect(told).to_have_text("1 ticket is due, and will be tried now.")
    expect(told).to_be_focused()
    pages.world.settle()
    page.goto(f"{address}/parked")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing is parked")
    page.goto(f"{address}/tickets/DATA-1")
    expect(page.locator("main")).to_contain_text("DATA-1 is as its rule wants it")
    page.goto(f"{address}/log")
    expect(page.locator("main")).to_contain_text("1 ticket is due")


def test_a_ticket_that_a_person_made_is_looked_at_and_taken_over(
    address: str,
    watched: Watched,
    pages: Pages,  # noqa: F811
    jira: MemoryTracker,  # noqa: F811
) -> None:
    at = TicketRef("501", "DATA-501")
    fields = {"summary": "old orders (i-1)", "description": "", "labels": ["old"]}
    jira.tickets[at.id] = MemoryTicket(at, "DATA", "Bug", fields, pages.world.clock.time() - 3600)
    page = watched.page
    page.goto(f"{address}/tickets")
    page.get_by_role("link", name="Take over existing tickets").click()
    page.get_by_label("The query, the label, or the lines").fill('labels = "old"')
    page.get_by_text("How a ticket names its issue").click()
    page.get_by_label("Pattern").fill(r"old orders \((.+)\)")
    page.get_by_role("button", name="Look which").click()
    expect(page.get_by_role("status")).to_have_text("1 of 1 would be taken over.")
    expect(page.get_by_label("Pattern")).to_have_value(r"old orders \((.+)\)")
    page.get_by_role("button", name="Take over 1 ticket").click()
    expect(page.get_by_role("status")).to_have_text("1 of 1 was taken over.")
    page.get_by_role("link", name="DATA-501").click()
    expect(page.locator("main")).to_contain_text("DATA-501 was taken over for coalesce:issue:i-1")


def test_a_sweep_is_run_and_its_progress_and_findings_are_seen(
    address: str, watched: Watched, looking: Looking
) -> None:
    page = watched.page
    looking.go.clear()
    page.goto(f"{address}/sweeps")
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_role("status").first).to_have_text("A run of 1 sweep has begun.")
    expect(page.get_by_role("heading", level=1)).to_contain_text("jira:main (1 of 1)")
    looking.go.set()
    expect(page.locator("#by-hand")).to_contain_text("ended after")
    page.goto(f"{address}/sweeps")
    page.locator("#runs + table a, [aria-labelledby=runs] table a").first.click()
    expect(page.locator("main")).to_contain_text("was edited by hand")


def test_sweeps_are_tried_dry_and_all_of_them_are_run(address: str, watched: Watched) -> None:
    page, told = watched.page, watched.page.get_by_role("status").first
    done = page.locator("[aria-labelledby=by-hand]")
    for button, said, ended in (
        ("Dry run", "A dry run of 1 sweep has begun.", "A dry run"),
        ("Dry run of all", "A dry run of 1 sweep has begun.", "A dry run"),
        ("Run all now", "A run of 1 sweep has begun.", "A run"),
    ):
        page.goto(f"{address}/sweeps")
        page.get_by_role("button", name=button, exact=True).click()
        expect(told).to_have_text(said)
        expect(done).to_contain_text("ended after")
        expect(done).to_contain_text(ended)
        expect(done).to_contain_text("was edited by hand")
    page.goto(f"{address}/log")
    for about in ("jira:main dry", "all dry", "all"):
        expect(page.get_by_role("cell", name=f"reconcile {about}", exact=True)).to_be_visible()


def test_one_cause_is_tried_again_and_then_all_that_is_parked(
    address: str,
    watched: Watched,
    pages: Pages,  # noqa: F811
    jira: MemoryTracker,  # noqa: F811
) -> None:
    page, told = watched.page, watched.page.get_by_role("status").first
    for number, field in ((2, "Component"), (3, "Component"), (4, "Team")):
        refusal = Rejected("Jira does not take it", field=field, remedy="Mend it.")
        jira.fail("create", lambda refusal=refusal: refusal)
        pages.world.deliver(issue_event("issue_created", f"i-{number}", at=number))
        pages.world.settle()
    page.goto(f"{address}/parked")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "4 tickets are set aside, for 3 causes"
    )
    page.get_by_role("button", name="Try these 2 again").click()
    expect(told).to_contain_text("2 tickets are due")
    pages.world.settle()
    page.goto(f"{address}/parked")
    page.get_by_role("button", name="Try all 2 again").click()
    expect(told).to_contain_text("2 tickets are due")
    pages.world.settle()
    page.goto(f"{address}/parked")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing is parked")
    page.goto(f"{address}/tickets?standing=settled")
    expect(page.locator("tbody tr")).to_have_count(4)


def test_what_waits_to_be_told_upstream_is_told_or_left_by_a_press(
    address: str,
    watched: Watched,
    pages: Pages,  # noqa: F811
) -> None:
    page, told = watched.page, watched.page.get_by_role("status").first
    for button, words, left in (
        ("Tell 2 acts", "Accepted 2 acts of 1 ticket", Admission.ACCEPTED),
        ("Leave untold", "of 1 ticket", Admission.REJECTED),
    ):
        with pages.world.store.write() as session:
            (row,) = tickets.by_ids(session, [1]).values()
            row.admission, row.untold = Admission.WAITING, 2
        page.goto(f"{address}/connections/coalesce")
        page.get_by_role("button", name=button).click()
        expect(told).to_contain_text(words)
        with pages.world.store.read() as session:
            assert tickets.by_ids(session, [1], lock=False)[1].admission == left


def test_a_test_delivery_is_sent_and_found_among_the_deliveries(
    everything: Everything, watched: Watched
) -> None:
    page = watched.page
    page.goto(f"{everything.daemon}/connections/coalesce")
    page.get_by_role("button", name="Send a test delivery").click()
    expect(page.get_by_role("status").first).to_contain_text("and was taken (20")
    page.goto(f"{everything.daemon}/deliveries?type=ping")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_a_viewer_sees_what_the_buttons_need(
    address: str,
    watched: Watched,
    pages: Pages,  # noqa: F811
) -> None:
    pages.become(Role.VIEWER, "a viewer")
    page = watched.page
    for path in ("/parked", "/deliveries", "/sweeps", "/connections/coalesce"):
        page.goto(f"{address}{path}")
        expect(page.locator(".may-not").first).to_contain_text("needs operator")


def test_what_changes_by_itself_waits_while_somebody_is_at_work_in_it(
    address: str,
    watched: Watched,
    pages: Pages,  # noqa: F811
) -> None:
    page = watched.page
    page.goto(address)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#age")).to_contain_text("Paused at")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#age")).to_contain_text("Updated")


def test_a_ticket_is_forgotten_followed_again_and_set_aside(
    address: str,
    watched: Watched,
    pages: Pages,  # noqa: F811
) -> None:
    page, told = watched.page, watched.page.get_by_role("status").first
    page.goto(f"{address}/tickets/i-1")
    page.get_by_role("button", name="Forget it").click()
    expect(told).to_contain_text("is forgotten. It stays in Jira as it is")
    page.get_by_role("button", name="Follow it again").click()
    expect(told).to_contain_text("will be tried at once")
    pages.world.settle()
    page.goto(f"{address}/tickets/i-1")
    page.get_by_role("button", name="Set it aside").click()
    expect(told).to_contain_text("is set aside. Nothing is written to it")
    expect(page.locator("main")).to_contain_text("set aside by an editor")
    page.get_by_role("button", name="Try it again").click()
    expect(page.locator("[aria-labelledby=story]")).to_contain_text("forgotten by an editor")


def test_a_ticket_is_merged_into_another_and_a_subject_of_it_split_off(
    address: str,
    watched: Watched,
    pages: Pages,  # noqa: F811
) -> None:
    page, told = watched.page, watched.page.get_by_role("status").first
    pages.world.deliver(*(issue_event("issue_created", f"i-{n}", at=n) for n in (2, 3)))
    pages.world.settle()
    page.goto(f"{address}/tickets/i-2")
    page.get_by_role("textbox", name="Ticket").fill("DATA-2")
    page.get_by_label("Why").fill("same cause")
    page.get_by_role("button", name="Merge all into that ticket").click()
    expect(told).to_contain_text("was merged into DATA-2")
    pages.world.settle()
    page.goto(f"{address}/tickets/DATA-2")
    expect(page.locator("[aria-labelledby=subjects]")).to_contain_text("same cause")
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Split the chosen off").click()
    expect(told).to_contain_text("left DATA-2 for a ticket of its own")


def test_a_dead_letter_is_read_again_by_two_people_as_one_act(
    address: str,
    watched: Watched,
    pages: Pages,  # noqa: F811
) -> None:
    page, told = watched.page, watched.page.get_by_role("status").first
    for name, words in (("one", "1 delivery will be read again."), ("two", "Already done by one")):
        pages.become(Role.OPERATOR, name)
        page.goto(f"{address}/deliveries")
        if name == "one":
            form = page.locator("form[action='/deliveries/replay-dead']").inner_html()
            page.get_by_role("button", name="Read it again").click()
        else:
            # The second page was loaded before the first press.
            page.evaluate(
                "html => { const form = document.createElement('form'); form.method = 'post';"
                " form.action = '/deliveries/replay-dead'; form.innerHTML = html;"
                " document.querySelector('main').append(form); form.querySelector('button').click(); }",
                form,
            )
        expect(told).to_contain_text(words)


def test_while_the_store_is_away_or_jira_is_down_pages_say_so(
    address: str,
    watched: Watched,
    pages: Pages,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = watched.page
    health = type(pages.world.tracker.health)
    with monkeypatch.context() as down:
        down.setattr(health, "down", lambda self: "401: the token is refused")
        page.goto(address)
        expect(page.locator("main")).to_contain_text("main is down")
        page.get_by_role("link", name="Open connection").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("main is down")

    def away() -> None:
        raise StoreUnavailable("the store cannot be used now: the disk is full")

    with monkeypatch.context() as gone:
        gone.setattr(pages.world.store, "read", away)
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_have_text("Not now")
        expect(page.locator("main")).to_contain_text("the disk is full")
        expect(page.locator("main")).to_contain_text("will be sent again")
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Nothing works: no daemon runs")
    # A page that cannot be made is answered 503, which the console tells.
    watched.trouble = [one for one in watched.trouble if "503" not in one]


def test_a_site_is_paused_with_a_reason_and_goes_on(
    address: str,
    watched: Watched,
    pages: Pages,  # noqa: F811
) -> None:
    page, told = watched.page, watched.page.get_by_role("status").first
    page.goto(f"{address}/connections/main")
    page.get_by_role("link", name="Pause it").click()
    page.get_by_label("Until").fill("2h")
    page.get_by_label("Why").fill("maintenance of Jira")
    page.get_by_role("button", name="Pause it").click()
    expect(told).to_contain_text("Site main is paused until")
    expect(page.get_by_role("heading", level=1)).to_contain_text("One pause goes on")
    page.goto(address)
    expect(page.locator(".notice-wait").first).to_contain_text("maintenance of Jira")
    page.locator(".notice-wait a").first.click()
    page.get_by_role("button", name="Go on").click()
    expect(told).to_contain_text("Site main goes on")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing is paused")
    assert pages.json("/pauses")["pauses"] == []
