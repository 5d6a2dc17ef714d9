"""A rule's values in canonical form: JSON-compatible, and equal exactly if Jira shows the same value.

LINE is a string. OPTION and NAMED are a ``Name``: the name that Jira shows, with the id that is sent.
Lists of names are sorted lists, users account ids (Cloud) or user names (Data Center), dates
``YYYY-MM-DD``, datetimes UTC with milliseconds, CASCADE ``"parent > child"``, None for empty. TEXT is a
Document, LABELS a sorted list. Fields of Jira's apps are ids (``fields/apps.py``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from difflib import get_close_matches
from typing import Any

from sync.adapters.jira.fields import apps
from sync.adapters.jira.fields.field import Allowed, FieldInfo, Shape, below
from sync.adapters.jira.fields.people import Account
from sync.adapters.jira.text import rich as text
from sync.domain.errors import Cause, Rejected
from sync.domain.names import Name, meant
from sync.domain.text import LINE_LIMIT, SUMMARY_LIMIT, is_empty, labels, parts, ticket_line, units

# Gives the account of a person for a field, by id.
PersonOf = Callable[[str, str], Account]


def nearest(wrong: str, names: Iterable[str]) -> str:
    """A remedy that gives the valid names nearest to a wrong name, and the first few valid names."""
    known = sorted(set(map(str, names)), key=str.casefold)
    folded = {name.casefold(): name for name in known}
    close = [folded[n] for n in get_close_matches(wrong.casefold(), list(folded), 3, 0.5)]
    first = f"Did you mean {' or '.join(map(repr, close))}? " if close else ""
    if not known:
        return "There are none."
    more = f" and {len(known) - 12} more" if len(known) > 12 else ""
    return f"{first}It may be: {', '.join(known[:12])}{more}."


class Values:
    """Turns a rule's values into canonical ones. ``person_of`` looks people up."""

    def __init__(self, cloud: bool, person_of: PersonOf) -> None:
        self._cloud = cloud
        self._person_of = person_of

    def canonical_all(
        self, wished: Iterable[tuple[FieldInfo, Any]], *, whole_at: str = ""
    ) -> dict[str, Any]:
        """``canonical`` for many fields, by field id."""
        return {info.id: self.canonical(info, value, whole_at=whole_at) for info, value in wished}

    def canonical_or_fault(
        self, wished: Mapping[str, tuple[FieldInfo, Any]], *, whole_at: str = ""
    ) -> dict[str, Any]:
        """``canonical`` for many fields. In place of a value that is not valid stands its Rejected."""
        found = dict[str, Any]()
        for name, (info, value) in wished.items():
            try:
                found[name] = self.canonical(info, value, whole_at=whole_at)
            except Rejected as fault:
                found[name] = fault
        return found

    def canonical(self, info: FieldInfo, value: Any, *, whole_at: str = "") -> Any:
        """The canonical form. Raises Rejected with the field and the nearest valid values.

        A text that is too long for Jira is cut, with a note that the whole text is at ``whole_at``.
        """
        if info.shape is Shape.LABELS:
            return labels(value)
        if is_empty(value):
            return None
        if info.shape is Shape.TEXT:
            return text.document(str(value), self._cloud, whole_at) or None
        return _RESOLVE[info.shape](self, info, value)

    def _line(self, info: FieldInfo, value: Any) -> str | None:
        limit = SUMMARY_LIMIT if info.id == "summary" else LINE_LIMIT
        return ticket_line(str(value), limit) or None

    def _markup_line(self, info: FieldInfo, value: Any) -> str | None:
        line, room = ticket_line(str(value)), LINE_LIMIT
        # Jira's limit is for the markup.
        while units(text.line_to_jira(line, self._cloud)) > LINE_LIMIT:
            room = min(room, units(line)) - 1
            line = ticket_line(line, room)
        return line or None

    def _number(self, info: FieldInfo, value: Any) -> int | float:
        try:
            number = float(value if not isinstance(value, bool) else "no")
            if not math.isfinite(number):
                raise ValueError
        except (TypeError, ValueError):
            raise _wrong(info, value, "a number", "Give a number, as 3 or 2.5.") from None
        return int(number) if number.is_integer() else number

    def _date(self, info: FieldInfo, value: Any) -> str:
        if isinstance(value, datetime):
            return value.date().isoformat()
        if isinstance(value, date):
            return value.isoformat()
        match = re.match(r"\d{4}-\d{2}-\d{2}", str(value).strip())
        try:
            return date.fromisoformat(match.group() if match else "").isoformat()
        except ValueError:
            raise _wrong(info, value, "a date", "Write it as 2030-01-31.") from None

    def _datetime(self, info: FieldInfo, value: Any) -> str:
        moment = value if isinstance(value, datetime) else parse_datetime(str(value))
        if moment is None:
            raise _wrong(info, value, "a time", "Write it as 2030-01-31T12:00:00Z.")
        return datetime_form(moment)

    def _option(self, info: FieldInfo, value: Any) -> Name:
        return choose(info, str(value).strip(), info.allowed)

    def _options(self, info: FieldInfo, value: Any) -> list[Name] | None:
        names = {choose(info, part, info.allowed) for part in _choices(value, info.allowed)}
        return sorted(names) or None

    def _cascade(self, info: FieldInfo, value: Any) -> Name:
        ways = [way for way in _levels(value) if way[0]]
        if not ways:
            raise _wrong(info, value, "a choice", "Write it as 'Parent > Child'.")
        # The name of an option may itself contain ">": the first reading that names options counts.
        first, second = next((way for way in ways if _is_there(info, *way)), ways[-1])
        parent = pick(info, first, info.allowed)
        if not second:
            return info.told_apart(parent)
        return info.told_apart(below(parent, pick(info, second, _children(info, parent))))

    def _of_an_app(self, info: FieldInfo, value: Any) -> str | list[str] | None:
        found = apps.ids_of(info.shape, value)
        pattern, kind, remedy = apps.FORMS[info.shape](self._cloud)
        for id_ in found if isinstance(found, list) else [found or ""]:
            if not re.fullmatch(pattern, id_):
                raise _wrong(info, id_ or value, kind, remedy)
        return found

    def _user(self, info: FieldInfo, value: Any) -> str | None:
        """The first of the people given whom Jira knows for the field."""
        failed = list[Account]()
        for wished in candidates(value):
            if found := self._person_of(wished, info.id):
                return found.id
            failed.append(found)
        if not failed:
            return None
        problem = "; ".join(dict.fromkeys(one.problem for one in failed))
        if len(failed) > 1:
            problem = f"none of {len(failed)} people named can have it: {problem}"
        raise Rejected(problem, cause=Cause.FIELD, field=info.name, remedy=failed[0].remedy)

    def _users(self, info: FieldInfo, value: Any) -> list[str] | None:
        found = {self._user(info, part) for part in parts(flat(value))}
        return sorted(id_ for id_ in found if id_) or None


