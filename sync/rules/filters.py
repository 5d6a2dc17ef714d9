"""The filters of templates. The first parameter of each is the value before the ``|``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from jinja2 import pass_context
from jinja2.filters import FILTERS
from jinja2.runtime import Context, Undefined

from sync.domain.durations import in_words
from sync.domain.text import cut
from sync.rules.languages import translated
from sync.rules.moments import local, moment
from sync.rules.sandbox import bounded, concat, counted, listed, printed, spend
from sync.rules.worktime import Span, later, span_of
from sync.toml import Wrong, meant, said

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#&{}])")
_LEADING = re.compile(r"^(\s*)([-+=]|\d+(?=[.)]))")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
# An address of these characters alone is safe in Markdown as it is. What follows ``//`` is the
# beginning of a host, so the address has a host.
_SAFE_ADDRESS = re.compile(r"https?://[\w.~-][\w.~%/:=&?#+!$,;'@*-]*", re.ASCII | re.IGNORECASE)
_EMAIL = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
_NOTHING = object()


def _text(value: Any) -> str:
    """A value as the text that templates print for it. Raises Wrong for a list or a table."""
    return value if isinstance(value, str) else str(printed(value))


def md(value: Any) -> str:
    """Text escaped, so that Markdown shows it unchanged, on one line."""
    text = _SPECIAL.sub(r"\\\1", " ".join(_text(value).split()))
    leading = _LEADING.match(text)
    if leading is None:
        return text
    at = leading.end(2) if leading[2].isdigit() else leading.start(2)
    return f"{text[:at]}\\{text[at:]}"


def markdown(value: Any) -> str:
    """Text that is Markdown already. An open code fence is closed, so that further text may follow."""
    text, fence = _text(value).strip(), ""
    for line in text.splitlines():
        found = _FENCE.match(line)
        if not found:
            continue
        if not fence:
            fence = found[1]
        elif found[1].startswith(fence) and not found[2].strip():
            fence = ""
    return f"{text}\n{fence}" if fence else text


def link(value: Any, url: Any) -> str:
    """A Markdown link; the text alone where ``url`` is not an http(s) address."""
    words, address = md(value), web_address(url)
    return f"[{words or address}]({address})" if address else words


def web_address(url: Any) -> str:
    """An http(s) address made safe for Markdown; "" for any other."""
    text = str(url or "").strip()
    if _SAFE_ADDRESS.fullmatch(text):
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    if parts.scheme.lower() not in ("http", "https") or not parts.netloc:
        return ""
    return quote(text, safe="%/:=&?~#+!$,;'@*[]").replace("[", "%5B").replace("]", "%5D")


def truncate(value: Any, length: int = 255, end: str = "…") -> str:
    """The text in at most ``length`` characters; ``end`` marks a cut."""
    return cut(_text(value), length, end)


def basic(value: Any) -> str:
    """Text with a ``?`` for each character of four bytes (emoji, rare ideographs), on which a Jira
    with an old MySQL fails.

    >>> basic("late 😀")
    'late ?'
    """
    return re.sub("[^\\u0000-\\uffff]", "?", _text(value))


def slug(value: Any, length: int = 60) -> str:
    """The text in lower-case letters, digits and hyphens, as labels need it."""
    # Each character is normalised by itself: for a long run of accents, normalising the whole text
    # would take quadratic time.
    apart = (unicodedata.normalize("NFKD", character) for character in _text(value))
    plain = "".join(apart).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:length].strip("-")


def local_time(
    value: Any,
    tz: str = "UTC",
    format: str = "%Y-%m-%d %H:%M %Z",  # noqa: A002
    language: str = "",
) -> str:
    """A time written in a time zone, with the names of days and months in a language; "" for no time."""
    if not value:
        return ""
    at = local(value, tz)
    return at.strftime(translated(format, at, language) if language else format)


def day(value: Any, tz: str = "UTC") -> str:
    """The date of a time, in the form of Jira's date fields; "" for no time."""
    return local_time(value, tz, "%Y-%m-%d")


