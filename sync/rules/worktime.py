"""Working time: spans of business days and hours, by the weekends and holidays of a place.

A place is a country, or a country and a part of it, by their ISO codes: ``DE``, ``DE-BE``. Without one,
Monday to Friday are business days. `holidays` knows the holidays, also those that move, and the
weekends; it is imported where a rule names a place, because most rules do not and it takes a while.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple

from sync.domain.durations import seconds_in
from sync.rules.durations import seconds_of
from sync.rules.sandbox import spend
from sync.toml import Wrong, nearest, said

_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s+business\s+(day|hour)s?\s*", re.ASCII | re.IGNORECASE)
_HOURS = re.compile(r"(\d\d?):([0-5]\d)\s*[-–]\s*(\d\d?):([0-5]\d)", re.ASCII)
_ONE_DAY = timedelta(days=1)
_SATURDAY = 5
# What ten years have, the longest of other durations.
_MOST = {"day": 2600, "hour": 20800}
# How far business hours may reach, however few of them a day has.
_FARTHEST = timedelta(days=20 * 366)


class Span(NamedTuple):
    """An amount of working time. ``unit`` is ``day`` (the amount is whole) or ``hour``."""

    amount: float
    unit: str


def span_of(value: object) -> Span | float:
    """Working time, or the seconds of any other duration. Raises Wrong."""
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        if isinstance(value, str) and seconds_in(value) is None:
            raise Wrong(
                f"{said(value)} is not a duration",
                'Write it as "7d", "1h30m", "3 business days", "8 business hours", or as a number '
                "of seconds.",
            )
        return seconds_of(value)
    span = Span(float(found[1]), found[2].lower())
    if span.unit == "day" and not span.amount.is_integer():
        raise Wrong(
            f"{said(value)} is no whole number of days", 'Count parts of days in "business hours".'
        )
    if span.amount > _MOST[span.unit]:
        most = " or ".join(f"{most:,} business {unit}s" for unit, most in _MOST.items())
        raise Wrong(
            f"{said(value)} is no duration that makes sense", f"Use one of up to ten years: {most}."
        )
    return span


@lru_cache
def _countries() -> dict[str, list[str]]:
    from holidays import list_supported_countries

    return list_supported_countries(include_aliases=False)


def calendar(name: object) -> tuple[str, str]:
    """The country and the part of it whose holidays are meant; both "" for Monday to Friday. Raises
    Wrong for a place that `holidays` does not know."""
    if name == "":
        return "", ""
    country, _, part = str(name).partition("-")
    countries = _countries()
    if country not in countries:
        close = _country_meant(country)
        remedy = f"Did you mean {close!r}?" if close else "Write it as 'DE', or 'DE-BE' for a part."
        raise Wrong(f"there is no calendar of holidays {said(name)}", remedy)
    if part and part not in countries[country]:
        raise Wrong(
            f"there is no calendar of holidays {said(name)}",
            _part_meant(country, part, countries[country]),
        )
    return country, part


def _country_meant(word: str) -> str:
    """The code of a country by its name, its code of three letters, or its code misspelt; else ""."""
    from holidays.registry import COUNTRIES

    codes: dict[str, str] = {}
    for name, (_, code, *others) in COUNTRIES.items():
        codes |= {name.replace("_", " "): code, code: code} | dict.fromkeys(others, code)
    close = nearest(word, codes)
    return codes[close] if close else ""


def _part_meant(country: str, word: str, parts: list[str]) -> str:
    import holidays

    names = getattr(holidays.country_holidays(country), "subdivisions_aliases", {})
    codes: dict[str, str] = {part: part for part in parts} | names
    if close := nearest(word, codes):
        return f"Did you mean {f'{country}-{codes[close]}'!r}?"
    if not parts:
        return f"All of {country} has the same holidays: write {country!r}."
    return f"Known here: {', '.join(f'{country}-{part}' for part in parts)}."


@lru_cache(maxsize=256)
def _business_days(country: str, part: str, year: int) -> frozenset[date]:
    first = date(year, 1, 1)
    days = [first + timedelta(days=n) for n in range((date(year, 12, 31) - first).days + 1)]
    if not country:
        return frozenset(day for day in days if day.weekday() < _SATURDAY)
    from holidays import country_holidays

    known = country_holidays(country, subdiv=part or None, years=year, expand=False)
    return frozenset(day for day in days if known.is_working_day(day))


def is_business_day(day: date, place: tuple[str, str]) -> bool:
    """Whether people work on a day in a place (a country and a part of it)."""
    return day in _business_days(*place, day.year)


def _from(day: date, place: tuple[str, str]) -> date:
    """The first business day from a day on, itself included."""
    spend()
    while not is_business_day(day, place):
        spend()
        day += _ONE_DAY
    return day


def day_after(day: date, days: int, place: tuple[str, str]) -> date:
    """The business day that comes a number of business days after a day.

    A day on which nobody works counts as the next business day: 0 days after a Sunday is Monday, and 1
    day after it Tuesday.
    """
    day = _from(day, place)
    for _ in range(days):
        day = _from(day + _ONE_DAY, place)
    return day


def working_hours(text: object) -> tuple[timedelta, timedelta]:
    """When work begins and ends, counted from midnight. Raises Wrong."""
    found = _HOURS.fullmatch(str(text).strip())
    if found:
        begins, ends = (timedelta(hours=int(found[n]), minutes=int(found[n + 1])) for n in (1, 3))
        if begins < ends <= _ONE_DAY:
            return begins, ends
    raise Wrong(f"{said(text)} are no working hours", "Write them as '09:00-17:00'.")


def time_after(
    begin: datetime, hours: float, place: tuple[str, str], open_: tuple[timedelta, timedelta]
) -> datetime:
    """The time that comes a number of business hours after ``begin``, in the zone of ``begin``.

    Hours that the clock skips or repeats within the working hours are counted as they pass.
    Raises Wrong for a time more than twenty years ahead.
    """
    zone_, left = begin.tzinfo, timedelta(hours=hours)
    now, day = begin.astimezone(UTC), begin.date()
    while True:
        day = _from(day, place)
        if day - begin.date() > _FARTHEST:
            raise Wrong(
                "counts business hours for more than twenty years",
                "Use fewer, or longer working hours.",
            )
        opens, closes = (
            (datetime.combine(day, time()) + at).replace(tzinfo=zone_).astimezone(UTC)
            for at in open_
        )
        now = max(now, opens)
        if now + left <= closes:
            return (now + left).astimezone(zone_)
        left -= max(closes - now, timedelta())
        day += _ONE_DAY


def later(begin: datetime, span: Span, place: str, hours: str) -> str:
    """The date (for days) or the time (for hours) that comes working time after ``begin``, whose zone
    says where days begin. Raises Wrong for an unknown place or hours."""
    where, open_ = calendar(place), working_hours(hours)
    if span.unit == "day":
        return day_after(begin.date(), int(span.amount), where).isoformat()
    return time_after(begin, span.amount, where, open_).isoformat()
