"""Working time and names in a language, as templates use them."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sync.domain.rule import Desired
from sync.rules import parse
from sync.rules.templates import Template
from sync.rules.worktime import is_business_day
from sync.toml import Wrong
from tests.rules.build import DEFAULTS, issue
from tests.rules.test_docs import EXAMPLES

BERLIN = "'Europe/Berlin', 'DE-BE'"


def render(text: str, **context: Any) -> Any:
    return Template(text).render({"tables": {}, **context})


@pytest.mark.parametrize(
    ("began", "asked", "due"),
    [
        ("2026-10-30T15:00:00Z", f"'3 business days', {BERLIN}", "2026-11-04"),
        ("2026-10-30T15:00:00Z", f"'4 business hours', {BERLIN}", "2026-11-02T12:00:00+01:00"),
        (
            "2026-10-30T15:00:00Z",
            f"'4 business hours', {BERLIN}, '08:00-20:00'",
            "2026-10-30T20:00:00+01:00",
        ),
        # Good Friday and Easter Monday move with the moon.
        ("2026-04-02T10:00:00Z", f"'1 business day', {BERLIN}", "2026-04-07"),
        ("2027-03-25T10:00:00Z", f"'1 business day', {BERLIN}", "2027-03-30"),
        # Women's Day is a holiday in Berlin alone.
        ("2027-03-05T10:00:00Z", f"'1 business day', {BERLIN}", "2027-03-09"),
        ("2027-03-05T10:00:00Z", "'1 business day', 'Europe/Berlin', 'DE'", "2027-03-08"),
        # Over the end of a year, and a holiday that is kept on the last day of the year before.
        ("2026-12-31T10:00:00Z", f"'1 business day', {BERLIN}", "2027-01-04"),
        ("2021-12-30T18:00:00Z", "'1 business day', 'America/New_York', 'US'", "2022-01-03"),
        # 29 February is a Tuesday.
        ("2028-02-28T10:00:00Z", f"'1 business day', {BERLIN}", "2028-02-29"),
        # The zone says which day it is.
        ("2026-11-06T23:30:00Z", "'0 business days'", "2026-11-06"),
        ("2026-11-06T23:30:00Z", f"'0 business days', {BERLIN}", "2026-11-09"),
        # Sunday is a business day in Israel; in China some are, to make up for holidays.
        ("2026-11-05T10:00:00Z", "'1 business day', 'Asia/Jerusalem', 'IL'", "2026-11-08"),
        ("2024-02-02T02:00:00Z", "'1 business day', 'Asia/Shanghai', 'CN'", "2024-02-04"),
        ("2026-11-06T10:00:00Z", "'1 business day'", "2026-11-09"),
        ("2026-11-06T10:00:00Z", "'1.5 business hours'", "2026-11-06T11:30:00+00:00"),
        # On this Sunday the clock in Israel repeats an hour: the day has 25.
        (
            "2026-10-24T21:00:00Z",
            "'24 business hours', 'Asia/Jerusalem', 'IL', '00:00-24:00'",
            "2026-10-25T23:00:00+02:00",
        ),
        ("", "'3 business days'", ""),
    ],
)
def test_working_time_ends(began: str, asked: str, due: str) -> None:
    assert render(f"{{{{ began | plus({asked}) }}}}", began=began) == due


def test_a_date_stays_the_same_date_in_every_zone() -> None:
    for zone in ("America/New_York", "UTC", "Pacific/Auckland"):
        text = f"{{{{ '2026-11-06T10:00:00Z' | plus('1 business day') | date('{zone}') }}}}"
        assert render(text) == "2026-11-09"


MOMENTS = st.datetimes(datetime(2019, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
PLACES = st.sampled_from(
    [
        ("Europe/Berlin", "DE-BE"),
        ("America/New_York", "US"),
        ("Asia/Dubai", "AE"),
        ("Asia/Shanghai", "CN"),
        ("Australia/Lord_Howe", "AU-NSW"),
        ("Pacific/Apia", ""),
    ]
)
COUNTS = st.integers(0, 30)


def _plus(began: Any, count: int, unit: str, place: tuple[str, str]) -> str:
    found = render(
        "{{ began | plus(count ~ ' business ' ~ unit, zone, calendar) }}",
        began=began,
        count=count,
        unit=unit,
        zone=place[0],
        calendar=place[1],
    )
    assert isinstance(found, str)
    return found


def _works(day: date, calendar: str) -> bool:
    country, _, part = calendar.partition("-")
    return is_business_day(day, (country, part))


@settings(max_examples=60, deadline=None)
@given(MOMENTS, COUNTS, COUNTS, PLACES)
@example(datetime(2024, 2, 29, 23, 59, tzinfo=UTC), 1, 1, ("Asia/Shanghai", "CN"))
def test_business_days_add_up_and_pass_over_no_day_of_work(
    began: datetime, n: int, m: int, place: tuple[str, str]
) -> None:
    zone, calendar = place
    due = date.fromisoformat(_plus(began, n, "days", place))
    today = began.astimezone(ZoneInfo(zone)).date()
    between = [today + timedelta(days=k) for k in range((due - today).days + 1)]
    assert between[-1] == due
    assert sum(_works(day, calendar) for day in between) == n + 1
    assert _works(due, calendar)
    assert _plus(due.isoformat(), m, "days", place) == _plus(began, n + m, "days", place)
    assert _plus(began + timedelta(hours=m), n, "days", place) >= due.isoformat()


@settings(max_examples=60, deadline=None)
@given(MOMENTS, COUNTS, COUNTS, PLACES)
def test_business_hours_add_up_and_end_within_working_hours(
    began: datetime, n: int, m: int, place: tuple[str, str]
) -> None:
    text = _plus(began, n, "hours", place)
    due = datetime.fromisoformat(text)
    assert due >= began + timedelta(hours=n)
    assert 9 <= due.hour + due.minute / 60 + due.second / 3600 <= 17
    assert _works(due.date(), place[1])
    assert _plus(text, m, "hours", place) == _plus(began, n + m, "hours", place)
    assert datetime.fromisoformat(_plus(began + timedelta(hours=m), n, "hours", place)) >= due


@pytest.mark.parametrize(
    ("language", "form", "words"),
    [
        ("de", "%A, %d. %B", "Freitag, 06. November"),
        ("pl", "%d %B", "06 listopada"),
        ("pt-BR", "%a %b", "sex. nov."),
        ("en", "%p %%A", "AM %A"),
        ("", "%A", "Friday"),
    ],
)
def test_days_and_months_have_their_names_in(language: str, form: str, words: str) -> None:
    text = "{{ '2026-11-06T10:00:00Z' | local_time('UTC', form, language) }}"
    assert render(text, form=form, language=language) == words


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("plus(given)", "'nonsense' is not a duration"),
        ("plus('1 business day', given)", "'nonsense' is not a time zone"),
        ("plus('1 business day', 'UTC', given)", "there is no calendar of holidays 'nonsense'"),
        ("plus('1 business day', hours=given)", "'nonsense' are no working hours"),
        ("local_time('UTC', '%A', given)", "'nonsense' is not a language"),
        ("plus('20800 business hours', hours='09:00-09:01')", "for more than twenty years"),
    ],
)
def test_what_only_a_ticket_shows_to_be_wrong_fails_there_in_words(text: str, problem: str) -> None:
    with pytest.raises(Wrong) as caught:
        render(f"{{{{ '2026-11-06T10:00:00Z' | {text} }}}}", given="nonsense")
    assert problem in caught.value.problem


@pytest.mark.parametrize(
    ("severity", "due"),
    [
        ("fatal", "2024-09-09"),
        ("error", "2024-09-11"),
        ("warn", "2024-09-20"),
        ("", "2024-10-07"),  # 3 October is a holiday.
    ],
)
def test_the_example_on_the_page_gives_a_date_by_severity(severity: str, due: str) -> None:
    rules = parse({"example.toml": dict(EXAMPLES)["Working time"]}, DEFAULTS)
    snapshot = issue(severity=severity)
    (rule,) = (one for one in rules.rules if one.ref.name == "due by severity")
    made = rule.project_ticket(rule.ticket_key(snapshot), [snapshot])
    assert isinstance(made, Desired)
    assert made.fields["due_date"].value == due
    assert "Seit Freitag, 06. September, 14:14 Uhr,\nfällig Mittwoch." in str(
        made.fields["environment"].value
    )


def test_rules_without_calendar_and_language_load_neither_package() -> None:
    program = (
        "import sys; from sync.rules import Defaults, parse\n"
        "parse({'a.toml': '[[rule]]\\nname = \"x\"\\nfields.due_date = "
        "\"{{ subject.started_at | plus(\\'3 business days\\', \\'UTC\\') | date }}\"\\n'},"
        " Defaults({'main': 'DATA'}, 'main'))\n"
        "print(sorted({'holidays', 'babel'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
