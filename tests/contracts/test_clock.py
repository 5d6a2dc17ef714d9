"""What every clock does: tells the time, lets it pass, and never goes back where it must not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from sync.bootstrap.clock import SharedClock
from sync.ports import Clock, SystemClock
from tests.clock import SimulatedClock

CLOCKS: Mapping[str, Callable[[], Clock]] = {
    "system": SystemClock,
    "shared": lambda: SharedClock(SystemClock()),
    "simulated": SimulatedClock,
}
A_MOMENT = 0.02


@pytest.fixture(params=CLOCKS)
def clock(request: pytest.FixtureRequest) -> Clock:
    """Each clock in turn."""
    return CLOCKS[request.param]()


def test_the_time_is_in_seconds_since_the_epoch(clock: Clock) -> None:
    assert 1_700_000_000 < clock.time() < 4_000_000_000


@pytest.mark.parametrize("seconds", [A_MOMENT, 0.0])
def test_a_sleep_lets_at_least_so_much_time_pass(clock: Clock, seconds: float) -> None:
    time, moment = clock.time(), clock.monotonic()
    clock.sleep(seconds)
    # A float of seconds since the epoch is good to less than a microsecond, and a machine that corrects
    # its clock slows it by less than a thousandth.
    assert clock.time() - time >= seconds * 0.999 - 1e-6
    assert clock.monotonic() - moment >= seconds - 1e-6


def test_moments_come_one_after_the_other(clock: Clock) -> None:
    moments = [clock.monotonic() for _ in range(1000)]
    assert moments == sorted(moments)


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "simulated"])
def test_who_sets_a_clock_back_changes_the_time_and_no_wait(shared: bool) -> None:
    own = SimulatedClock()
    clock: Clock = SharedClock(own) if shared else own
    time, moment = clock.time(), clock.monotonic()
    own.set(-3600)
    clock.sleep(60)
    assert (clock.time() - time, clock.monotonic() - moment) == (60 - 3600, 60)
