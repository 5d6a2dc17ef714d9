"""How every site is: whether calls are made to it now, and why not."""

from __future__ import annotations

import pytest

from sync.domain.errors import Outage, SiteDown
from tests.contracts.trackers import Site


def test_a_site_that_works_is_neither_down_nor_paused_nor_stalled(site: Site) -> None:
    site.make()
    health = site.tracker.health
    health.ready()
    assert (health.down(), health.paused_for(), health.stalled(), health.lent()) == (
        "",
        0.0,
        frozenset(),
        0,
    )


def test_a_pause_is_over_when_its_time_has_passed(site: Site) -> None:
    health = site.tracker.health
    health.pause(60)
    assert health.paused_for() == pytest.approx(60)
    site.clock.sleep(20)
    assert health.paused_for() == pytest.approx(40)
    site.clock.sleep(41)
    assert health.paused_for() == 0.0


def test_a_shorter_pause_does_not_end_a_longer_one(site: Site) -> None:
    health = site.tracker.health
    health.pause(60)
    health.pause(5)
    assert health.paused_for() == pytest.approx(60)


def test_a_site_that_lets_us_in_no_more_is_down_until_a_probe_finds_it_well(site: Site) -> None:
    health = site.tracker.health
    site.lock_out()
    with pytest.raises(SiteDown) as caught:
        site.make()
    assert caught.value.outage is Outage.AUTHENTICATION
    assert health.down()
    with pytest.raises(SiteDown):
        health.ready()
    site.let_in()
    site.clock.sleep(3600)
    health.ready()
    assert health.down() == ""
    site.make()
