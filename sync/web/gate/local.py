"""The gate without login: whoever is on this machine may do everything."""

from __future__ import annotations

from sync.operations.accounts import Account, Role
from sync.web.gate.entry import Entry, TurnedAway
from sync.web.gate.forms import AnyRequest, Cookies, check_token, entry_without_session
from sync.web.gate.peers import peer_of

# Any of these says that somebody else asked, and the connection is a proxy's.
_FORWARDED = ("forwarded", "via", "x-real-ip")
_REMEDY = (
    'To let others in, set login = "users" under [web] and add them with `ticket-sync user add`, or see '
    "the other ways there."
)


class LocalGate:
    """Lets requests in that come from this machine, and straight."""

    def __init__(self) -> None:
        self._cookies = Cookies()

    def enter(self, request: AnyRequest) -> Entry:
        """As ``Gate.enter``."""
        peer = peer_of(request)
        if peer is None or not peer.is_loopback:
            raise TurnedAway(
                f"These pages are open to browsers on this machine alone, and this comes from {peer} "
                f"(as what comes through a port that Docker maps does). {_REMEDY}"
            )
        for name in request.headers:
            if name in _FORWARDED or name.startswith("x-forwarded-"):
                raise TurnedAway(
                    "These pages are open to browsers on this machine alone, and this came through a "
                    f"proxy (it has the header {name}). {_REMEDY}"
                )
        return entry_without_session(request, Account("local", Role.EDITOR, "local"), self._cookies)

    def check_form(self, request: AnyRequest, entry: Entry, token: str) -> None:
        """As ``Gate.check_form``."""
        check_token(request, entry.form_token, token)