def plus(
    value: Any, duration: Any, tz: str = "UTC", calendar: str = "", hours: str = "09:00-17:00"
) -> str:
    """A later time, or for business days the later date; "" for no time."""
    if not value:
        return ""
    span = span_of(duration)
    if isinstance(span, Span):
        return later(local(value, tz), span, calendar, hours)
    return (moment(value) + timedelta(seconds=span)).isoformat()


def duration(value: Any, until: Any = _NOTHING) -> str:
    """Seconds in words, or the time between two moments in words; "" where one is missing."""
    if until is _NOTHING:
        if not isinstance(value, int | float):
            raise Wrong(
                f"gives `duration` {said(value)}, which is no number of seconds",
                "Write: issue.started_at | duration(issue.ended_at).",
            )
        return in_words(float(value))
    return in_words((moment(until) - moment(value)).total_seconds()) if value and until else ""


def jira_user(value: Any) -> str:
    """An email address for a user field. The adapter looks up the account that has the address."""
    text = _text(value).strip()
    if text and not _EMAIL.fullmatch(text):
        raise Wrong(f"{said(text)} is not an email address", "jira_user takes an email address.")
    return text


# A row of a table has one of these: a subject, an entity, a data product.
_SHOWN = frozenset(("kind", "name", "downstream"))


def _when(value: Any) -> str:
    try:
        return local_time(value)
    except Wrong:
        return md(value)


def _cells(entity: Mapping[str, Any]) -> tuple[str, ...]:
    if "kind" in entity:
        state = str(entity.get("state", "")).replace("_", " ")
        name = md((entity.get("trigger_entity") or {}).get("name") or "")
        title = link(entity.get("title"), entity.get("url"))
        return title, name, state, _when(entity.get("started_at"))
    if "count" in entity:
        return md(entity.get("name") or ""), str(entity["count"])
    if "downstream" in entity:
        where = "downstream" if entity["downstream"] else "direct"
        cells = (entity.get(key) or "" for key in ("title", "priority", "folder"))
        return (*map(md, cells), where)
    name = link(entity.get("name"), entity.get("entity_url"))
    return name, md(entity.get("type_name") or ""), md(entity.get("folder") or "")


def without(values: Any, others: Any) -> list[Any]:
    """The entities or subjects of a list that are not in another list."""
    if not values:
        return []
    excluded = listed(others or ())
    found = [value for value in listed(values) if value not in excluded]
    known = {_cells(other) for other in excluded} if found else set()
    return [value for value in found if _cells(value) not in known]


