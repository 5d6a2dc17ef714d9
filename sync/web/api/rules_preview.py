"""What a delivery would become by a draft, and what saving the draft would do, as documents."""

from __future__ import annotations

from dataclasses import dataclass

from sync.operations.accounts import Role
from sync.operations.errors import Refused
from sync.operations.rules import drafts, preview
from sync.operations.rules.editing import Editing
from sync.operations.rules.outlook import Outlook
from sync.operations.rules.preview import Choice, EventPreview
from sync.operations.values import RowId
from sync.web.api.endpoints import Endpoint
from sync.web.pages.addresses import number_in
from sync.web.pages.frame import Desk
from sync.web.pages.rules.room import Room
from sync.web.pages.visit import Visit
from sync.worker.foresight.preview import Variation


@dataclass(frozen=True, slots=True)
class Wanted:
    """``draft`` 0 stands for the files on disk. ``delivery`` is the id of a stored one, the newest for
    "", or "sample:" with the name of a sample. ``title``, ``owner``, ``severity`` and ``priority`` (of a
    data product downstream) are supposed instead of its own; "" changes nothing."""

    draft: RowId = 0
    delivery: str = ""
    title: str = ""
    owner: str = ""
    severity: str = ""
    priority: str = ""


def endpoints(desk: Desk) -> list[Endpoint]:
    """``/rules/preview``, what it can be asked for, and the outlook of a draft."""
    here, room = desk.deployment, Room(desk.deployment)

    def at(visit: Visit) -> Editing:
        return Editing(here.store, here.files, visit.account, visit.now)

    def choices(visit: Visit) -> tuple[Choice, ...]:
        return preview.choices(here.store)

    def previewed(visit: Visit) -> tuple[EventPreview, ...]:
        asked = visit.asked(Wanted)
        rules = room.checked(at(visit), asked.draft).rules
        if rules is None:
            raise Refused("No preview while there are mistakes in the rules.")
        body = preview.body_of(here.store, asked.delivery)
        sample = asked.delivery.startswith("sample:")
        supposed = Variation(
            asked.title,
            asked.owner,
            asked.severity,
            asked.priority,
            store=None if sample else here.store,
        )
        return preview.previewed(here.sources.values(), rules, here.settings.sites, body, supposed)

    def outlook(visit: Visit) -> Outlook:
        id_ = number_in(visit.path["id"], "a draft")
        return room.outlook(at(visit), drafts.look(at(visit), id_))

    events, several = tuple[EventPreview, ...], tuple[Choice, ...]
    return [
        Endpoint(
            "GET", "/rules/preview", "What a delivery would become", previewed, events, Wanted
        ),
        Endpoint("GET", "/rules/preview-choices", "Deliveries and samples", choices, several),
        Endpoint(
            "GET",
            "/rules/drafts/{id:int}/outlook",
            "What saving the draft would do, by the plan counted last",
            outlook,
            Outlook,
            role=Role.EDITOR,
        ),
    ]
