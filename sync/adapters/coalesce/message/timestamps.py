"""Times as upstream writes them: RFC 3339 with fractions of any length, or seconds since the epoch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

NANOS = 1_000_000_000
# What a signed 64-bit column holds, in nanoseconds: until the year 2262.
_LATEST = 2**63 - 1
_LATEST_SECONDS = _LATEST // NANOS

_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:[.,]([0-9]+))?\s*(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2}))?\Z",
    re.ASCII,
)
# The usual spelling. RFC 3339 also allows small letters and second 60, which many readers refuse.
_USUAL = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](?:\.[0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})\Z",
    re.ASCII,
)
_EPOCH = re.compile(r"(-?)([0-9]{1,19})(?:\.([0-9]+))?\Z", re.ASCII)
_LONGEST = 64


def nanoseconds(value: Any) -> int | None:
    """Nanoseconds since the epoch; None for a value that is no time, or none from 1970 to 2262.

    A time is an RFC 3339 text (in UTC if it has no offset), seconds since the epoch as text or number,
    or the message form ``{"seconds": …, "nanos": …}``. The zero times of protobuf and Go mean that no
    time was set.
    """
    found = None
    if isinstance(value, str):
        found = _from_text(value.strip()) if len(value) <= _LONGEST else None
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = round(value * NANOS) if abs(value) <= _LATEST_SECONDS else None
    elif isinstance(value, Mapping):
        found = _from_message(value)
    return found if found is not None and 0 < found <= _LATEST else None


def received(value: Any) -> str:
    """A time as RFC 3339 text, "" for a value that is no time.

    A text in the usual spelling is returned unchanged. Other forms and spellings are rewritten, because
    Jira and the filters of rules would refuse some of them.
    """
    found = nanoseconds(value)
    if found is None:
        return ""
    if isinstance(value, str) and _USUAL.match(value.strip()):
        return value.strip()
    return rfc3339(found)


def rfc3339(nanos: int) -> str:
    """Nanoseconds since the epoch as RFC 3339 text in UTC, with as much fraction as it has."""
    seconds, fraction = divmod(nanos, NANOS)
    text = datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:09}".rstrip("0") + "Z" if fraction else f"{text}Z"


def _fraction(digits: str | None) -> int:
    return int((digits or "0")[:9].ljust(9, "0"))


def _from_text(text: str) -> int | None:
    if match := _EPOCH.match(text):
        sign, seconds, fraction = match.groups()
        if sign or int(seconds) > _LATEST_SECONDS:
            return None
        return int(seconds) * NANOS + _fraction(fraction)
    match = _RFC3339.match(text)
    if not match:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, _utc, *offset = match.groups()[6:]
    # Second 60 is a leap second, which counts as the second after it.
    if hour > 23 or minute > 59 or second > 60:
        return None
    try:
        days = date(year, month, day).toordinal() - date(1970, 1, 1).toordinal()
        seconds = days * 86_400 + hour * 3600 + minute * 60 + second - _offset(*offset)
    except ValueError:
        return None
    return seconds * NANOS + _fraction(fraction)


def _offset(sign: str | None, hours: str | None, minutes: str | None) -> int:
    """Seconds that a zone is ahead of UTC. Raises ValueError for a zone that there cannot be."""
    if sign is None or hours is None or minutes is None:
        return 0
    if int(hours) > 23 or int(minutes) > 59:
        raise ValueError(f"{hours}:{minutes}")
    offset = int(hours) * 3600 + int(minutes) * 60
    return offset if sign == "+" else -offset


def _from_message(value: Mapping[str, Any]) -> int | None:
    seconds, nanos = value.get("seconds"), value.get("nanos", 0)
    if isinstance(seconds, str) and _EPOCH.match(seconds):
        seconds = int(seconds.partition(".")[0])
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        return None
    if abs(seconds) > _LATEST_SECONDS:
        return None
    whole = isinstance(nanos, int) and 0 <= nanos < NANOS
    return seconds * NANOS + (nanos if whole else 0)
