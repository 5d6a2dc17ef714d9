"""The rules as documents: in force and on disk, drafts, plans, saving, accepting, history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sync.operations.accounts import Role
from sync.operations.acts import Done
from sync.operations.errors import NotAllowed, Refused
from sync.operations.rules import (
    accept,
    backtest,
    drafts,
    files,
    history,
    plan,
    progress,
    save,
    undo,
)
from sync.operations.rules.check import Told, quick
from sync.operations.rules.completion import Completion, completion
from sync.operations.rules.draft_view import Draft, Other
from sync.operations.rules.editing import Editing
from sync.operations.rules.merge import Merged
from sync.operations.rules.patch import patch
from sync.operations.rules.shapes import PlanTicket
from sync.operations.values import RowId
from sync.web.api.endpoints import Endpoint
from sync.web.pages.addresses import number_in
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Visit

# No number of a row is larger.
_MOST = 2**63 - 1
_MOST_DAYS = 3660


@dataclass(frozen=True, slots=True)
class From:
    """``after``: what is older than this version."""

    after: RowId = 0


@dataclass(frozen=True, slots=True)
class Between:
    """Two of: the number of a version, "disk", "in-force"."""

    old: str = history.IN_FORCE
    new: str = history.DISK


@dataclass(frozen=True, slots=True)
class Begin:
    """``version``: the draft reverts to this version; 0 for the files on disk."""

    version: RowId = 0


@dataclass(frozen=True, slots=True)
class Revert:
    """``version`` by its number; 0 for the one before the one in force."""

    version: RowId = 0


@dataclass(frozen=True, slots=True)
class ToUndo:
    """``version`` is that of the edit whose plan was looked at; 0 for whichever is the last."""

    version: RowId = 0


@dataclass(frozen=True, slots=True)
class Text:
    """What a file is to say. The line ends become those of the file."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """A file by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Renaming:
    """A file and its new name."""

    name: str
    to: str


