"""Links: from a ticket to its subjects (remote links) and between tickets."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from sync.adapters.jira.calls.request import Call, Safety, records, unexpected
from sync.adapters.jira.fields.field import name_of
from sync.adapters.jira.fields.part import Part
from sync.adapters.jira.fields.wire import by_id
from sync.domain.errors import Cause, Missing, Rejected, Unknown
from sync.domain.names import Name
from sync.domain.rule import RemoteLink, TicketLink
from sync.domain.text import LINE_LIMIT, safe_href, ticket_line, units
from sync.domain.ticket import TicketRef


def global_id(text: str) -> str:
    """A remote link's global id within Jira's 255 characters."""
    if units(text) <= LINE_LIMIT:
        return text
    return f"{text[:100]}#{hashlib.sha256(text.encode()).hexdigest()}"


class Links(Part):
    """Links of tickets. See ``sync.ports.Tracker`` for the methods."""

    def link_remote(self, ref: TicketRef, link: RemoteLink) -> None:
        url = safe_href(link.url)
        if not url:
            raise Rejected(
                f"{ticket_line(link.url, 100)!r} cannot be linked: it is no http or https address",
                cause=Cause.OTHER,
            )
        path, what = f"issue/{ref.id}/remotelink", f"linking {ref.key} to its subject"
        body: dict[str, Any] = {
            "globalId": global_id(link.global_id),
            "object": {"url": url, "title": ticket_line(link.title) or url[:LINE_LIMIT]},
        }
        title = str(body["object"]["title"])
        basic = "".join(char if ord(char) <= 0xFFFF else "?" for char in title)
        try:
            self._calls.make(Call.on(ref, "POST", path, what, Safety.IDEMPOTENT, body))
        except Unknown as fault:
            # No rule writes this title, so none can keep a character of four bytes out of it, on which a
            # Jira with an old MySQL fails.
            if not fault.failed or basic == title:
                raise
            body["object"]["title"] = basic
            self._calls.make(Call.on(ref, "POST", path, what, Safety.IDEMPOTENT, body))

    def link_tickets(self, ref: TicketRef, link: TicketLink, *, again: bool = False) -> None:
        # In "A blocks B", Jira calls A the inward issue, although "blocks" is the outward description.
        source, target = (ref.key, link.other) if link.outward else (link.other, ref.key)
        what = f"linking {ref.key} with {link.other}"
        if again and self._links_like(link, ref, what):
            return
        body = {
            "type": by_id(self._metadata.link_type(link.type)),
            "inwardIssue": {"key": source},
            "outwardIssue": {"key": target},
        }
        try:
            self._calls.make(Call.on(ref, "POST", "issueLink", what, Safety.ONCE, body))
        except Missing as fault:
            raise Rejected(
                f"{fault}: one of the two is gone, or not visible to our account",
                cause=Cause.PERMISSION,
                remedy="Give our account 'Browse projects' in both projects.",
            ) from None

    def unlink_tickets(self, ref: TicketRef, link: TicketLink) -> None:
        what = f"unlinking {ref.key} from {link.other}"
        for known in self._links_like(link, ref, what):
            path = f"issueLink/{quote(str(known['id']), safe='')}"
            try:
                self._calls.make(Call.on(ref, "DELETE", path, what, Safety.IDEMPOTENT))
            except Missing:
                continue

    def _links_like(self, link: TicketLink, ref: TicketRef, what: str) -> list[dict[str, Any]]:
        """The links of a ticket that have the type, direction and other end of ``link``."""
        params = {"fields": "issuelinks"}
        raw = self._calls.make(Call.get(f"issue/{ref.id}", what, params, project=ref.project))
        if not isinstance(raw, Mapping) or not isinstance(raw.get("fields"), Mapping):
            raise unexpected(what)
        try:
            type_ = self._metadata.link_type(link.type)
        except Rejected:
            # The type was deleted or renamed in Jira, or the rule's is another now.
            type_ = Name(link.type)
        return [
            known
            for known in records(raw["fields"].get("issuelinks"))
            if _like(known, replace(link, type=type_))
        ]


def _like(known: Mapping[str, Any], link: TicketLink) -> bool:
    other = known.get("outwardIssue" if link.outward else "inwardIssue") or {}
    kind, wished = name_of(known.get("type") or {}), Name.of(link.type)
    same = kind.id == wished.id if wished.id else kind.casefold() == wished.casefold()
    return same and other.get("key") == link.other and bool(known.get("id"))
