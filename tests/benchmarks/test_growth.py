"""The benchmark of growth: the slope it prints, and a short run."""

from __future__ import annotations

import math

import pytest

from benchmarks import growth

pytestmark = pytest.mark.proof


def test_the_slope_is_the_growth_a_minute_whatever_the_noise_around_it() -> None:
    samples = [(second, 1000 + 2.5 * second + (-1) ** second) for second in range(400)]
    assert growth.slope(samples) == pytest.approx(150, abs=0.1)
    assert growth.slope([(0, 5.0), (60, 5.0)]) == 0
    assert math.isnan(growth.slope([(0, 5.0)]))


@pytest.mark.slow
def test_the_daemon_is_measured_beside_jira_and_the_source(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert growth.main(["--seconds", "5", "--rate", "10", "--every", "0.5", "--profile"]) == 0
    said = capsys.readouterr().out
    assert "The second half:" in said
    assert "objects of" in said
