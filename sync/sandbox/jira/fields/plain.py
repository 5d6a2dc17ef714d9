"""Field types that stand on their own: how a value is checked, kept, shown and worded in the history."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from sync.sandbox.jira.fields import adf
from sync.sandbox.jira.site.model import FieldDef, RichText, stamp

if TYPE_CHECKING:
    from sync.sandbox.jira.site.call import Call
    from sync.sandbox.jira.site.model import Project
    from sync.sandbox.jira.site.state import Site

_CUSTOM = "com.atlassian.jira.plugin.system.customfieldtypes:"
TOO_LONG = "The entered text is too long. It exceeds the allowed limit of 32,767 characters."


class Invalid(Exception):
    """A value that Jira refuses, in Jira's words."""


class FieldType:
    """``schema`` and ``custom`` are what metadata says; ``operations`` what ``update`` may do."""

    schema: ClassVar[Mapping[str, str]] = {"type": "string"}
    custom: ClassVar[str] = "textfield"
    operations: ClassVar[tuple[str, ...]] = ("set",)
    searchable: ClassVar[bool] = True

    def parse(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        """The value to keep; None for empty. Raises Invalid."""
        raise Invalid(f"Field '{field.id}' cannot be set.")

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        """The value as REST gives it (``value`` may be None)."""
        return value

    def text(self, site: Site, field: FieldDef, value: Any) -> str:
        """The value in words, for the history and for search."""
        return "" if value is None else str(value)

    def allowed(
        self, site: Site, call: Call, project: Project, field: FieldDef
    ) -> list[Any] | None:
        """``allowedValues`` of metadata, None where there are none."""
        return None

    def describe(self, field: FieldDef) -> dict[str, Any]:
        """The schema of one field."""
        if field.custom:
            number = int(field.id.removeprefix("customfield_"))
            return {**self.schema, "custom": _CUSTOM + self.custom, "customId": number}
        return {**self.schema, "system": field.id}


class Text(FieldType):
    """One line of text."""

    def parse(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if raw is None:
            return None
        if not isinstance(raw, str):
            raise Invalid("Operation value must be a string")
        if len(raw) > 255:
            raise Invalid(
                "The entered text is too long. It exceeds the allowed limit of 255 characters."
            )
        return raw or None


class Summary(Text):
    def parse(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if raw is not None and not isinstance(raw, str):
            raise Invalid("Operation value must be a string")
        if not raw or not raw.strip():
            raise Invalid("You must specify a summary of the issue.")
        if "\n" in raw or "\r" in raw:
            raise Invalid("The summary is invalid because it contains newline characters.")
        if len(raw) > 255:
            raise Invalid("Summary can't exceed 255 characters.")
        return raw.strip()


def rich(site: Site, call: Call, raw: Any) -> RichText | None:
    """Rich text as a caller of this API version must give it. Raises Invalid."""
    if raw is None:
        return None
    if call.api == "3":
        if not isinstance(raw, dict):
            raise Invalid(
                "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
            )
        if adf.fault(raw):
            raise Invalid("INVALID_INPUT")
        if adf.length(raw) > adf.MOST_CHARACTERS:
            raise Invalid(TOO_LONG)
        return adf.from_adf(raw) if raw["content"] else None
    if not isinstance(raw, str):
        raise Invalid("Operation value must be a string")
    if len(raw) > adf.MOST_CHARACTERS:
        raise Invalid(TOO_LONG)
    return adf.from_wiki(raw, server=not site.cloud) if raw.strip() else None


class TextArea(FieldType):
    custom: ClassVar[str] = "textarea"

    def parse(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        return rich(site, call, raw)

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        if value is None:
            return None
        return value.adf if call.api == "3" else value.wiki

    def text(self, site: Site, field: FieldDef, value: Any) -> str:
        return "" if value is None else str(value.wiki)


class Number(FieldType):
    schema: ClassVar[Mapping[str, str]] = {"type": "number"}
    custom: ClassVar[str] = "float"

    def parse(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if raw is None:
            return None
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            raise Invalid("Operation value must be a number")
        if abs(raw) > 1e14:
            raise Invalid(f"{raw} is too large. The number must be at most 100,000,000,000,000.")
        return float(raw)


class Date(FieldType):
    schema: ClassVar[Mapping[str, str]] = {"type": "date"}
    custom: ClassVar[str] = "datepicker"

    def parse(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if raw is None or raw == "":
            return None
        if not isinstance(raw, str):
            raise Invalid("Operation value must be a string")
        try:
            if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", raw):
                raise ValueError
            return date.fromisoformat(raw).isoformat()
        except ValueError:
            raise Invalid(f"Error parsing date string: {raw}") from None


class DateTime(FieldType):
    schema: ClassVar[Mapping[str, str]] = {"type": "datetime"}
    custom: ClassVar[str] = "datetime"

    def parse(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if raw is None or raw == "":
            return None
        if not isinstance(raw, str):
            raise Invalid("Operation value must be a string")
        # Fractions of a second and an offset are both needed, as in 2026-01-31T09:00:00.000+0000.
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,3}(Z|[+-]\d\d:?\d\d)", raw):
            raise Invalid(f"Error parsing time: {raw}")
        try:
            return stamp(datetime.fromisoformat(raw).timestamp())
        except (ValueError, OverflowError):
            raise Invalid(f"Error parsing time: {raw}") from None


class Url(FieldType):
    custom: ClassVar[str] = "url"

    def parse(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if raw is None or raw == "":
            return None
        if not isinstance(raw, str):
            raise Invalid("Operation value must be a string")
        try:
            parts = urlsplit(raw)
        except ValueError:
            raise Invalid("Not a valid URL") from None
        if not parts.scheme or not parts.netloc or " " in raw:
            raise Invalid("Not a valid URL")
        return raw


class Labels(FieldType):
    schema: ClassVar[Mapping[str, str]] = {"type": "array", "items": "string"}
    custom: ClassVar[str] = "labels"
    operations: ClassVar[tuple[str, ...]] = ("add", "set", "remove")

    def parse(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if raw is None:
            return None
        if not isinstance(raw, list):
            raise Invalid("data was not an array")
        return sorted({self.one(label) for label in raw}) or None

    def one(self, label: Any) -> str:
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
        # The system field is an empty list when empty, a custom one is null.
        return list(value) if value else (None if field.custom else [])

    def text(self, site: Site, field: FieldDef, value: Any) -> str:
        return " ".join(value or ())
