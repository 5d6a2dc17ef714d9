"""Both sides: what each site says, and the way of deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from sync.adapters.jira.check import Report
from sync.domain.admission import Admission
from sync.domain.errors import Refused
from sync.operations.accounts import Role
from sync.ports import SentDelivery
from sync.store import tickets
from tests.walks.world import issue_event
from tests.web.pages.conftest import Pages


class Log:
    """The sender's log: one event of a type that the integration does not take."""

    name = "coalesce"

    def sent_deliveries(self, since: float, until: float) -> Iterator[list[SentDelivery]]:
        yield [SentDelivery("e", "issue_closed", "skipped", "1", 0)]


def _give(pages: Pages, **fields: Any) -> None:
    for name, value in fields.items():
        object.__setattr__(pages.desk.deployment, name, value)


def test_each_site_is_shown_with_what_stands_in_its_way(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Both sides can be reached" in pages.words("/connections")
    down = "401: the token is refused <b>"
    monkeypatch.setattr(type(pages.world.tracker.health), "down", lambda self: down)
    assert "main cannot be reached" in pages.words("/connections")
    assert "the token is refused &lt;b&gt;" in pages.get("/connections/main")
    pages.get("/connections/none", 404)


def test_a_site_is_checked_when_somebody_asks(pages: Pages) -> None:
    report = Report("main", who="ticket-sync", unseen={"a screen": "it is hidden"})
    _give(pages, check_site=lambda name: report)
    said = pages.words("/connections/main/check")
    assert "main has all that the rules name" in said
    assert "We are ticket-sync there" in said
    assert "a screen" in pages.json("/connections/main/check")["notes"][0]


def test_a_site_that_cannot_be_asked_says_why(pages: Pages) -> None:
    def refuse(name: str) -> None:
        raise Refused("it asks for a pause")

    _give(pages, check_site=refuse)
    assert "it asks for a pause" in pages.words("/connections/main/check")


def test_the_doctor_names_the_link_that_does_not_fit(pages: Pages) -> None:
    pages.world.deliver(issue_event("issue_created", "i-1", at=1))
    pages.world.settle()
    assert "not known: give `[coalesce.api]`" in pages.words("/connections/coalesce/doctor")
    _give(pages, apis={"coalesce": Log()})
    said = pages.words("/connections/coalesce/doctor")
    assert "ISSUE_CLOSED is not among the events of your integration" in said
    assert pages.json("/doctor")["fits"] is False


def test_a_test_delivery_that_nobody_takes_is_told_and_logged(pages: Pages) -> None:
    settings = pages.desk.deployment.settings
    closed = settings.server.model_copy(update={"port": 9})
    _give(pages, settings=settings.model_copy(update={"server": closed}))
    assert "Nothing answers at http://127.0.0.1:9" in pages.press("/connections/coalesce/test", 422)
    assert "Nothing answers" in pages.words("/log")
    pages.become(Role.VIEWER)
    assert "needs operator" in pages.words("/connections/coalesce")


def test_a_site_says_where_its_webhooks_are_taken(pages: Pages) -> None:
    assert "none: what people do in Jira is found by the sweep" in pages.words("/connections/main")
    settings = pages.desk.deployment.settings
    secrets = {"webhook_header_secrets": [SecretStr("a-secret-5e1f")]}
    site = settings.sites["main"].model_copy(update=secrets)
    _give(pages, settings=settings.model_copy(update={"sites": {"main": site}}))
    page = pages.get("/connections/main")
    assert "taken at /webhooks/jira/main" in page
    assert "a-secret-5e1f" not in page


def test_what_waits_to_be_told_is_decided_by_buttons(pages: Pages) -> None:
    pages.world.deliver(issue_event("issue_created", "i-1", at=1))
    pages.world.settle()
    with pages.world.store.write() as session:
        (row,) = tickets.by_ids(session, [1]).values()
        row.admission, row.untold = Admission.WAITING, 2
    assert pages.json("/upstream")["waiting"]["acts"] == 2
    assert "Tell 2 acts" in pages.words("/connections/coalesce")
    assert "1 ticket waits by now" in pages.press(
        "/connections/coalesce/decide", 409, decision="accepted", shown="0"
    )
    said = pages.press("/connections/coalesce/decide", decision="accepted", shown="1")
    assert "Accepted 2 acts of 1 ticket" in said
    assert pages.send("/upstream/decide", {"decision": "rejected"})["tickets"] == 0
    assert "error" in pages.send("/upstream/decide", {"decision": "odd"}, 422)
