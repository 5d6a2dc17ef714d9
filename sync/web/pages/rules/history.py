"""The rule sets that were in force: when, who, what each did, and reverting to one."""

from __future__ import annotations

from dataclasses import dataclass

from litestar.handlers import HTTPRouteHandler

from sync.operations.accounts import Role
from sync.operations.errors import NotFound, OperationError
from sync.operations.rules import history, undo
from sync.operations.values import RowId
from sync.web.pages.addresses import number_in
from sync.web.pages.frame import Desk
from sync.web.pages.rules.room import Room, file_address, seconds
from sync.web.pages.visit import Answer, Download, Redirect, Shown, Visit, after


@dataclass(frozen=True, slots=True)
class Asked:
    """``after`` is the last version of the page before; ``against`` what a version is compared with: the
    version before for ""."""

    after: RowId = 0
    against: str = ""


@dataclass(frozen=True, slots=True)
class Undoing:
    """``look``: Jira is asked. ``version`` is the edit whose plan was looked at."""

    look: bool = False
    version: RowId = 0


def routes(desk: Desk, room: Room) -> list[HTTPRouteHandler]:
    """``/rules/history``, one version, reverting to one, and undoing the last edit."""
    store, files = desk.deployment.store, desk.deployment.files

    def look(visit: Visit) -> Shown:
        found = history.history(store, visit.asked(Asked).after)
        count = len(found.versions)
        sentence = "No rules were in force yet" if not count else "Rules that were in force"
        data = {"here": "/rules", "sentence": sentence, "history": found, "seconds": seconds}
        return Shown("rules/history.html", data)

    def one(visit: Visit) -> Shown:
        version, old = _compared(visit)
        data = {
            "here": "/rules",
            "sentence": f"Version {version} of the rules",
            "version": version,
            "old": old,
            "diffs": history.difference(store, files, old, version).files if old else (),
            "texts": history.texts(store, files, version),
            "note": history.CANNOT_BE_UNDONE,
            "in_force": history.IN_FORCE,
        }
        return Shown("rules/version.html", data)

    def _compared(visit: Visit) -> tuple[str, str]:
        """The version, and what it is compared with: "" for nothing."""
        version = visit.path["version"]
        history.texts(store, files, version)
        if against := visit.asked(Asked).against:
            return version, against
        try:
            return version, history.before(store, int(version))
        except NotFound:
            return version, ""

    def as_patch(visit: Visit) -> Download:
        version, old = _compared(visit)
        text = history.difference(store, files, old, version).patch if old else ""
        return Download(text, "text/x-patch", f"rules-version-{version}.patch")

    def revert(visit: Visit) -> Answer:
        at = room.at(visit)
        draft = history.reverted(at, number_in(visit.path["version"], "a version"))
        changed = [file.name for file in draft.files if file.state != "same"]
        names = changed or [file.name for file in draft.files]
        return Redirect(file_address(names[0], draft.id, "plan") if names else "/rules")

    def undoing(visit: Visit) -> Shown:
        data = {"here": "/rules", "sentence": "Undo the last edit of the rules", "why": ""}
        if not visit.asked(Undoing).look:
            return Shown("rules/undo.html", {**data, "plan": None})
        bounds = undo.Bounds(kept, undo.PATIENCE)
        try:
            found = undo.plan(room.at(visit), desk.deployment.trackers, bounds)
        except OperationError as error:
            return Shown("rules/undo.html", {**data, "plan": None, "why": str(error)})
        return Shown("rules/undo.html", {**data, "plan": found, "seconds": seconds})

    def undone(visit: Visit) -> Answer:
        at, bounds = room.at(visit), undo.Bounds(kept)
        return after("/rules", undo.undo(at, bounds, version=visit.given(Undoing).version))

    kept = desk.deployment.settings.retention.journal
    return [
        desk.page("/rules/undo", undoing, role=Role.EDITOR),
        desk.act("/rules/undo", undone, role=Role.EDITOR),
        desk.page("/rules/history", look),
        desk.page("/rules/history/{version:int}", one),
        desk.page("/rules/history/{version:int}/patch", as_patch),
        desk.act("/rules/history/{version:int}/revert", revert, role=Role.EDITOR),
    ]
