"""The gate behind a proxy that signs people in, and says in headers who they are.

The headers are believed of the proxy alone: who else reaches this address could send them as well. Only
the real other end of the connection tells the two apart.
"""

from __future__ import annotations

from sync.operations.accounts import Account
from sync.settings.web import Proxy
from sync.web.gate.entry import Entry, TurnedAway
from sync.web.gate.forms import AnyRequest, Cookies, check_token, entry_without_session
from sync.web.gate.peers import is_among, peer_of
from sync.web.gate.roles import is_name, role_of


class ProxyGate:
    """Lets requests in that come from the proxy and name somebody who has a role."""

    def __init__(self, proxy: Proxy, cookies: Cookies) -> None:
        self._proxy = proxy
        self._cookies = cookies

    def enter(self, request: AnyRequest) -> Entry:
        """As ``Gate.enter``."""
        peer = peer_of(request)
        if not is_among(peer, self._proxy.trusted):
            raise TurnedAway(
                f"These pages are reached through a proxy, and this comes from {peer}, which is not "
                "among trusted under [web.proxy]."
            )
        name = self._header(request, self._proxy.user_header)
        if not is_name(name):
            raise TurnedAway(
                f"The proxy does not say who this is: the header {self._proxy.user_header} is "
                f"{'missing' if not name else 'not a name'}."
            )
        groups = self._header(request, self._proxy.groups_header)
        role = role_of(
            self._proxy.granted, {one.strip() for one in groups.split(",") if one.strip()}
        )
        if role is None:
            raise TurnedAway(
                f"{name} has no role here: [web.proxy] gives none to any of the groups in the header "
                f"{self._proxy.groups_header}."
            )
        return entry_without_session(request, Account(name, role, "proxy"), self._cookies)

    def check_form(self, request: AnyRequest, entry: Entry, token: str) -> None:
        """As ``Gate.check_form``."""
        check_token(request, entry.form_token, token, self._cookies.url)

    def _header(self, request: AnyRequest, name: str) -> str:
        """What a header says, "" where it is missing. Sent twice, one of them may be the browser's."""
        if not name:
            return ""
        found = request.headers.getall(name.lower(), [])
        if len(found) > 1:
            raise TurnedAway(
                f"The header {name} came more than once: the proxy has to set it over what a browser "
                "sends in it."
            )
        try:
            return found[0].encode("latin-1").decode("utf-8").strip() if found else ""
        except UnicodeError:
            return ""
