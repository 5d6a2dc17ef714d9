"""What an editor does to drafts of the rules: each is a form, and a call of the API as well."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from litestar.handlers import HTTPRouteHandler

from sync.operations.accounts import Role
from sync.operations.errors import Changed, OperationError, Refused
from sync.operations.rules import drafts, plan
from sync.operations.rules.check import Fix
from sync.operations.rules.draft_view import Draft
from sync.operations.rules.editing import Editing
from sync.operations.rules.save import Expected, save
from sync.operations.values import RowId
from sync.web.pages.addresses import number_in
from sync.web.pages.frame import STATUS, Desk
from sync.web.pages.rules import editor
from sync.web.pages.rules.room import Room, file_address
from sync.web.pages.visit import Answer, Download, Redirect, Visit, after


@dataclass(frozen=True, slots=True)
class Written:
    """The form around the text. ``act`` is the button: "keep" or "save"; ``fix`` a mistake's remedy."""

    draft: RowId = 0
    panel: str = ""
    act: str = "keep"
    fix: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """Which file of a draft is meant, and where the page goes on. ``to`` is a new name."""

    file: str = ""
    to: str = ""
    act: str = ""
    panel: str = ""


def routes(desk: Desk, room: Room) -> list[HTTPRouteHandler]:
    """The acts on drafts."""
    forms = _Forms(room)
    found = {
        "/rules/{file:str}/edit": forms.begin,
        "/rules/{file:str}": forms.write,
        "/rules/{file:str}/check": forms.check,
        "/rules/drafts/{draft:int}/undo": forms.undo,
        "/rules/drafts/{draft:int}/top": forms.top,
        "/rules/drafts/{draft:int}/drop": forms.drop,
        "/rules/drafts/{draft:int}/files": forms.files,
        "/rules/drafts/{draft:int}/live": forms.live,
    }
    return [desk.act(path, do, role=Role.EDITOR) for path, do in found.items()]


class _Forms:
    """One method for each form."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def begin(self, visit: Visit) -> Answer:
        """Begin a draft."""
        begun = drafts.begin(self._room.at(visit))
        file = begun.file(visit.path["file"]).name
        return Redirect(file_address(file, begun.id, visit.given(About).panel))

    def check(self, visit: Visit) -> Answer:
        """Keep what is typed, and say what is wrong with it: for the editor."""
        at, given, file = self._room.at(visit), visit.given(Written), visit.path["file"]
        draft = drafts.write(at, given.draft, file, _text(visit))
        told = self._room.checked(at, given.draft).told
        lines = draft.file(file).changed_lines
        found = {"draft": draft.id, "told": told, "changed_lines": lines}
        return Download(msgspec.json.encode(found), "application/json")

    def write(self, visit: Visit) -> Answer:
        """The form of the text: keep it, mend a mistake in it, or save the draft."""
        at, given, file = self._room.at(visit), visit.given(Written), visit.path["file"]
        if "text" in visit.form:
            text = _text(visit)
            drafts.write(at, given.draft, file, mended(text, given.fix) if given.fix else text)
        here = file_address(file, given.draft, given.panel)
        if given.act != "save" or given.fix:
            return Redirect(here)
        try:
            done = save(at, given.draft, self._expected(at, given.draft))
        except (Changed, Refused) as error:
            return self._shown(visit, given, file, error)
        return after(here, done)

    def _expected(self, at: Editing, draft: int) -> Expected:
        digest = self._room.checked(at, draft).digest
        seen = self._room.plan(at, draft, digest, count=False)
        counted = seen.shown.counts if seen.current and seen.shown else None
        return Expected(counted.size if counted else None, self._room.most)

    def _shown(self, visit: Visit, given: Written, file: str, error: OperationError) -> Answer:
        """The editor again, with why the draft was not saved."""
        asked = editor.Asked(given.draft, given.panel or "plan")
        status = STATUS.get(type(error), 422)
        return editor.page(self._room, visit, asked, file, told=str(error), status=status)

    def undo(self, visit: Visit) -> Answer:
        """Undo what the draft does to one file, or to all. Takes theirs where somebody changed it."""
        at, given, id_ = self._room.at(visit), visit.given(About), _draft(visit)
        draft = drafts.undo(at, id_, "" if given.act == "all" else given.file)
        return Redirect(_some_file(draft, given))

    def top(self, visit: Visit) -> Answer:
        """Put my edit on top of theirs."""
        at, given, id_ = self._room.at(visit), visit.given(About), _draft(visit)
        drafts.put_on_top(at, id_, given.file)
        return Redirect(_some_file(drafts.look(at, id_), given))

    def drop(self, visit: Visit) -> Answer:
        """Throw the draft away."""
        given = visit.given(About)
        drafts.drop(self._room.at(visit), _draft(visit))
        known = given.file in self._room.deployment.files.texts().by_name
        return Redirect(file_address(given.file) if known else "/rules")

    def files(self, visit: Visit) -> Answer:
        """Add, rename or remove a file."""
        at, given, id_ = self._room.at(visit), visit.given(About), _draft(visit)
        names = {one.name for one in drafts.look(at, id_).files if one.text is not None}
        if given.act == "add":
            draft = drafts.add(at, id_, given.to)
        elif given.act == "rename":
            draft = drafts.rename(at, id_, given.file, given.to)
        else:
            draft = drafts.remove(at, id_, given.file)
        new = {one.name for one in draft.files if one.text is not None} - names
        file = next(iter(new), given.file)
        return Redirect(_some_file(draft, About(file, panel=given.panel)))

    def live(self, visit: Visit) -> Answer:
        """Count the plan with what Jira says now."""
        at, given, id_ = self._room.at(visit), visit.given(About), _draft(visit)
        plan.start(self._room.runs, at, self._room.deployment.trackers, id_, live=True)
        return Redirect(f"{file_address(given.file, id_, 'plan')}&count=0")


def _draft(visit: Visit) -> int:
    return number_in(visit.path["draft"], "a draft")


def _text(visit: Visit) -> str:
    """The text of the form; an empty one, too. Raises Refused."""
    given = visit.form.get("text")
    if not given:
        raise Refused("The form holds no text.")
    return given[-1]


def mended(text: str, fix: str) -> str:
    """The text with a remedy carried out. Raises Refused."""
    try:
        one = msgspec.json.decode(fix, type=Fix)
    except msgspec.DecodeError as error:
        raise Refused(f"The remedy cannot be read: {error}") from None
    lines = text.replace("\r\n", "\n").split("\n")
    if not 0 < one.line <= len(lines) or not 0 < one.column <= one.end:
        raise Refused("The text has changed since; look at the mistake again.")
    line = lines[one.line - 1]
    lines[one.line - 1] = f"{line[: one.column - 1]}{one.text}{line[one.end - 1 :]}"
    return "\n".join(lines)


def _some_file(draft: Draft, about: About) -> str:
    """The editor at the file, or at another one of the draft where the file is gone."""
    names = [one.name for one in draft.files]
    file = about.file if about.file in names else next(iter(names), "")
    return file_address(file, draft.id, about.panel) if file else "/rules"