@dataclass(frozen=True, slots=True)
class Undo:
    """``name``: one file, "" for all."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """Mistakes and warnings of a draft; ``words`` say what was asked of Jira."""

    told: tuple[Told, ...]
    words: str


@dataclass(frozen=True, slots=True)
class ToPlan:
    """``draft`` 0 stands for the files on disk. ``seen`` is the digest of a plan looked at before,
    ``live``: each open ticket is read in Jira."""

    draft: int = 0
    seen: str = ""
    live: bool = False


@dataclass(frozen=True, slots=True)
class ToReplay:
    """``draft`` 0 stands for the files on disk."""

    draft: int = 0
    days: float = backtest.DAYS


@dataclass(frozen=True, slots=True)
class Part:
    """The tickets of one group ("" for all), from the number ``after`` on."""

    group: str = ""
    after: RowId = 0


@dataclass(frozen=True, slots=True)
class ToAccept:
    """``plan`` is the digest of the plan that was looked at, "" to accept without one. ``only_new``
    leaves the existing tickets as they are; ``force``: also where Jira would not take what the rules
    say."""

    plan: str = ""
    only_new: bool = False
    force: bool = False


def endpoints(desk: Desk) -> list[Endpoint]:
    """``/rules`` and what is below."""
    return [*_rules(_Rules(desk)), *_drafts(_Drafts(desk)), *_runs(_Outcome(desk))]


class _Base:
    def __init__(self, desk: Desk) -> None:
        self._deployment = desk.deployment

    def _at(self, visit: Visit) -> Editing:
        here = self._deployment
        return Editing(here.store, here.files, visit.account, visit.now)


def _id(visit: Visit) -> int:
    """The number in the address."""
    return number_in(visit.path["id"], "a draft or version")


class _Rules(_Base):
    """The rules in force and on disk, their history, accepting and taking back."""

    def shown(self, visit: Visit) -> files.RulesShown:
        return files.shown(self._deployment.store, self._deployment.files)

    def completion(self, visit: Visit) -> Completion:
        return completion(self._deployment.names, self._deployment.rules())

    def versions(self, visit: Visit) -> history.History:
        after = visit.asked(From).after
        return history.history(self._deployment.store, max(0, min(after, _MOST)))

    def diff(self, visit: Visit) -> history.Difference:
        asked, here = visit.asked(Between), self._deployment
        return history.difference(here.store, here.files, asked.old, asked.new)

    def revert(self, visit: Visit) -> Done:
        version = visit.given(Revert).version
        return save.revert(self._at(visit), max(0, min(version, _MOST)))

    def undo_plan(self, visit: Visit) -> undo.UndoPlan:
        here = self._deployment
        bounds = undo.Bounds(here.settings.retention.journal, undo.PATIENCE)
        return undo.plan(self._at(visit), here.trackers, bounds)

    def undo(self, visit: Visit) -> Done:
        bounds = undo.Bounds(self._deployment.settings.retention.journal)
        return undo.undo(self._at(visit), bounds, version=visit.given(ToUndo).version)

    def progress(self, visit: Visit) -> progress.Progress | None:
        return progress.progress(self._deployment.store, visit.now)

    def accept(self, visit: Visit) -> accept.Accepted:
        given, here = visit.given(ToAccept), self._deployment
        four_eyes = here.settings.web.four_eyes
        asked = accept.Asked(given.plan, given.only_new, given.force, four_eyes)
        return accept.accept(self._at(visit), asked, here.sites, runs=here.runs)

    def take_back(self, visit: Visit) -> Done:
        return save.take_back(self._at(visit))

    def pause(self, visit: Visit) -> Done:
        return progress.pause(self._at(visit))

    def go_on(self, visit: Visit) -> Done:
        return progress.go_on(self._at(visit), self._deployment.wake)


def _rules(of: _Rules) -> list[Endpoint]:
    return [
        Endpoint(
            "GET", "/rules", "What is in force, on disk, and waits", of.shown, files.RulesShown
        ),
        Endpoint("GET", "/rules/completion", "What an editor completes", of.completion, Completion),
        Endpoint("GET", "/rules/history", "Every set in force", of.versions, history.History, From),
        Endpoint(
            "GET",
            "/rules/progress",
            "How far the last edit is",
            of.progress,
            progress.Progress | None,
        ),
        Endpoint(
            "GET", "/rules/diff", "How two versions differ", of.diff, history.Difference, Between
        ),
        Endpoint(
            "POST",
            "/rules/accept",
            "Put the edit that waits in force",
            of.accept,
            accept.Accepted,
            body=ToAccept,
            role=Role.EDITOR,
        ),
        Endpoint(
            "POST",
            "/rules/take-back",
            "Let the files say again what is in force",
            of.take_back,
            Done,
            role=Role.EDITOR,
        ),
        Endpoint(
            "POST", "/rules/pause", "Let the last edit wait", of.pause, Done, role=Role.EDITOR
        ),
        Endpoint(
            "POST", "/rules/go-on", "Let a paused edit go on", of.go_on, Done, role=Role.EDITOR
        ),
        Endpoint(
            "POST",
            "/rules/revert",
            "Write the files as they were in a version",
            of.revert,
            Done,
            body=Revert,
            role=Role.EDITOR,
        ),
        Endpoint(
            "GET",
            "/rules/undo",
            "What undoing the last edit would put back",
            of.undo_plan,
            undo.UndoPlan,
            role=Role.EDITOR,
        ),
        Endpoint(
            "POST",
            "/rules/undo",
            "Undo the last edit, in tickets as well",
            of.undo,
            Done,
            body=ToUndo,
            role=Role.EDITOR,
        ),
    ]


class _Drafts(_Base):
    """Drafts of the account that asks."""

    def mine(self, visit: Visit) -> tuple[Other, ...]:
        return drafts.of_account(self._at(visit))

    def begin(self, visit: Visit) -> Draft:
        version = visit.given(Begin).version
        if version:
            return history.reverted(self._at(visit), max(0, min(version, _MOST)))
        return drafts.begin(self._at(visit))

    def look(self, visit: Visit) -> Draft:
        return drafts.look(self._at(visit), _id(visit))

    def write(self, visit: Visit) -> Draft:
        given = visit.given(Text)
        return drafts.write(self._at(visit), _id(visit), given.name, given.text)

    def add(self, visit: Visit) -> Draft:
        given = visit.given(Text)
        return drafts.add(self._at(visit), _id(visit), given.name, given.text)

    def remove(self, visit: Visit) -> Draft:
        return drafts.remove(self._at(visit), _id(visit), visit.given(Name).name)

    def rename(self, visit: Visit) -> Draft:
        given = visit.given(Renaming)
        return drafts.rename(self._at(visit), _id(visit), given.name, given.to)

    def undo(self, visit: Visit) -> Draft:
        return drafts.undo(self._at(visit), _id(visit), visit.given(Undo).name)

    def put_on_top(self, visit: Visit) -> Merged:
        return drafts.put_on_top(self._at(visit), _id(visit), visit.given(Name).name)

    def drop(self, visit: Visit) -> bool:
        drafts.drop(self._at(visit), _id(visit))
        return True

    def check(self, visit: Visit) -> Checked:
        here = self._deployment
        texts = drafts.whole(self._at(visit), _id(visit))
        read = quick(texts, here.files.defaults)
        if read.rules is None or here.names is None:
            return Checked(read.told, "")
        found = here.names.check(read.rules, texts.by_name)
        return Checked((*read.told, *found.told), found.words)

    def patch(self, visit: Visit) -> str:
        texts = drafts.texts_of(self._at(visit), _id(visit))
        return patch(self._deployment.files.texts().by_name, texts)

    def save(self, visit: Visit) -> Done:
        at, id_ = self._at(visit), _id(visit)
        last = plan.last(self._deployment.runs, at, id_)
        size = last.size if last is not None and last.counts is not None else None
        most = self._deployment.settings.mappings.large_edit
        return save.save(at, id_, save.Expected(size, most))


def _drafts(of: _Drafts) -> list[Endpoint]:
    one = "/rules/drafts/{id:int}"

    def act(path: str, summary: str, do: Any, body: type | None = None) -> Endpoint:
        return Endpoint("POST", path, summary, do, Draft, body=body, role=Role.EDITOR)

    def look(path: str, summary: str, do: Any, returns: Any) -> Endpoint:
        return Endpoint("GET", path, summary, do, returns, role=Role.EDITOR)

    def end(path: str, summary: str, do: Any, returns: Any, body: type | None = None) -> Endpoint:
        return Endpoint("POST", path, summary, do, returns, body=body, role=Role.EDITOR)

    return [
        look("/rules/drafts", "My drafts", of.mine, tuple[Other, ...]),
        act("/rules/drafts", "Begin a draft", of.begin, Begin),
        look(one, "A draft with all its files", of.look, Draft),
        act(f"{one}/write", "Let a file say this", of.write, Text),
        act(f"{one}/add", "Add a file", of.add, Text),
        act(f"{one}/remove", "Remove a file", of.remove, Name),
        act(f"{one}/rename", "Give a file another name", of.rename, Renaming),
        act(f"{one}/undo", "Undo what the draft does to a file", of.undo, Undo),
        end(f"{one}/put-on-top", "Put mine on top of theirs", of.put_on_top, Merged, Name),
        look(f"{one}/check", "Mistakes and warnings", of.check, Checked),
        look(f"{one}/patch", "The draft as a patch for git apply", of.patch, str),
        end(f"{one}/save", "Write the files", of.save, Done),
        end(f"{one}/drop", "Throw the draft away", of.drop, bool),
    ]


class _Outcome(_Base):
    """What a draft, or the files on disk, would do."""

    def count(self, visit: Visit) -> plan.PlanShown:
        given, here = visit.given(ToPlan), self._deployment
        if given.live and not visit.account.role.may(Role.OPERATOR):
            raise NotAllowed("Only an operator may have every ticket read in Jira.")
        at, draft = self._at(visit), _draft(given.draft)
        seen, live = given.seen, given.live
        return plan.start(here.runs, at, here.trackers, draft, seen=seen, live=live)

    def look(self, visit: Visit) -> plan.PlanShown:
        return plan.look(self._deployment.runs, self._at(visit), visit.path["id"])

    def tickets(self, visit: Visit) -> tuple[PlanTicket, ...]:
        part = visit.asked(Part)
        about = visit.path["id"], part.group, max(0, min(part.after, _MOST))
        return plan.tickets_of(self._deployment.runs, self._at(visit), *about)

    def cancel(self, visit: Visit) -> bool:
        self._deployment.runs.cancel(visit.path["id"], visit.account.name)
        return True

    def replay(self, visit: Visit) -> backtest.BacktestShown:
        given, here = visit.given(ToReplay), self._deployment
        if not 0 < given.days <= _MOST_DAYS:
            raise Refused(f"days is between 1 and {_MOST_DAYS}.")
        draft = _draft(given.draft)
        return backtest.start(here.runs, self._at(visit), here.sources, draft, given.days)

    def replayed(self, visit: Visit) -> backtest.BacktestShown:
        return backtest.look(self._deployment.runs, self._at(visit), visit.path["id"])


def _draft(number: int) -> int:
    return max(-1, min(number, _MOST))


def _runs(of: _Outcome) -> list[Endpoint]:
    shown, replayed = plan.PlanShown, backtest.BacktestShown
    tickets = tuple[PlanTicket, ...]
    begin = "Begin to count what an edit would do"
    begin_replay = "Begin to replay the last days through an edit"
    return [
        Endpoint("POST", "/rules/plans", begin, of.count, shown, body=ToPlan),
        Endpoint("GET", "/rules/plans/{id:str}", "A plan, as far as it is", of.look, shown),
        Endpoint(
            "GET", "/rules/plans/{id:str}/tickets", "Tickets of a group", of.tickets, tickets, Part
        ),
        Endpoint("POST", "/rules/plans/{id:str}/cancel", "Give it up", of.cancel, bool),
        Endpoint("POST", "/rules/backtests", begin_replay, of.replay, replayed, body=ToReplay),
        Endpoint("GET", "/rules/backtests/{id:str}", "A backtest", of.replayed, replayed),
    ]
