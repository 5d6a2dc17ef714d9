"""One rule file: as it is on disk, or in a draft with the editor and what the draft would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from sync.domain.telling_words import UNKNOWN
from sync.operations.accounts import Role
from sync.operations.errors import NotFound
from sync.operations.rules import backtest, drafts, history, plan, preview
from sync.operations.rules.check import MISTAKE
from sync.operations.rules.draft_view import Draft
from sync.operations.rules.editing import Editing
from sync.operations.rules.files import READ_ONLY, stored
from sync.operations.rules.lines import differing
from sync.operations.rules.patch import patch
from sync.operations.rules.progress import progress
from sync.operations.rules.runs import Purpose
from sync.operations.rules.shapes import PlanTicket
from sync.operations.values import RowId
from sync.web.pages.addresses import number_in
from sync.web.pages.csv_text import csv_of
from sync.web.pages.frame import Desk, new_nonce
from sync.web.pages.rules.highlight import lines
from sync.web.pages.rules.rich import html
from sync.web.pages.rules.room import PATIENCE, UNDER_WAY, Checked, Room, file_address
from sync.web.pages.visit import Download, Shown, Visit
from sync.worker.rulebook.folder import why_not_writable

PANELS = {"plan": "Plan", "preview": "Preview", "days": "Last 30 days", "diff": "Diff"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of a file asks for. ``draft`` is 0 for the file on disk. ``count``: begin to
    count the plan; ``names``: hold the names against Jira."""

    draft: RowId = 0
    panel: str = "plan"
    delivery: str = ""
    ticket: str = ""
    count: bool = True
    names: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Which tickets of a plan are asked for."""

    group: str = ""
    after: RowId = 0


def routes(desk: Desk, room: Room) -> list[HTTPRouteHandler]:
    """A file and its parts, the tickets of a plan, and what can be downloaded."""
    runs = room.runs

    def look(visit: Visit) -> Shown:
        return page(room, visit, visit.asked(Asked), visit.path["file"])

    def parts(visit: Visit) -> Shown:
        asked, at, file = visit.asked(Asked), room.at(visit), visit.path["file"]
        draft = drafts.look(at, asked.draft) if asked.draft else None
        return Shown("rules/parts.html", pieces(room, at, asked, file, draft))

    def tickets(visit: Visit) -> Shown:
        asked, at = visit.asked(Group), room.at(visit)
        found = plan.tickets_of(runs, at, visit.path["plan"], asked.group, asked.after)
        more = asked.after + plan.MORE if len(found) == plan.MORE else 0
        return shown(visit, asked, "Tickets of the plan", found, more)

    def another(visit: Visit) -> Shown:
        asked = visit.asked(Group)
        one = plan.another(runs, room.at(visit), visit.path["plan"], asked.group)
        return shown(visit, asked, "One of the tickets, taken at random", (one,), 0)

    def shown(
        visit: Visit, asked: Group, sentence: str, found: Sequence[PlanTicket], more: int
    ) -> Shown:
        data = {
            "here": "/rules",
            "sentence": sentence,
            "tickets": found,
            "plan": visit.path["plan"],
            "asked": asked,
            "more": more,
            "file_address": file_address,
        }
        return Shown("rules/tickets.html", data)

    def table(visit: Visit) -> Download:
        at, asked = room.at(visit), visit.asked(Group)
        rows = plan.rows(runs, at, visit.path["plan"], asked.group)
        return Download(csv_of(plan.COLUMNS, rows), "text/csv", "plan.csv")

    def as_patch(visit: Visit) -> Download:
        at, id_ = room.at(visit), number_in(visit.path["draft"], "a draft")
        text = patch(at.files.texts().by_name, drafts.texts_of(at, id_))
        return Download(text, "text/x-patch", "rules.patch")

    def whole(visit: Visit) -> Download:
        file = visit.path["file"]
        texts = room.checked(room.at(visit), visit.asked(Asked).draft).texts.by_name
        if file not in texts:
            raise NotFound(f"There is no file {file}.")
        return Download(texts[file], "text/plain", file)

    def completions(visit: Visit) -> Download:
        return Download(msgspec.json.encode(room.completion()), "application/json")

    return [
        desk.page("/rules/completions", completions),
        desk.page("/rules/plans/{plan:str}", tickets),
        desk.page("/rules/plans/{plan:str}/another", another),
        desk.page("/rules/plans/{plan:str}/csv", table),
        desk.page("/rules/drafts/{draft:int}/patch", as_patch),
        desk.page("/rules/{file:str}", look),
        desk.page("/rules/{file:str}/parts", parts),
        desk.page("/rules/{file:str}/download", whole),
    ]


def page(
    room: Room, visit: Visit, asked: Asked, file: str, *, told: str = "", status: int = 200
) -> Shown:
    """A file as a page. ``told`` are words of an act that was not done."""
    at = room.at(visit)
    draft = drafts.follow(at, asked.draft) if asked.draft else None
    data = pieces(room, at, asked, file, draft)
    nonce = new_nonce() if draft is not None else ""
    mine = drafts.of_account(at) if draft is None and at.account.role.may(Role.EDITOR) else ()
    more = {
        "here": "/rules",
        "wide": True,
        "sentence": f"Draft of {file}" if draft else file,
        "refused": told,
        "drafts": [one for one in mine if file in one.files],
    }
    return Shown("rules/editor.html", {**data, **more}, status=status, nonce=nonce)


def pieces(
    room: Room, at: Editing, asked: Asked, file: str, draft: Draft | None
) -> Mapping[str, Any]:
    """What the page and its parts show."""
    texts = at.files.texts().by_name
    one = draft.file(file) if draft else None
    text = one.text if one else texts.get(file)
    if text is None and one is None:
        raise NotFound(f"There is no file {file} among the rules.")
    checked = room.checked(at, asked.draft, names=asked.names)
    panel = asked.panel if asked.panel in PANELS else "plan"
    return {
        "file": file,
        "one": one,
        "text": text or "",
        "lines": lines(text or "") if draft is None else (),
        "checked": checked,
        "bad": any(each.level == MISTAKE for each in checked.told),
        "read_only": READ_ONLY,
        "panel": panel,
        "panels": PANELS,
        "asked": asked,
        "to_file": partial(file_address, draft=asked.draft, panel=panel),
        "file_address": file_address,
        "told_data": {"told": checked.told, "changed_lines": one.changed_lines if one else ()},
        "encode": lambda value: msgspec.json.encode(value).decode(),
        "html": html,
        **_outcome(room, at, asked, draft, checked),
        **_panel(room, at, asked, panel, checked, draft),
        **({"names": list(texts), "states": {}} if draft is None else _files(draft)),
    }


def _files(draft: Draft) -> Mapping[str, Any]:
    return {
        "names": [each.name for each in draft.files],
        "states": {each.name: each.state for each in draft.files},
    }


def _outcome(
    room: Room, at: Editing, asked: Asked, draft: Draft | None, checked: Checked
) -> Mapping[str, Any]:
    """The plan, and what Save will do."""
    differs = _differs(room, at, checked) if draft is None else not draft.empty
    seen = room.plan(at, asked.draft, checked.digest, count=asked.count and differs)
    bar = room.outlook_of(at, draft, checked, seen) if draft else None
    why = why_not_writable(at.files.chosen)
    return {
        "draft": draft,
        "seen": seen,
        "outlook": bar,
        "why": why,
        "waits": draft is not None and _waits(room, at),
        "progress": progress(at.store, at.now) if draft is not None and draft.empty else None,
    }


def _waits(room: Room, at: Editing) -> bool:
    """Whether what is on disk is an edit that waits to be accepted."""
    waiting = stored(at.store).waiting
    if waiting is None:
        return False
    read = room.read(at.files.texts())
    return read.rules is not None and read.rules.digest == waiting.digest


def _differs(room: Room, at: Editing, checked: Checked) -> bool:
    """Whether the rules on disk are others than those in force."""
    return bool(checked.digest) and checked.digest != room.deployment.rules().digest


def _panel(
    room: Room, at: Editing, asked: Asked, panel: str, checked: Checked, draft: Draft | None
) -> Mapping[str, Any]:
    """What the open tab needs, beyond the plan, which all show the number of."""
    if panel == "preview":
        return {
            "choices": preview.choices(at.store),
            "events": _events(room, asked, checked),
            "untold_words": UNKNOWN,
        }
    if panel == "days":
        return {"days": _days(room, at, asked)}
    if panel == "diff":
        try:
            known = history.texts(at.store, at.files, history.IN_FORCE)
        except NotFound:
            known = {}
        disk = at.files.texts().by_name
        names = [one.file for one in draft.conflicts] if draft else []
        theirs = [one for one in differing(disk, checked.texts.by_name) if one.name in names]
        return {"diffs": differing(known, checked.texts.by_name), "theirs": theirs}
    return {}


def _events(room: Room, asked: Asked, checked: Checked) -> tuple[preview.EventPreview, ...]:
    if checked.rules is None:
        return ()
    deployment = room.deployment
    chosen = f"ticket:{asked.ticket}" if asked.ticket else asked.delivery
    body = preview.body_of(deployment.store, chosen)
    return preview.previewed(
        deployment.sources.values(), checked.rules, deployment.settings.sites, body
    )


def _days(room: Room, at: Editing, asked: Asked) -> backtest.BacktestShown:
    """The backtest of the draft, begun where it is asked for anew."""
    run = room.runs.last(Purpose(at.account.name, backtest.KIND, asked.draft))
    if run is not None and (run.state in UNDER_WAY or not asked.count):
        return backtest.look(room.runs, at, run.id)
    begun = backtest.start(room.runs, at, room.deployment.sources, asked.draft)
    started = room.runs.get(begun.id, at.account.name)
    if started is not None:
        started.ended.wait(PATIENCE)
    return backtest.look(room.runs, at, begun.id)
