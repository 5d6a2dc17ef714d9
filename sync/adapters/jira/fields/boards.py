"""The boards of Jira Software, and what a rule means by ``sprint = { board = "Data Team" }``: the sprint
that is active on the board when the field is written."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.request import Call, records, unexpected
from sync.adapters.jira.fields.choices import nearest, several
from sync.adapters.jira.fields.field import name_of
from sync.domain.errors import Cause, Missing, Rejected
from sync.domain.names import Name, meant

_PAGE = 50
_MOST_PAGES = 40
_READING = "reading the boards"


@dataclass(frozen=True, slots=True)
class Board:
    """A board: its name with its id, and its type: scrum, kanban, or simple (of a team-managed
    project)."""

    name: Name
    type: str


@dataclass(frozen=True, slots=True)
class Sprint:
    """A sprint, and when it began as Jira writes it, "" where Jira does not tell."""

    name: Name
    begun: str = ""


def board_of(value: Any) -> str:
    """The board that a rule's value for the sprint names, "" for a value without one."""
    return str(value.get("board") or "").strip() if isinstance(value, Mapping) else ""


class Boards:
    """The boards of one site. Shared by threads. Methods raise Refused, Rejected and SiteDown."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def named(self, wished: str) -> tuple[Board, ...]:
        """The boards that a rule may mean by a name or id. Asks the site."""
        try:
            found = [_board(raw) for raw in self._pages("board", _READING, {"name": wished})]
        except Missing:
            return ()  # A Jira without Jira Software.
        if not meant(wished, [one.name for one in found]) and wished.isascii() and wished.isdigit():
            with suppress(Missing):
                raw = self._get(f"board/{wished}", _READING)
                found.append(_board(raw if isinstance(raw, dict) else {}))
        return tuple(found)

    def active(self, board: Board) -> tuple[Sprint, ...]:
        """The active sprints of a board, the one that began last first. Asks the site. Raises Rejected
        for a board that has no sprints by nature."""
        what = f"reading the active sprint of the board {board.name}"
        if board.type == "kanban":
            raise _sprintless(board)
        try:
            raw = self._pages(f"board/{board.name.id}/sprint", what, {"state": "active"})
        except Missing:
            raise _no_board(str(board.name), ()) from None
        except Rejected as fault:
            if fault.cause is Cause.PERMISSION:
                raise
            raise _sprintless(board) from None
        # Asked for the active ones; an answer that holds others as well says so itself.
        active = [one for one in raw if str(one.get("state") or "active").casefold() == "active"]
        found = [Sprint(name_of(one), str(one.get("startDate") or "")) for one in active]
        return tuple(sorted(found, key=lambda one: (one.begun, int(one.name.id)), reverse=True))

    def _pages(self, path: str, what: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        start = 0
        for _ in range(_MOST_PAGES):
            at = {**params, "startAt": start, "maxResults": _PAGE}
            page = self._get(path, what, at)
            if not isinstance(page, dict) or not isinstance(page.get("values"), list):
                raise unexpected(what)
            start += len(page["values"])
            found += [one for one in records(page["values"]) if one.get("id") is not None]
            if not page["values"] or page.get("isLast", True):
                break
        return found

    def _get(self, path: str, what: str, params: Mapping[str, Any] | None = None) -> Any:
        return self._calls.make(Call.get(path, what, params, root="agile", api="1.0"))


def chosen(wished: str, boards: tuple[Board, ...]) -> Board:
    """The board that a rule names. Raises Rejected where there is none, or several of that name."""
    found = meant(wished, [one.name for one in boards])
    if len(found) > 1:
        raise several("boards", wished, found, field="Sprint")
    if not found:
        raise _no_board(wished, boards)
    return next(one for one in boards if one.name.id == found[0].id)


def _board(raw: Mapping[str, Any]) -> Board:
    return Board(name_of(raw), str(raw.get("type") or "").casefold())


def _no_board(wished: str, boards: tuple[Board, ...]) -> Rejected:
    near = nearest(wished, [one.name for one in boards]) if boards else ""
    return Rejected(
        f"our account sees no board {wished!r}",
        cause=Cause.FIELD,
        field="Sprint",
        remedy=near
        or "Write the board's name, or the number in its address, and let our account see "
        "the board. A Jira without Jira Software has no boards.",
    )


def _sprintless(board: Board) -> Rejected:
    kind = f"is a {board.type} board, and " if board.type == "kanban" else ""
    return Rejected(
        f"the board {str(board.name)!r} {kind}has no sprints",
        cause=Cause.FIELD,
        field="Sprint",
        remedy="Name a board with sprints, or take the field out of the rule.",
    )