def _columns(rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The heads and the rows of a table. Equal rows are shown once: the entity that triggered an issue
    is mostly among those that the issue affects, too."""
    differing = [row for number, row in enumerate(rows) if number == 0 or row != rows[number - 1]]
    found = list(dict.fromkeys(map(_cells, differing)))
    if "count" in rows[0]:
        return ("Downstream", "Number"), found
    if "downstream" in rows[0]:
        return ("Data product", "Priority", "Folder", "Impact"), found
    if "kind" not in rows[0]:
        return ("Entity", "Type", "Folder"), found
    if len({cells[1] for cells in found}) > 1:
        return ("Subject", "Entity", "Status", "Started"), found
    # All subjects have the same entity, so the column is left out.
    return ("Subject", "Status", "Started"), [(cells[0], *cells[2:]) for cells in found]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell or ' ' for cell in cells)} |"


def table(values: Any, limit: int = 25) -> str:
    """A Markdown table of entities, of subjects or of data products."""
    rows = [values] if isinstance(values, Mapping) else listed(values or ())
    if not rows:
        return ""
    if not all(isinstance(row, Mapping) and _SHOWN & row.keys() for row in rows):
        raise Wrong(
            "`table` shows entities, subjects or data products",
            "Write: issue.monitored_entities | table.",
        )
    heads, found = _columns(rows)
    lines = [_row(heads), _row(["---"] * len(heads)), *map(_row, found[:limit])]
    more = len(found) - limit
    return "\n".join([*lines, *([f"\n… and {more} more."] if more > 0 else [])]) + "\n"


def _keys(value: Any) -> Iterable[str]:
    if isinstance(value, Undefined):
        str(value)
    for one in value if isinstance(value, list | tuple) else (value,):
        if isinstance(one, Mapping):
            yield from (str(one[k]) for k in ("title", "id", "name") if one.get(k))
        elif one is not None:
            yield _text(one)


def _table(context: Context, name: str) -> dict[str, Any]:
    """A table by its keys, case-folded. Raises Wrong for one that is not there."""
    tables: Mapping[str, Mapping[str, Any]] = context["tables"]
    if name not in tables:
        raise Wrong(f"there is no table {name!r}", meant(name, tables))
    return {key.casefold(): found for key, found in tables[name].items()}


@pass_context
def lookup(context: Context, value: Any, name: str, default: Any = _NOTHING) -> Any:
    """The value that a table has for a text, for an owner, or for the first item of a list that the
    table has."""
    folded = _table(context, name)
    asked = list(_keys(value))
    for key in asked:
        if key.casefold() in folded:
            return folded[key.casefold()]
    if default is not _NOTHING:
        return default
    raise Wrong(
        f"[tables.{name}] has nothing for {', '.join(map(repr, asked)) or 'nothing'}",
        f"Add it there, or give a default: lookup('{name}', 'Medium').",
    )


@pass_context
def lookup_each(context: Context, value: Any, name: str) -> list[Any]:
    """The values that a table has for the items of a list, each once. Text that the table lacks stays as
    it is; an owner or entity that it lacks is left out. Lists in the list are taken apart."""
    folded, found = _table(context, name), list[Any]()
    for item in _items(value):
        known = [folded[key.casefold()] for key in _keys(item) if key.casefold() in folded]
        new = known[:1] or ([] if isinstance(item, Mapping) else [item])
        found += [one for one in _items(new) if one not in ("", *found)]
    return found


def _items(value: Any) -> list[Any]:
    """The items of a list and of the lists in it; a value that is none alone. What is empty is left
    out."""
    if isinstance(value, Undefined):
        str(value)
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        return [] if value in (None, "") else [value]
    return [one for item in listed(value) for one in _items(item)]


def join(values: Any, between: str = ", ", attribute: str | None = None) -> str:
    """The texts of a list as one text."""
    texts = []
    for value in listed(values):
        found = value.get(attribute) if attribute and isinstance(value, Mapping) else value
        if found not in (None, ""):
            texts.append(_text(found))
    return bounded(between.join(texts))


def replace(value: Any, old: str, new: str) -> str:
    """The text with every ``old`` replaced by ``new``."""
    spend()
    text = _text(value)
    if not old:
        raise Wrong("`replace` was given nothing to replace", "Write: replace('old', 'new').")
    if len(text) + text.count(old) * len(new) > 2 * 100_000:
        bounded("x" * 100_001)
    return bounded(text.replace(old, new))


def string(value: Any) -> str:
    """The value as text."""
    return _text(value)


def length(value: Any) -> int:
    """The number of items or characters."""
    if isinstance(value, Undefined):
        str(value)
    return len(value if isinstance(value, str | Mapping | Sequence) else listed(value))


_JINJA = (
    *("abs", "capitalize", "d", "default", "dictsort", "first", "float", "int", "items", "last"),
    *("list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "round", "select"),
    *("selectattr", "sort", "sum", "title", "trim", "unique", "upper"),
)

ALL: dict[str, Callable[..., Any]] = {
    **{name: FILTERS[name] for name in _JINJA},
    "length": length,
    "count": length,
    "join": join,
    "replace": replace,
    "string": string,
    "md": md,
    "markdown": markdown,
    "link": link,
    "truncate": truncate,
    "slug": slug,
    "basic": basic,
    "table": table,
    "without": without,
    "local_time": local_time,
    "date": day,
    "plus": plus,
    "duration": duration,
    "jira_user": jira_user,
    "lookup": lookup,
    "lookup_each": lookup_each,
    "_counted": counted,
    "_concat": concat,
}
KNOWN = tuple(sorted(name for name in ALL if not name.startswith("_")))
TESTS = (
    *("defined", "undefined", "none", "string", "number", "integer", "float", "boolean"),
    *("mapping", "sequence", "even", "odd", "in", "eq", "equalto", "ne", "lt", "le", "gt", "ge"),
    *("true", "false", "divisibleby", "lower", "upper", "sameas"),
)
