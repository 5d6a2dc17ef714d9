"""A site that is down is left alone, watched by one caller at intervals, and resumes by itself."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from sync.domain.errors import Fault, Outage, Refused, Rejected, SiteDown, TicketGone, Unknown
from tests.adapters.jira.world import World, desired


def _gauge() -> float | None:
    return REGISTRY.get_sample_value("ticket_sync_site_down", {"site": "main"})


def test_an_expired_token_stops_all_calls_until_a_new_one_works(world: World) -> None:
    ref = world.make()
    world.jira.faults.add("unauthorized")
    with capture_logs() as logs:
        for _ in range(20):
            with pytest.raises(SiteDown) as fault:
                world.tracker.read(ref.id)
    assert fault.value.outage is Outage.AUTHENTICATION
    assert len([line for line in logs if line["log_level"] == "warning"]) == 1
    assert world.calls().count("GET issue/{issue}") == 1
    assert (bool(world.tracker.health.down()), _gauge()) == (True, 1.0)
    before = len(world.exchanges)
    for _ in range(10):
        world.clock.sleep(100)
        with pytest.raises(SiteDown):
            world.tracker.read(ref.id)
    assert 3 <= len(world.exchanges) - before <= 10
    world.jira.faults.clear()
    world.clock.sleep(301)
    assert world.tracker.read(ref.id).ref == ref
    assert (bool(world.tracker.health.down()), _gauge()) == (False, 0.0)


def test_a_clock_that_is_set_back_keeps_no_site_down(world: World) -> None:
    ref = world.make()
    world.jira.faults.add("unauthorized")
    with pytest.raises(SiteDown):
        world.tracker.read(ref.id)
    world.jira.faults.clear()
    world.clock.set(-6 * 3600)
    world.clock.sleep(301)
    assert world.tracker.read(ref.id).ref == ref


def test_a_captcha_is_left_in_peace(world: World) -> None:
    world.jira.faults.add("captcha")
    with pytest.raises(SiteDown) as fault:
        world.tracker.inspect.whoami()
    assert fault.value.outage is Outage.CAPTCHA
    for _ in range(28):
        world.clock.sleep(10)
        with pytest.raises(SiteDown):
            world.tracker.inspect.whoami()
    assert len(world.exchanges) == 1


def test_maintenance_is_a_site_down_for_reads_and_unknown_for_a_create(world: World) -> None:
    ref = world.make()
    world.jira.faults.add("maintenance")
    with pytest.raises(SiteDown) as fault:
        world.tracker.read(ref.id)
    assert fault.value.outage is Outage.MAINTENANCE
    assert len(world.jira.tickets()) == 1


def test_a_site_that_does_not_answer_is_not_asked_for_each_ticket(world: World) -> None:
    draft = world.tracker.draft(desired())
    down = world.jira.faults.add("refuse")
    faults: list[type[Fault]] = []
    for _ in range(30):
        try:
            world.tracker.create(draft)
        except Fault as fault:
            faults.append(type(fault))
    assert down.hits < 12
    assert set(faults) == {Refused, SiteDown}
    world.jira.faults.clear()
    world.clock.sleep(60)
    world.tracker.create(draft)
    assert len(world.jira.tickets()) == 1


def test_one_broken_endpoint_does_not_keep_the_site_down(world: World) -> None:
    ref = world.make()
    world.jira.faults.add("status", path="/comment", status=503)
    for _ in range(6):
        with pytest.raises((Refused, SiteDown)):
            world.tracker.find_comment(ref, "mark")
    world.clock.sleep(20)
    assert world.tracker.read(ref.id).ref == ref


def test_a_probe_without_a_clear_answer_leaves_the_site_down(world: World) -> None:
    ref = world.make()
    world.jira.faults.add("unauthorized", count=1)
    with pytest.raises(SiteDown):
        world.tracker.read(ref.id)
    world.jira.faults.add("drop", path="myself")
    world.clock.sleep(20)
    with pytest.raises(Refused):
        world.tracker.read(ref.id)
    assert bool(world.tracker.health.down())
    with pytest.raises(SiteDown):
        world.tracker.read(ref.id)


@pytest.mark.parametrize("effect", ["unauthorized", "captcha", "maintenance", "refuse"])
def test_a_tracker_can_be_built_while_its_site_is_down(world: World, effect: str) -> None:
    world.jira.faults.add(effect)
    tracker = world.another(deployment="auto")
    assert world.exchanges == []
    with pytest.raises(Fault):
        tracker.draft(desired(description="x"))
    world.jira.faults.clear()
    world.clock.sleep(400)
    tracker.draft(desired(description="x"))


def test_nothing_secret_is_ever_logged(world: World) -> None:
    secret: Any = "sandbox-token"
    with capture_logs() as logs:
        ref = world.make(description="private words")
        world.tracker.comment(ref, "private words", "mark")
        world.jira.faults.add("status", status=500, count=3)
        with pytest.raises(Fault):
            world.tracker.read(ref.id)
        world.jira.replace_secret("another")
        with pytest.raises(SiteDown) as fault:
            world.tracker.read(ref.id)
    said = f"{logs} {fault.value}"
    assert secret not in said
    assert "private words" not in said
    assert "uthorization" not in said.replace("nauthorized", "")


def test_we_know_who_we_are(world: World) -> None:
    assert world.tracker.inspect.whoami().name == "Ticket Sync"
    assert world.tracker.browse_url("DATA-1") == "https://jira.example.com/browse/DATA-1"


def test_a_project_whose_creates_never_answer_does_not_take_the_site_down(world: World) -> None:
    fault = world.jira.faults.add("status", method="POST", path="/issue$", status=502)
    for number in range(12):
        with pytest.raises(Unknown):
            world.tracker.create(world.tracker.draft(desired(f"k{number}")))
    assert fault.hits == 12
    assert world.tracker.health.down() == ""


@pytest.mark.parametrize(
    "nothing", [{"effect": "html", "status": 200}, {"effect": "status", "status": 500}], ids=str
)
def test_a_site_on_which_nothing_works_is_left_alone_whatever_it_answers(
    world: World, nothing: dict[str, Any]
) -> None:
    ref = world.make()
    world.jira.faults.add(**nothing)
    with capture_logs() as logs:
        for _ in range(30):
            with pytest.raises((Refused, SiteDown)):
                world.tracker.read(ref.id)
    assert world.tracker.health.down()
    assert len([line for line in logs if line["log_level"] == "warning"]) == 1
    assert len(world.exchanges) < 16
    world.jira.faults.clear()
    world.clock.sleep(20)
    assert world.tracker.read(ref.id).ref == ref


def test_an_empty_search_is_believed_only_of_a_jira_that_knows_us_and_shows_the_project(
    world: World,
) -> None:
    world.make()
    world.tracker.verify("DATA")
    world.jira.deny("DATA", "BROWSE_PROJECTS")
    with pytest.raises(Rejected, match="project DATA is gone"):
        world.tracker.verify("DATA")
    world.jira.allow("DATA")
    world.jira.faults.add("unauthorized", path="myself")
    with pytest.raises(SiteDown):
        world.tracker.verify("DATA")


def test_what_is_said_to_be_missing_is_believed_only_after_asking_anew_who_we_are(
    world: World,
) -> None:
    """Without the header by which Jira says whom it takes us for, as behind some gateways."""
    ref, other = world.make("one"), world.make("other")
    world.jira.person.delete(ref.key)
    with pytest.raises(TicketGone):
        world.tracker.read(ref.id)
    world.jira.faults.add("anonymous")
    with pytest.raises(SiteDown):
        world.tracker.read(other.id)


def test_a_site_is_probed_before_anything_is_reckoned_from(world: World) -> None:
    world.jira.faults.add("unauthorized", count=1)
    with pytest.raises(SiteDown):
        world.tracker.inspect.whoami()
    world.clock.sleep(20)
    world.tracker.health.ready()
    assert world.tracker.health.down() == ""
    with pytest.raises(Refused, match="stood still"):
        world.tracker.create(world.tracker.draft(desired()), not_after=world.clock.time() - 1)
    assert world.jira.tickets() == []
