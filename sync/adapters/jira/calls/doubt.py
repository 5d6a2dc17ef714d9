"""What an answer is worth: to somebody it does not know, Jira says what it says to one who may not."""

from __future__ import annotations

import requests

from sync.adapters.jira.calls.faults import Verdict
from sync.domain.errors import Fault, Refused, Unknown


def no_use(verdict: Verdict, status: int) -> bool:
    """Whether a call came to nothing in a way that may be the whole site's: no answer, a server error,
    something that is not Jira's."""
    fault = verdict.fault
    failed = isinstance(fault, Refused | Unknown) and not 400 <= status < 500
    return verdict.unanswered or failed


def names_somebody(reply: requests.Response | None) -> bool:
    """Whether Jira says in its answer's headers whom it takes the caller for."""
    if reply is None:
        return False
    name = reply.headers.get("X-AACCOUNTID") or reply.headers.get("X-AUSERNAME") or ""
    return name.casefold() not in ("", "anonymous")


class Doubt(Exception):
    """Carries a fault that is to be believed only once ``myself`` has answered."""

    def __init__(self, fault: Fault, *, fresh: bool) -> None:
        super().__init__()
        self.fault = fault
        self.fresh = fresh
