"""The tickets and fields that were set aside, by what keeps them so, and having them tried again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sync.domain.admission import Admission
from sync.domain.times import lasting, stamp
from sync.operations.accounts import Account
from sync.operations.acts import Act, Done, perform
from sync.operations.errors import Changed
from sync.operations.tickets import unknown
from sync.operations.values import Choice
from sync.store import asides, parking, tickets
from sync.store.engine import Store
from sync.store.parking import SPREAD_SECONDS, Group
from sync.store.tables import Record

# So many parked tickets are looked at, those that are parked longest.
LOOKED_AT = 10_000
# So many tickets of a group are named.
NAMED = 20
_SEVERAL = 5


@dataclass(frozen=True, slots=True)
class ParkedQuery:
    """Which parked tickets; "" for any. ``group`` is the id of a group."""

    rule: str = ""
    project: str = ""
    site: str = ""
    group: str = ""

    @property
    def filters(self) -> dict[str, str]:
        """What is asked for, by its name in the address."""
        asked = {"rule": self.rule, "project": self.project, "site": self.site, "group": self.group}
        return {name: value for name, value in asked.items() if value}


@dataclass(frozen=True, slots=True)
class ParkedTicket:
    """A ticket of a group. ``ticket`` is its key in Jira, None before it is made."""

    id: int
    ticket: str | None
    key: str

    @property
    def name(self) -> str:
        """By what people know it."""
        return self.ticket or self.key


@dataclass(frozen=True, slots=True)
class ParkedGroup:
    """What one mistake keeps aside. ``id`` names the mistake; ``count`` tickets, the first of which are
    in ``tickets``. ``fields_only``: the tickets are kept, save for this field. ``reason`` are the words
    for one of them, ``file`` and ``line`` the place in the rules ("" and 0 where it is not known).
    ``since`` and ``next_try`` are in seconds since the epoch."""

    id: str
    count: int
    fields_only: bool
    reason: str
    values: list[str]
    cause: str
    field: str
    key: str
    rule: str
    site: str
    where: str
    file: str
    line: int
    remedy: str
    since: float | None
    next_try: float | None
    tickets: list[ParkedTicket]


@dataclass(frozen=True, slots=True)
class Parked:
    """What is set aside, the largest group first. ``tickets`` and ``fields`` count what fits,
    ``again`` the tickets that "try all again" reaches.
    ``partly``: there are more parked tickets than were looked at."""

    groups: list[ParkedGroup]
    tickets: int
    fields: int
    again: int
    partly: bool
    rules: list[Choice]
    projects: list[Choice]
    sites: list[Choice]


@dataclass(frozen=True, slots=True)
class Retried(Done):
    """That tickets are tried again, and how many; 0 where the same act had just been done."""

    retried: int = 0


def parked_of(store: Store, query: ParkedQuery) -> Parked:
    """What is set aside, grouped by cause."""
    with store.read() as session:
        found = parking.listed(session, limit=LOOKED_AT + 1)
    rows = [row for row in found[:LOOKED_AT] if _fits(row, query)]
    groups = [_group(one) for one in parking.grouped(rows)]
    shown = [one for one in groups if not query.group or one.id == query.group]
    return Parked(
        groups=shown,
        tickets=_counted(shown, fields_only=False),
        fields=_counted(shown, fields_only=True),
        again=len(_ids(rows, query)),
        partly=len(found) > LOOKED_AT,
        rules=_choices(row.rule for row in found),
        projects=_choices(row.project for row in found),
        sites=_choices(row.site for row in found),
    )


def _counted(groups: Iterable[ParkedGroup], *, fields_only: bool) -> int:
    return sum(one.count for one in groups if one.fields_only is fields_only)


def sentence(found: Parked) -> str:
    """The answer in words."""
    if not found.groups:
        return "Nothing is parked"
    parts = []
    if found.tickets:
        parts.append(f"{_number(found.tickets, 'ticket')} {_is(found.tickets)} set aside")
    if found.fields:
        kept = "of tickets that are kept"
        parts.append(f"{_number(found.fields, 'field')} {kept} {_is(found.fields)} set aside")
    causes = len(found.groups)
    return f"{' and '.join(parts)}, for {_number(causes, 'cause')}"


def try_again(
    store: Store,
    account: Account,
    query: ParkedQuery,
    now: float,
    *,
    shown: int | None = None,
    wake: Callable[[], object] = lambda: None,
) -> Retried:
    """Have all tickets that fit tried again. Raises Changed where they are more than the ``shown`` ones
    that the account has seen."""
    count = 0
    about = ", ".join(f"{name}={value}" for name, value in query.filters.items()) or "all"

    def work() -> str:
        nonlocal count
        with store.read() as session:
            rows = parking.listed(session, limit=1_000_000_000)
        ids = _ids(rows, query)
        if shown is not None and len(rows) > LOOKED_AT:
            # Nobody was shown more than those that are parked longest.
            ids = ids[: max(shown, 0)]
        if not ids:
            return f"Nothing{_of(query)} is parked."
        if shown is not None and len(ids) > shown:
            raise Changed(
                f"{_number(len(ids), 'ticket')} would be tried again, and you have seen {shown:,}. Look "
                "at them, and try again."
            )
        if query.group:
            with store.write() as session:
                asides.take_up(session, ids)
        count = parking.retry_all(store, ids, now, f"asked for by {account.name}")
        wake()
        return due_words(count)

    done = perform(store, account, Act("retry", about), work, now)
    return Retried(done.id, done.words, done.already, count)


def try_one_again(
    store: Store,
    account: Account,
    name: str,
    now: float,
    *,
    wake: Callable[[], object] = lambda: None,
) -> Retried:
    """Have one ticket tried again, by any of its names; one that is not parked is read in Jira and
    brought to where its rule wants it. Raises NotFound."""

    def work() -> str:
        with store.write() as session:
            row = tickets.find(session, name)
            if row is None:
                raise unknown(session, name)
            held = row.admission == Admission.HELD
            assert row.id is not None
            asides.take_up(session, [row.id])
            parking.retry(session, [row], now, f"asked for by {account.name}")
            more = " It is held no more: both sides count as agreed." if held else ""
            words = f"{row.jira_key or row.key} will be tried at once.{more}"
        wake()
        return words

    done = perform(store, account, Act("retry", name), work, now)
    return Retried(done.id, done.words, done.already, int(not done.already))


def due_words(count: int) -> str:
    """What becomes of tickets that were made due, spread over time."""
    spread = count * SPREAD_SECONDS
    when = f"within {lasting(spread)}" if spread >= 1 else "now"
    verb = "is" if count == 1 else "are"
    return f"{_number(count, 'ticket')} {verb} due, and will be tried {when}."


def _of(query: ParkedQuery) -> str:
    return "".join(f" of {name} {value!r}" for name, value in query.filters.items())


def said_of(group: Group) -> str:
    """Why the tickets of a group are parked: the field, the values, and what is wrong with them."""
    field = f"{group.why['field']}: " if group.why.get("field") else ""
    values = f"{several([repr(value) for value in group.values])} " if group.values else ""
    return f"{field}{values}{group.why['reason']}"


def several(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - _SEVERAL} more" if len(names) > _SEVERAL else ""
    return ", ".join(names[:_SEVERAL]) + more


def group_id(cause: Iterable[str]) -> str:
    """A name for a cause that fits an address."""
    text = json.dumps(list(cause))
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def _ids(rows: Iterable[Record], query: ParkedQuery) -> list[int]:
    # What a person set aside is tried again only where that very group, or ticket, is asked for.
    return [
        row.id
        for row in rows
        if _fits(row, query)
        and (query.group or row.aside is None)
        and (
            not query.group
            or any(
                group_id(parking.cause_of(row, why)) == query.group for why in parking.causes(row)
            )
        )
    ]


def _fits(row: Record, query: ParkedQuery) -> bool:
    return all(
        not wanted or wanted == value
        for wanted, value in (
            (query.rule, row.rule),
            (query.project, row.project),
            (query.site, row.site),
        )
    )


def _group(group: Group) -> ParkedGroup:
    first, why = group.rows[0], group.why
    where = str(why.get("where") or "")
    file, _, line = where.rpartition(":")
    due = [row.due_at for row in group.rows if row.due_at is not None]
    return ParkedGroup(
        id=group_id(parking.cause_of(first, why)),
        count=len(group.rows),
        fields_only=first.parked_at is None,
        reason=said_of(group),
        values=list(group.values[:NAMED]),
        **{name: str(why.get(name) or "") for name in ("cause", "field", "key", "remedy")},
        rule=str(why.get("rule") or first.rule),
        site=first.site,
        where=where,
        file=file if line.isdigit() else "",
        line=int(line) if line.isdigit() else 0,
        since=why.get("since"),
        next_try=min(due, default=None),
        tickets=[
            ParkedTicket(row.id or 0, row.jira_key or None, row.key) for row in group.rows[:NAMED]
        ],
    )


def _choices(values: Iterable[str]) -> list[Choice]:
    found: dict[str, int] = {}
    for value in filter(None, values):
        found[value] = found.get(value, 0) + 1
    return [Choice(value, number) for value, number in sorted(found.items())]


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun if count == 1 else noun + 's'}"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


COLUMNS = ("tickets", "since", "reason", "rule", "where", "key", "remedy", "site")


def exported(found: Parked) -> Iterable[Sequence[object]]:
    """The groups as rows of a table, in the order of ``COLUMNS``."""
    for one in found.groups:
        yield [
            one.count,
            stamp(one.since),
            one.reason,
            one.rule,
            one.where,
            one.key,
            one.remedy,
            one.site,
        ]