_RESOLVE: dict[Shape, Callable[[Values, FieldInfo, Any], Any]] = {
    Shape.LINE: Values._line,
    Shape.MARKUP_LINE: Values._markup_line,
    Shape.NUMBER: Values._number,
    Shape.DATE: Values._date,
    Shape.DATETIME: Values._datetime,
    Shape.OPTION: Values._option,
    Shape.OPTIONS: Values._options,
    Shape.CASCADE: Values._cascade,
    Shape.NAMED: Values._option,
    Shape.NAMED_LIST: Values._options,
    Shape.USER: Values._user,
    Shape.USERS: Values._users,
    Shape.PARENT: lambda values, info, value: str(value).strip(),
    Shape.PROJECT: lambda values, info, value: str(value).strip(),
    **dict.fromkeys(apps.FORMS, Values._of_an_app),
    Shape.OTHER: lambda values, info, value: value,
}


def flat(value: Any) -> Any:
    """A list with the items of the lists in it, as a template in a list may give one. Other values as
    they are."""
    if not isinstance(value, list | tuple):
        return value
    return [
        one for item in map(flat, value) for one in (item if isinstance(item, list) else [item])
    ]


def candidates(value: Any) -> list[str]:
    """The people of whom a field for one person takes the first that may have it: the items of a list,
    or the addresses in a text. A display name may have a comma in it."""
    texts = parts(value) if isinstance(value, str) else []
    if not (isinstance(value, list | tuple) or all("@" in text for text in texts)):
        return [str(value).strip()]
    return list(dict.fromkeys(texts or parts(flat(value))))


