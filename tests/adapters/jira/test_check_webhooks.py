"""The webhook that the settings speak of, held against the site's list of webhooks."""

from __future__ import annotations

import pytest

from sync.adapters.jira.check import Report, WebhookWish, check_site
from sync.adapters.jira.webhook import NEEDED
from sync.rules import Defaults, parse
from sync.sandbox.jira.ready_site import BOT
from sync.toml import Position
from tests.adapters.jira.world import World

RULES = """\
[[rule]]
name = "issues"
when = { kind = "issue" }
project = "DATA"
[[rule]]
name = "incidents"
when = { kind = "incident" }
project = "OPS"
"""
PATH = "/webhooks/jira/main"
URL = f"https://sync.example.com{PATH}"
SIGNED = WebhookWish(PATH, signed=True, sent=False, place=Position("config.toml", 12))
SENT = WebhookWish(PATH, signed=False, sent=True, place=Position("config.toml", 13))
BOTH = 'project in ("DATA", "OPS")'


@pytest.fixture(params=["cloud", "datacenter", "older"])
def site(request: pytest.FixtureRequest) -> World:
    """Cloud, Data Center 10 and Data Center 9; our account is an administrator."""
    world = World("cloud" if request.param == "cloud" else "datacenter")
    if request.param == "older":
        world.jira.site.version = "9.12.17"
    world.jira.site.administrators.add(BOT.account_id)
    return world


def check(site: World, wish: WebhookWish | None = SIGNED) -> Report:
    rules = parse({"rules.toml": RULES}, Defaults({"main": "DATA"}, "main"))
    return check_site(site.another(), rules.rules, Position("config.toml", 9), wish)


def problems(report: Report) -> list[str]:
    assert not report.trouble
    return [one.problem for one in report.findings if one.key == "webhook"]


def unseen(report: Report) -> str:
    return "\n".join(one for one in report.notes if "webhook" in one)


def test_a_webhook_that_tells_of_everything_is_right(site: World) -> None:
    site.jira.add_webhook(URL, name="to sync", secret="x", events=NEEDED)
    report = check(site)
    assert (problems(report), unseen(report)) == ([], "")
    assert report.webhook == "its webhook 'to sync' is there"


def test_what_is_missing_is_told_with_all_that_is_to_be_entered(site: World) -> None:
    site.jira.add_webhook("https://sync.example.com/webhooks/jira/other", secret="x")
    [finding] = check(site).findings
    assert (finding.place, finding.key) == ("config.toml:12", "webhook")
    assert finding.problem == f"site 'main' has no webhook to {PATH}"
    for part in (
        "under System, WebHooks",
        f"the URL https://HOST{PATH},",
        ", ".join(NEEDED),
        f"the JQL filter {BOTH}",
        "that of webhook_secrets in [sites.main]",
    ):
        assert part in finding.remedy


def test_without_the_right_to_list_webhooks_it_says_that_they_cannot_be_seen(site: World) -> None:
    site.jira.site.administrators.discard(BOT.account_id)
    site.jira.add_webhook(URL, secret="x")
    report = check(site)
    assert problems(report) == []
    assert "only administrators of Jira may list webhooks, and our account is none" in unseen(
        report
    )
    assert f"the URL https://HOST{PATH}," in unseen(report)
    assert report.webhook == ""


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"enabled": False}, "the webhook 'w' is turned off"),
        ({"exclude_body": True}, "the webhook 'w' sends no body, so that nobody knows"),
        (
            {"events": ("jira:issue_updated", "jira:issue_deleted")},
            "is without the events comment_created, comment_updated, comment_deleted",
        ),
    ],
)
def test_what_is_wrong_with_it_is_told(site: World, how: dict[str, object], told: str) -> None:
    site.jira.add_webhook(URL, **{"name": "w", "secret": "x", "events": NEEDED, **how})
    report = check(site)
    [problem] = problems(report)
    assert told in problem
    assert report.webhook == ""


def test_a_webhook_without_a_secret_is_told_where_jira_shows_that(site: World) -> None:
    site.jira.add_webhook(URL, name="w", events=NEEDED)
    expected = [
        "the webhook 'w' has no secret, so that it is refused; give it that of webhook_secrets"
    ]
    assert problems(check(site)) == (expected if site.cloud else [])


def test_two_webhooks_may_share_the_events(site: World) -> None:
    site.jira.add_webhook(URL, name="issues", secret="x", events=NEEDED[:2])
    site.jira.add_webhook(URL, name="comments", secret="x", events=NEEDED[2:])
    assert problems(check(site)) == []


def test_a_filter_that_leaves_out_tickets_of_ours_is_told(site: World) -> None:
    ref = site.make()
    site.make("coalesce:issue:2", project="OPS", issue_type=("Task",))
    site.clock.sleep(60)
    site.jira.add_webhook(URL, name="w", secret="x", events=NEEDED, jql="project = OPS")
    [problem] = problems(check(site))
    assert problem == (
        "`project = OPS`, the JQL filter of the webhook, leaves out tickets of ours in DATA, such as "
        + ref.key
    )


def test_a_filter_that_finds_our_tickets_is_right_in_whatever_words(site: World) -> None:
    site.make()
    site.make("coalesce:issue:2", project="OPS", issue_type=("Task",))
    site.clock.sleep(60)
    words = "labels = ticket-sync OR project = OPS"
    site.jira.add_webhook(URL, name="w", secret="x", events=NEEDED, jql=words)
    report = check(site)
    assert (problems(report), unseen(report)) == ([], "")


def test_a_filter_that_no_ticket_can_show_right_is_told_as_not_checked(site: World) -> None:
    site.jira.add_webhook(URL, name="w", secret="x", events=NEEDED, jql=BOTH)
    report = check(site)
    assert problems(report) == []
    assert "there is none of ours yet to try it on" in unseen(report)


def test_a_secret_in_the_address_is_shown_nowhere(site: World) -> None:
    site.jira.add_webhook(f"{URL}/planted-5e1f", name="w", events=NEEDED[:4])
    site.jira.add_webhook(
        "https://us:planted-5e1f@sync.example.com" + PATH, name="v", enabled=False
    )
    report = check(site, SENT)
    assert len(problems(report)) == 2
    assert "planted" not in str(report)


def test_web_requests_of_automation_are_listed_nowhere_and_that_is_said(site: World) -> None:
    site.jira.add_webhook(URL, form="jira", headers={"X-Ticket-Sync-Secret": "x"})
    report = check(site, SENT)
    assert problems(report) == []
    assert "web requests of Jira Automation are listed nowhere" in unseen(report)
    assert f"the URL https://HOST{PATH}/SECRET," in unseen(report)
    assert "send it as the header X-Ticket-Sync-Secret" in unseen(report)


def test_where_the_settings_speak_of_no_webhook_nobody_asks(site: World) -> None:
    report = check(site, None)
    assert not any("webhook" in call for call in site.calls())
    assert (report.webhook, unseen(report)) == ("", "")
