"""Jira Software's API (``/rest/agile/1.0/``): boards, and the sprints of a board."""

from __future__ import annotations

from typing import Any

from sync.sandbox.jira.rest.catalogue import values_page
from sync.sandbox.jira.site.call import Call, Problem, Response
from sync.sandbox.jira.site.model import Board, stamp
from sync.sandbox.jira.site.state import Site

_PAGE = 50
_DAY = 86_400.0


def boards(site: Site, call: Call) -> Response:
    """The boards whose name contains ``name``, in any case of letters; all without it."""
    part, kinds = call.query.get("name", "").casefold(), call.names("type")
    found = [
        _shown(call, one)
        for one in _visible(site, call)
        if part in one.name.casefold() and (not kinds or one.type in kinds)
    ]
    return Response(200, values_page(call, found, _PAGE))


def board(site: Site, call: Call) -> Response:
    return Response(200, _shown(call, _board(site, call)))


def sprints(site: Site, call: Call) -> Response:
    """The sprints of a board, in the states that ``state`` names."""
    one, states = _board(site, call), call.names("state")
    if one.type == "kanban":
        raise Problem(400, "The board does not support sprints")
    names = {name.id: name.value for field in site.fields.values() for name in field.options}
    found = [
        {
            "id": int(id_),
            "self": f"{call.base}/rest/agile/1.0/sprint/{id_}",
            "state": site.sprint_state(id_),
            "name": names.get(id_, id_),
            # A later sprint begins later. Only what is to come has no dates.
            **({} if id_ in site.future_sprints else _dates(call, place)),
            "originBoardId": int(one.id),
            "goal": "",
        }
        for place, id_ in enumerate(one.sprints)
        if not states or site.sprint_state(id_) in states
    ]
    page = values_page(call, found, _PAGE)
    # Unlike for boards, Jira does not count the sprints.
    page.pop("total")
    return Response(200, page)


def _dates(call: Call, place: int) -> dict[str, Any]:
    begun = 1_700_000_000.0 + place * 14 * _DAY
    return {"startDate": stamp(begun), "endDate": stamp(begun + 14 * _DAY)}


def _visible(site: Site, call: Call) -> list[Board]:
    if site.boards is None:
        raise Problem(404, raw=b'{"message":"null for uri","status-code":404}')
    seen = {project.key for project in site.visible_projects(call)}
    return [one for one in site.boards.values() if one.project in seen]


def _board(site: Site, call: Call) -> Board:
    wanted = call.params["board"]
    if not wanted.isdigit():
        raise Problem(404, raw=b'{"message":"null for uri","status-code":404}')
    for one in _visible(site, call):
        if one.id == wanted:
            return one
    raise Problem(
        404,
        "Requested board cannot be viewed because it either does not exist or you do "
        "not have permission to view it.",
    )


def _shown(call: Call, one: Board) -> dict[str, Any]:
    return {
        "id": int(one.id),
        "self": f"{call.base}/rest/agile/1.0/board/{one.id}",
        "name": one.name,
        "type": one.type,
        "location": {"projectKey": one.project},
    }
