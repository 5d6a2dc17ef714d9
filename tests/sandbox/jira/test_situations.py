"""Situations of two-way synchronisation that the simulated Jira can play."""

from __future__ import annotations

import json

import pytest

from sync.sandbox.jira import WebhookFaults
from sync.sandbox.jira.ready_site import BOT
from sync.sandbox.jira.site.model import stamp
from sync.sandbox.sending import Outcome
from tests.sandbox.jira.conftest import Site
from tests.sandbox.jira.hooks import URL, Receiver, names


def test_the_webhook_of_a_call_may_arrive_before_the_reply(site: Site) -> None:
    site.sandbox.add_webhook(URL)
    came, order = Receiver(site), []

    def before_the_reply(_exchange: object) -> None:
        order.extend(names(came.pump()))

    site.sandbox.observers.append(before_the_reply)
    key = site.create()
    order.append("reply")
    site.call("PUT", f"issue/{key}", {"fields": {"summary": "Other"}})
    order.append("reply")
    assert order == ["jira:issue_created", "reply", "jira:issue_updated", "reply"]


def test_a_clock_that_is_ahead_shows_in_webhooks_and_histories(site: Site) -> None:
    site.sandbox.add_webhook(URL)
    came = Receiver(site)
    site.sandbox.advance(90)
    key = site.create()
    site.sandbox.person.transition(key, "Done")
    ahead = site.clock.now + 90
    assert {body["timestamp"] for body in came.pump()} == {round(ahead * 1000)}
    shown = site.call("GET", f"issue/{key}", query="expand=changelog").data["changelog"]
    assert {entry["created"] for entry in shown["histories"]} == {stamp(ahead)}


def test_two_hours_of_a_receiver_that_is_down_lose_all_on_data_center_and_most_on_cloud(
    site: Site,
) -> None:
    site.sandbox.add_webhook(URL)
    came = Receiver(site)
    came.statuses = [503]
    until = site.clock.now + 7200
    while site.clock.now < until:
        site.create()
        came.sender.pump()
        site.clock.sleep(300)
    came.came.clear()
    came.statuses = [200]
    site.create()
    came.let_pass()
    outcomes = [sending.outcome for sending in site.sandbox.outbox.sendings]
    assert outcomes[-1] is Outcome.DELIVERED
    lost = outcomes.count(Outcome.FAILED)
    assert lost == 24 if not site.cloud else 12 < lost <= 24
    assert outcomes.count(Outcome.PENDING) == 0


def test_a_body_of_data_center_grows_with_the_comments_beyond_two_mebibytes(server: Site) -> None:
    server.sandbox.add_webhook(URL, events=("jira:issue_updated",))
    came, key = Receiver(server), server.create()
    for _ in range(70):
        server.sandbox.person.comment(key, "y" * 32_000)
    came.sender.pump()
    came.came.clear()
    server.sandbox.person.transition(key, "Done")
    came.sender.pump()
    [(_, body, _, _)] = came.came
    assert len(body) > 2 * 1024 * 1024


def test_automation_may_send_the_same_body_twice_with_nothing_to_tell_them_apart(
    site: Site,
) -> None:
    site.sandbox.add_webhook(URL, form="{{issue.key}} changed", headers={"X-Secret": "h"})
    came, key = Receiver(site), site.create()
    for status in ("In Progress", "Done"):
        site.sandbox.person.transition(key, status)
    came.sender.pump()
    requests = {(body, tuple(headers.items())) for _, body, headers, _ in came.came}
    assert (len(came.came), len(requests)) == (3, 1)


def test_the_account_of_the_daemon_may_be_a_persons_who_works_by_hand(site: Site) -> None:
    site.sandbox.add_webhook(URL)
    came, key = Receiver(site), site.create()
    came.pump()
    site.sandbox.person(BOT).transition(key, "Done")
    site.call("PUT", f"issue/{key}", {"fields": {"summary": "Other"}})
    who = {body["user"]["displayName"] for body in came.pump()}
    assert who == {"Ticket Sync"}


def test_a_doubled_delivery_has_the_identifier_of_the_first(cloud: Site) -> None:
    cloud.sandbox.add_webhook(URL, secret="s")
    came = Receiver(cloud)
    cloud.sandbox.outbox.faults = WebhookFaults(doubled=1)
    cloud.create()
    came.sender.pump()
    assert len(came.came) == 2
    assert len({(body, str(headers)) for _, body, headers, _ in came.came}) == 1


@pytest.mark.parametrize("status", [408, 500])
def test_the_clock_of_the_site_makes_retries_due(cloud: Site, status: int) -> None:
    cloud.sandbox.add_webhook(URL)
    came = Receiver(cloud)
    came.statuses = [status, 200]
    cloud.create()
    came.sender.pump()
    assert came.sender.pump() == 0
    cloud.sandbox.advance(900)
    assert came.sender.pump() == 1
    assert cloud.sandbox.outbox.sendings[0].outcome is Outcome.DELIVERED


def test_a_bulk_close_of_five_hundred_is_told_one_by_one(site: Site) -> None:
    site.sandbox.add_webhook(URL, events=("jira:issue_updated",))
    came, keys = Receiver(site), [site.create() for _ in range(500)]
    site.sandbox.person.bulk_transition(keys, "Done")
    site.sandbox.person.bulk_transition(keys[:20], "In Progress")
    came.sender.pump()
    told = [json.loads(body)["issue"]["key"] for _, body, _, _ in came.came]
    assert (len(told), set(told)) == (520, set(keys))
    assert sum(one.status == "Done" for one in site.sandbox.tickets()) == 480