def _levels(value: Any) -> Iterator[tuple[str, str]]:
    """The ways to read a wish for a cascading select: the option, and the one below it or ""."""
    if isinstance(value, Mapping):
        child = value.get("child")
        given = [value, child if isinstance(child, Mapping) else {}]
        value = [str(one.get("value") or one.get("id") or "") for one in given]
    if isinstance(value, list | tuple):
        first, second, *_ = (*(str(one).strip() for one in value), "", "")
        yield first, second
        return
    text = str(value)
    yield text.strip(), ""
    signs = [place for place, sign in enumerate(text) if sign == ">"]
    # The reading at the first ">" comes last: where no reading names options, errors are about the
    # last.
    for place in reversed(signs):
        yield text[:place].strip(), text[place + 1 :].strip()


def _children(info: FieldInfo, parent: Name) -> Sequence[Allowed] | None:
    if info.allowed is None:
        return None
    return next((one.children for one in info.allowed if one.name.id == parent.id), ())


def _is_there(info: FieldInfo, first: str, second: str) -> bool:
    if info.allowed is None:
        return False
    found = meant(first, [known.name for known in info.allowed])
    return bool(found) and all(
        not second or meant(second, [known.name for known in _children(info, one) or ()])
        for one in found
    )


def _wrong(info: FieldInfo, value: Any, kind: str, remedy: str) -> Rejected:
    shown = ticket_line(str(value), 60)
    words = f"is not {kind}"
    return Rejected(words, cause=Cause.FIELD, field=info.name, value=shown, remedy=remedy)


def choose(info: FieldInfo, wished: str, allowed: Sequence[Allowed] | None) -> Name:
    """``pick``, told apart from other values of the field that have the same name."""
    return info.told_apart(pick(info, wished, allowed))


def pick(info: FieldInfo, wished: str, allowed: Sequence[Allowed] | None) -> Name:
    """The allowed value with this name or id, as Jira spells it; ``wished`` itself where Jira lists no
    values. Raises Rejected for any other, and for a name that several values share."""
    if allowed is None:
        return Name.of(wished)
    found = meant(wished, [known.name for known in allowed])
    if len(found) == 1:
        return found[0]
    if found:
        raise several("values", wished, found, field=info.name)
    raise Rejected(
        "is not a value of this field",
        cause=Cause.FIELD,
        field=info.name,
        value=ticket_line(wished, 60),
        remedy=nearest(wished, [known.name for known in allowed]),
    )


def several(
    things: str, wished: str, found: Iterable[Name], *, field: str = "", cause: Cause = Cause.FIELD
) -> Rejected:
    """The fault for a name that several things share."""
    ids = ", ".join(sorted(name.with_id for name in found))
    remedy = f"Write the id in the rule instead: one of {ids}."
    return Rejected(
        f"several {things} are named {wished!r}", cause=cause, field=field, remedy=remedy
    )


def _choices(value: Any, allowed: Sequence[Allowed] | None) -> list[str]:
    """The parts of a value. A string with commas is split unless it is an allowed value as a whole."""
    whole = str(value).strip()
    return [whole] if meant(whole, [known.name for known in allowed or ()]) else parts(value)


def parse_datetime(text_: str) -> datetime | None:
    """A moment from RFC 3339 or Jira's own form (``+0000`` without a colon), else None."""
    tidy = re.sub(r"([+-]\d{2})(\d{2})$", r"\1:\2", text_.strip().replace("Z", "+00:00"))
    tidy = re.sub(r"(\.\d{6})\d+", r"\1", tidy)
    try:
        moment = datetime.fromisoformat(tidy)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def datetime_form(moment: datetime) -> str:
    """A moment as Jira takes it: UTC, milliseconds."""
    utc = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond // 1000:03d}+0000"
