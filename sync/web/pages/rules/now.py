"""The rules as they are now: the files, what is in force, and an edit that waits with its plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar.handlers import HTTPRouteHandler

from sync.operations.accounts import Role
from sync.operations.errors import Changed
from sync.operations.rules import accept, drafts, history, plan
from sync.operations.rules.files import READ_ONLY, shown
from sync.operations.rules.lines import differing
from sync.operations.rules.progress import go_on, pause, progress
from sync.operations.rules.save import take_back
from sync.web.pages.frame import Desk
from sync.web.pages.rules.room import PlanSeen, Room, file_address, seconds
from sync.web.pages.visit import Answer, Redirect, Shown, Visit, after

_HERE = "/rules"


@dataclass(frozen=True, slots=True)
class Asked:
    """``count`` is False for a page that only looks how far a plan is."""

    count: bool = True


@dataclass(frozen=True, slots=True)
class Accepting:
    """Accept the edit that waits. ``plan`` is the digest of the plan that was looked at."""

    plan: str = ""


def routes(desk: Desk, room: Room) -> list[HTTPRouteHandler]:
    """``/rules``, and what becomes of an edit that waits."""

    def look(visit: Visit) -> Shown:
        return _page(room, visit, count=visit.asked(Asked).count)

    def accepted(visit: Visit) -> Answer:
        at, given, deployment = room.at(visit), visit.given(Accepting), desk.deployment
        asked = accept.Asked(plan=given.plan, four_eyes=deployment.settings.web.four_eyes)
        try:
            found = accept.accept(at, asked, deployment.sites, runs=room.runs)
        except Changed as error:
            plan.start(room.runs, at, deployment.trackers, seen=given.plan)
            return _page(room, visit, told=str(error), status=409)
        return after(_HERE, found.done) if found.done else Redirect(_HERE)

    def taken_back(visit: Visit) -> Answer:
        return after(_HERE, take_back(room.at(visit)))

    def paused(visit: Visit) -> Answer:
        return after(_HERE, pause(room.at(visit)))

    def gone_on(visit: Visit) -> Answer:
        return after(_HERE, go_on(room.at(visit), desk.deployment.wake))

    return [
        desk.page(_HERE, look),
        desk.act("/rules/accept", accepted, role=Role.EDITOR),
        desk.act("/rules/take-back", taken_back, role=Role.EDITOR),
        desk.act("/rules/pause", paused, role=Role.EDITOR),
        desk.act("/rules/go-on", gone_on, role=Role.EDITOR),
    ]


def _page(
    room: Room, visit: Visit, *, count: bool = True, told: str = "", status: int = 200
) -> Shown:
    at = room.at(visit)
    rules = shown(at.store, at.files)
    differs = bool(rules.digest and rules.digest_in_force) and not rules.same
    seen = PlanSeen(None, current=False)
    if differs:
        seen = room.plan(at, 0, rules.digest, count=count and not told)
    may_edit = at.account.role.may(Role.EDITOR)
    newest = next(iter(history.history(at.store, limit=1).versions), None)
    data: Mapping[str, Any] = {
        "here": _HERE,
        "sentence": rules.sentence,
        "rules": rules,
        "since": seconds(rules.in_force_since, 0.0),
        "waits_since": seconds(rules.waiting.since, 0.0) if rules.waiting else None,
        "waiting": differs,
        "seen": seen,
        "diffs": _diffs(room) if differs else (),
        "progress": progress(at.store, at.now),
        "newest": newest,
        "drafts": [one for one in drafts.of_account(at) if one.files] if may_edit else (),
        "others": drafts.of_others(at) if may_edit else (),
        "read_only": READ_ONLY,
        "refused": told,
        "seconds": seconds,
        "file_address": file_address,
        "most": room.most,
    }
    return Shown("rules/now.html", data, status=status)


def _diffs(room: Room) -> Any:
    store, files = room.deployment.store, room.deployment.files
    known = history.texts(store, files, history.IN_FORCE)
    return differing(known, files.texts().by_name)
