"""Acts in the words of Coalesce Quality: who acted, when, and with what status."""

from __future__ import annotations

import re
from typing import Any

from sync.adapters.coalesce.message.timestamps import NANOS, rfc3339
from sync.domain.acts import Actor
from sync.domain.errors import Cause, Rejected
from sync.domain.subject import Status
from sync.domain.text import one_line

# The statuses that an issue can be marked with.
MARKS = (Status.INVESTIGATING, Status.EXPECTED, Status.FIXED, Status.NO_ACTION_NEEDED)
# The states that an incident can be moved to, as the API names them.
STATES = {
    Status.OPEN: "STATE_OPEN",
    Status.CLOSED: "STATE_CLOSED",
    Status.CANCELLED: "STATE_CANCELLED",
}

# The API refuses times of 2022-01-01 and before (seconds since the epoch).
_EARLIEST = 1_641_081_600
# The time of an act has to lie before the moment in which the API reads it. In microseconds.
_BEFORE_NOW = 1000
_LONGEST_NAME = 100
_UNNAMED = "Unnamed account"
# Upstream shows actors of these names as nobody; the rest are its other channels.
_NOBODY = frozenset(("api", "mcp", "slack", "pagerduty"))
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@[^\s@<>,;:\"()\[\]\\]{1,189}\Z")


def is_address(text: str) -> bool:
    """Whether a text is one email address and nothing else."""
    return bool(_ADDRESS.match(text)) and text.isprintable()


def actor(who: Actor, stand_in: str) -> dict[str, Any]:
    """The message that names an actor. Upstream demands a name and exactly one address, which is that of
    the actor, else ``stand_in``. Raises Rejected where there is neither."""
    address = next((one for one in (who.email.strip(), stand_in) if is_address(one)), "")
    if not address:
        raise Rejected(
            "upstream takes no act without an email address, and Jira shows none",
            cause=Cause.PERMISSION,
            remedy="Set actor_email in [coalesce.api] to the address that stands in for hidden ones.",
        )
    return {"name": name(who), "email": {"userEmail": address}}


def name(who: Actor) -> str:
    """The name by which upstream shows an actor."""
    shown = one_line(who.name, _LONGEST_NAME) or _UNNAMED
    return f"{shown} (Jira)" if shown.casefold() in _NOBODY else shown


def time(at: float, now: float) -> str:
    """The time of an act (seconds since the epoch), moved to where upstream takes it: the clock of the
    tracker may be ahead of ours."""
    micros = min(round(at * 1e6), round(now * 1e6) - _BEFORE_NOW)
    return rfc3339(max(micros * 1000, _EARLIEST * NANOS))
