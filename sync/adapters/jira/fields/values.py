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
from typing import Any

from sync.adapters.jira.fields import apps
from sync.adapters.jira.fields.choices import flat, gathered, one_of, pick, some_of
from sync.adapters.jira.fields.desks import Offer
from sync.adapters.jira.fields.field import Allowed, FieldInfo, Shape, below
from sync.adapters.jira.fields.people import Account
from sync.adapters.jira.text import rich as text
from sync.domain.epics import Foreseen
from sync.domain.errors import Cause, Rejected
from sync.domain.names import Name, meant
from sync.domain.text import LINE_LIMIT, SUMMARY_LIMIT, is_empty, labels, parts, ticket_line, units

# Gives the account of a person for a field, by id.
PersonOf = Callable[[str, str], Account]
# Gives what the service project of a ticket offers for fields of a shape.
OfferOf = Callable[[Shape], Offer]
# Gives what a rule's table stands for as a value of a field, None for no value. Raises Rejected.
StandsFor = Callable[[Mapping[str, Any]], Any]


class Values:
    """Turns a rule's values into canonical ones. ``person_of`` looks people up, ``offer_of`` what has a
    name in a service project; without it, such things go by their numbers. ``tables`` say, by the shape
    of the field, what a table in a rule stands for."""

    def __init__(
        self,
        cloud: bool,
        person_of: PersonOf,
        *,
        offer_of: OfferOf | None = None,
        tables: Mapping[Shape, StandsFor] | None = None,
    ) -> None:
        self._cloud = cloud
        self._person_of = person_of
        self._offer_of = offer_of
        self._tables = tables or {}

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
        if isinstance(value, Mapping) and info.shape in self._tables:
            value = self._tables[info.shape](value)
            if isinstance(value, Foreseen):
                return value
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
        for id_ in found if isinstance(found, list) else [found or ""]:
            self._formed(info, id_, value)
        return found

    def _formed(self, info: FieldInfo, id_: str, value: Any) -> str:
        """An id of a thing of an app. Raises Rejected for one of another form."""
        pattern, kind, remedy = apps.FORMS[info.shape](self._cloud)
        if not re.fullmatch(pattern, id_):
            raise _wrong(info, id_ or value, kind, remedy)
        return id_

    def _request_type(self, info: FieldInfo, value: Any) -> str | list[str] | None:
        # Data Center takes keys, and its API tells names and numbers only.
        text = apps.id_of(info.shape, value)
        by_name = self._cloud and bool(text)
        return self._of_an_app(info, self._numbered(info, text) if by_name else value)

    def _organizations(self, info: FieldInfo, value: Any) -> list[str] | None:
        return gathered(info, self._several(info, value), lambda one: [self._numbered(info, one)])

    def _several(self, info: FieldInfo, value: Any) -> list[str]:
        """The items of a list of things of a service project. A text with commas may be one name."""
        if not isinstance(value, str):
            given = flat(value) if isinstance(value, list | tuple) else [value]
            return [id_ for one in given if (id_ := apps.id_of(info.shape, one))]
        found = parts(value)
        if len(found) > 1 and self._offer_of and not all(map(_is_number, found)):
            found = [value] if meant(value, self._offer_of(info.shape).names) else found
        return found

    def _numbered(self, info: FieldInfo, wished: str) -> str:
        """The number of a thing of a service project that a rule gives by number or by name."""
        if _is_number(wished) or self._offer_of is None:
            return self._formed(info, wished, wished)
        offer = self._offer_of(info.shape)
        if offer.problem:
            words, remedy = f"cannot be looked up: {offer.problem}", offer.remedy
            raise Rejected(words, cause=Cause.FIELD, field=info.name, value=wished, remedy=remedy)
        return pick(info, wished, tuple(map(Allowed, offer.names))).id

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
        return gathered(
            info, parts(flat(value)), lambda part: filter(None, [self._user(info, [part])])
        )


_RESOLVE: dict[Shape, Callable[[Values, FieldInfo, Any], Any]] = {
    Shape.LINE: Values._line,
    Shape.EPIC_NAME: Values._line,
    Shape.MARKUP_LINE: Values._markup_line,
    Shape.NUMBER: Values._number,
    Shape.DATE: Values._date,
    Shape.DATETIME: Values._datetime,
    Shape.OPTION: lambda values, info, value: one_of(info, value),
    Shape.OPTIONS: lambda values, info, value: some_of(info, value),
    Shape.CASCADE: Values._cascade,
    Shape.NAMED: lambda values, info, value: one_of(info, value),
    Shape.NAMED_LIST: lambda values, info, value: some_of(info, value),
    Shape.USER: Values._user,
    Shape.USERS: Values._users,
    Shape.PARENT: lambda values, info, value: str(value).strip(),
    Shape.PROJECT: lambda values, info, value: str(value).strip(),
    **dict.fromkeys(apps.FORMS, Values._of_an_app),
    Shape.REQUEST_TYPE: Values._request_type,
    Shape.ORGANIZATIONS: Values._organizations,
    Shape.OTHER: lambda values, info, value: value,
}


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


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
