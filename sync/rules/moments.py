"""Points in time and time zones, with mistakes in the rules' own words."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from sync.toml import Wrong, nearest, said

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def moment(value: Any) -> datetime:
    """The point in time of an RFC 3339 text. Raises Wrong."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    text = re.sub(r"(\.\d{6})\d+", r"\1", str(value)).replace("Z", "+00:00")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Wrong(
            f"{said(value)} is not a time", "Times look like 2024-09-06T12:34:56Z."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def zone(name: str) -> ZoneInfo:
    """The time zone of a name. Raises Wrong."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        if re.search(r"%|[yY]{2}|[dD]{2}", str(name)):
            remedy = (
                "`date` takes a zone, and writes 2024-09-06, as Jira wants it. For another form: "
                "{{ issue.started_at | local_time('Europe/Prague', '%d.%m.%Y') }}."
            )
            raise Wrong(
                f"{said(name)} is a date's form where a time zone belongs", remedy
            ) from None
        close = nearest(str(name), sorted(available_timezones()))
        remedy = f"Did you mean {close!r}?" if close else "Write it as 'Europe/Prague'."
        raise Wrong(f"{said(name)} is not a time zone", remedy) from None


def local(value: Any, tz: str) -> datetime:
    """A time in a time zone. A date without a time is the beginning of that day there, so that it
    stays the same date in every zone. Raises Wrong."""
    found, there = moment(value), zone(tz)
    if isinstance(value, str) and _DAY.fullmatch(value):
        return found.replace(tzinfo=there)
    return found.astimezone(there)
