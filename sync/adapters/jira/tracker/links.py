"""Links: back to subjects (remote, upsert by global id) and between tickets."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.faults import Safety
from sync.adapters.jira.fields.values import nearest
from sync.adapters.jira.text.plain import LINE_LIMIT, one_line, safe_href
from sync.domain.errors import Cause, Missing, Refused, Rejected
from sync.domain.rule import RemoteLink, TicketLink
from sync.domain.text import units
from sync.domain.ticket import TicketRef


def global_id(text: str) -> str:
    """A remote link's global id within Jira's 255 characters."""
    if units(text) <= LINE_LIMIT:
        return text
    return f"{text[:100]}#{hashlib.sha256(text.encode()).hexdigest()}"


class Links:
    """Shared by threads."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def link_remote(self, ref: TicketRef, link: RemoteLink) -> None:
        """Upsert by global id, so it may be repeated."""
        url = safe_href(link.url)
        if not url:
            raise Rejected(
                f"{one_line(link.url, 100)!r} cannot be linked: it is no http or https address",
                cause=Cause.OTHER,
            )
        self._calls.call(
            "POST",
            f"issue/{ref.id}/remotelink",
            body={
                "globalId": global_id(link.global_id),
                "object": {"url": url, "title": one_line(link.title) or url[:LINE_LIMIT]},
            },
            what=f"linking {ref.key} to its subject",
            safety=Safety.IDEMPOTENT,
            ticket=ref.id,
            project=ref.project,
        )

    def link_tickets(self, ref: TicketRef, link: TicketLink, *, again: bool = False) -> None:
        """Jira's inward issue is the one that "blocks": the ticket on the outward side of the words.

        ``again``: an earlier call may have worked, so what is there is looked at first.
        """
        source, target = (ref.key, link.other) if link.outward else (link.other, ref.key)
        what = f"linking {ref.key} with {link.other}"
        if again and any(_is(known, link) for known in self._known(ref, what)):
            return
        try:
            self._calls.call(
                "POST",
                "issueLink",
                body={
                    "type": {"name": link.type},
                    "inwardIssue": {"key": source},
                    "outwardIssue": {"key": target},
                },
                what=what,
                safety=Safety.ONCE,
                ticket=ref.id,
                project=ref.project,
            )
        except Missing as fault:
            names = [str(kind.get("name", "")) for kind in self.types()]
            if link.type.casefold() not in {name.casefold() for name in names}:
                raise Rejected(
                    f"{what}: the site has no link type {link.type!r}",
                    cause=Cause.RULE,
                    remedy=nearest(link.type, names),
                ) from None
            raise Rejected(
                f"{fault}: one of the two is gone, or not visible to our account",
                cause=Cause.PERMISSION,
                remedy="Give our account 'Browse projects' in both projects.",
            ) from None

    def unlink_tickets(self, ref: TicketRef, link: TicketLink) -> None:
        """Remove such a link, if it is there."""
        what = f"unlinking {ref.key} from {link.other}"
        for known in self._known(ref, what):
            if _is(known, link):
                try:
                    self._calls.call(
                        "DELETE",
                        f"issueLink/{quote(str(known['id']), safe='')}",
                        what=what,
                        safety=Safety.IDEMPOTENT,
                        ticket=ref.id,
                        project=ref.project,
                    )
                except Missing:
                    continue

    def _known(self, ref: TicketRef, what: str) -> list[Any]:
        """The links between a ticket and others, as Jira tells of them."""
        raw = self._calls.call(
            "GET",
            f"issue/{ref.id}",
            params={"fields": "issuelinks"},
            what=what,
            safety=Safety.READ,
            project=ref.project,
        )
        if not isinstance(raw, Mapping) or not isinstance(raw.get("fields"), Mapping):
            raise Refused(f"{what}: the answer is not what Jira says")
        return list(raw["fields"].get("issuelinks") or [])

    def types(self) -> list[dict[str, Any]]:
        """The site's link types: id, name, inward, outward."""
        raw = self._calls.call(
            "GET", "issueLinkType", what="reading the link types", safety=Safety.READ
        )
        found = raw.get("issueLinkTypes") if isinstance(raw, Mapping) else None
        return [kind for kind in found or [] if isinstance(kind, dict)]


def _is(known: Any, link: TicketLink) -> bool:
    if not isinstance(known, Mapping) or not known.get("id"):
        return False
    other = known.get("outwardIssue" if link.outward else "inwardIssue") or {}
    kind = str((known.get("type") or {}).get("name", ""))
    return kind.casefold() == link.type.casefold() and other.get("key") == link.other
