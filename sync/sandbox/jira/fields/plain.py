"""Field types with plain values: text, numbers, dates, labels."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from sync.sandbox.jira.fields import adf
from sync.sandbox.jira.site.call import Call
from sync.sandbox.jira.site.model import Project, RichText, stamp
from sync.sandbox.jira.site.state import FieldDef, FieldType, Invalid, Site

MANY = ("add", "set", "remove")
_TOO_LONG = "The entered text is too long. It exceeds the allowed limit of {} characters."


def string(raw: Any) -> str:
    """Raises Invalid for anything that is not a string."""
    if not isinstance(raw, str):
        raise Invalid("Operation value must be a string")
    return raw


def array(raw: Any) -> list[Any]:
    """Raises Invalid for anything that is not a list."""
    if not isinstance(raw, list):
        raise Invalid("data was not an array")
    return raw


class Text(FieldType):
    """One line of text."""

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if len(string(raw)) > 255:
            raise Invalid(_TOO_LONG.format(255))
        return raw or None


class Summary(FieldType):
    when_empty = "You must specify a summary of the issue."

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if not string(raw).strip():
            raise Invalid(self.when_empty)
        if "\n" in raw or "\r" in raw:
            raise Invalid("The summary is invalid because it contains newline characters.")
        if len(raw) > 255:
            raise Invalid("Summary can't exceed 255 characters.")
        return raw.strip()


def rich_text(site: Site, call: Call, raw: Any) -> RichText | None:
    """Rich text in the form of the call's API version, None for empty text. Raises Invalid."""
    if call.api == "3":
        if not isinstance(raw, dict):
            raise Invalid(
                "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
            )
        if adf.fault(raw):
            raise Invalid("INVALID_INPUT")
        length = adf.length(raw)
    else:
        length = len(string(raw))
    if length > site.most_characters:
        raise Invalid(_TOO_LONG.format(f"{site.most_characters:,}"))
    if call.api == "3":
        return adf.from_adf(raw) if raw["content"] else None
    return adf.from_wiki(raw, server=not site.cloud) if raw.strip() else None


class TextArea(FieldType):
    """Rich text."""

    custom = "textarea"

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        return rich_text(site, call, raw)

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        if value is None:
            return None
        return value.adf if call.api == "3" else value.wiki

    def text(self, site: Site, value: Any) -> str:
        return "" if value is None else str(value.wiki)


def rendered(site: Site) -> tuple[type[FieldType], ...]:
    """The types of fields whose text is markup. Data Center takes custom fields of one line for markup,
    too, unless an administrator has chosen otherwise."""
    return (TextArea,) if site.cloud else (TextArea, Text)


class Number(FieldType):
    kind, custom = "number", "float"

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            raise Invalid("Operation value must be a number")
        if abs(raw) > 1e14:
            raise Invalid(f"{raw} is too large. The number must be at most 100,000,000,000,000.")
        return float(raw)


class Date(FieldType):
    """A day, as ``2026-01-31``."""

    kind, custom = "date", "datepicker"

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if not string(raw):
            return None
        try:
            if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", raw):
                raise ValueError
            return date.fromisoformat(raw).isoformat()
        except ValueError:
            raise Invalid(f"Error parsing date string: {raw}") from None


class DateTime(FieldType):
    """A time, as ``2026-01-31T09:00:00.000+0000``. The fraction and the offset are required."""

    kind, custom = "datetime", "datetime"

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if not string(raw):
            return None
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,3}(Z|[+-]\d\d:?\d\d)", raw):
            raise Invalid(f"Error parsing time: {raw}")
        try:
            return stamp(datetime.fromisoformat(raw).timestamp())
        except (ValueError, OverflowError):
            raise Invalid(f"Error parsing time: {raw}") from None


class Url(FieldType):
    custom = "url"

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if not string(raw):
            return None
        try:
            parts = urlsplit(raw)
        except ValueError:
            raise Invalid("Not a valid URL") from None
        if not parts.scheme or not parts.netloc or " " in raw:
            raise Invalid("Not a valid URL")
        return raw


class Labels(FieldType):
    kind, items, custom, operations = "array", "string", "labels", MANY

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        return sorted({self._label(label) for label in array(raw)}) or None

    def _label(self, label: Any) -> str:
        if not isinstance(label, str):
            raise Invalid("string expected at index 0")
        if re.search(r"\s", label):
            raise Invalid(f"The label '{label}' contains spaces which is invalid.")
        if len(label) > 255:
            raise Invalid(
                f"The label '{label}' exceeds the maximum length for a single label of 255 characters."
            )
        if not label:
            raise Invalid("The label '' is invalid.")
        return label

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        # Where it is empty, the system field is an empty list and a custom field is null.
        return list(value) if value else (None if field.custom else [])

    def text(self, site: Site, value: Any) -> str:
        return " ".join(value or ())
