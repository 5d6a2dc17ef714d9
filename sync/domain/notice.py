"""A notice: what a webhook of a tracker says of a ticket."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """That a ticket changed, never how: whoever wants to know reads the ticket.

    ``ticket`` is the ticket's id, "" where the webhook names none, or is about something that changes
    no ticket of ours. ``event`` is the tracker's word for what happened, "" if it gives none. ``at`` is
    when, by the tracker's clock (seconds since the epoch), 0 if it does not say.
    """

    ticket: str
    event: str = ""
    at: float = 0.0
