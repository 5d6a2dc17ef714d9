"""A crontab line that the settings take is one that the schedule takes, so `serve` starts."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sync.settings.cron import cron_fault
from sync.worker.daemon.schedule import Schedule

_WORD = st.sampled_from(
    ["*", "last", "jan", "DEC", "mon", "sun", "x", "", "-1", "²", "٣", "12345"]
) | st.integers(0, 70).map(str)
_PART = st.builds(
    lambda first, last, step: first + last + step,
    _WORD,
    st.just("") | _WORD.map("-{}".format),
    st.just("") | _WORD.map("/{}".format),
)
_FIELD = st.lists(_PART, min_size=1, max_size=2).map(",".join)
_LINES = st.lists(_FIELD, min_size=4, max_size=6).map(" ".join) | st.tuples(
    st.integers(0, 4), _FIELD
).map(lambda one: " ".join("*" if n != one[0] else one[1] for n in range(5)))


@settings(deadline=None)
@given(_LINES)
@example("99 * * * *")
@example("* * * * 7")
@example("*/0 * * * *")
@example("* * * * 0-mon")
@example("* * * jan-12 *")
def test_what_the_settings_take_the_schedule_takes(line: str) -> None:
    if cron_fault(line) == "":
        Schedule().cron(line, "job", lambda: None)


@settings(deadline=None)
@given(
    st.tuples(*(st.integers(least, most) for least, most in ((0, 59), (0, 23), (1, 31), (1, 12))))
)
def test_a_time_of_day_month_and_year_is_taken(times: tuple[int, ...]) -> None:
    assert cron_fault(" ".join([*map(str, times), "mon-fri"])) == ""
    assert cron_fault("*/15 8-18/2 last jan,jul *") == ""
