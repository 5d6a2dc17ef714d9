"""The pages and the API, on the daemon that runs."""

from __future__ import annotations

from urllib.parse import urlsplit

from sync.operations.deployment import Deployment
from sync.settings import Settings
from sync.settings.web import Web
from sync.web.gate.door import Door
from sync.web.gate.entry import Gate
from sync.web.gate.forms import Cookies
from sync.web.gate.hosts import KnownHosts
from sync.web.gate.local import LocalGate
from sync.web.gate.oidc import Provider, grant_of_oidc
from sync.web.gate.proxy import ProxyGate
from sync.web.gate.sessions import Grant, SessionGate, Sessions
from sync.web.gate.tokens import TokenGate
from sync.web.gate.users import Passwords, grant_of_user
from sync.web.pages.frame import Desk


def desk_of(deployment: Deployment) -> Desk | None:
    """What makes the pages; None where they are off."""
    web = deployment.settings.web
    if web.login == "off":
        return None
    gate, door = _gate_of(deployment, web)
    return Desk(deployment, TokenGate(gate, deployment.store, deployment.clock.time), door)


def hosts_of(settings: Settings) -> KnownHosts | None:
    """The names under which the program may be asked for; None for any, where people sign in."""
    web, server = settings.web, settings.server
    if web.login in ("local", "off") or web.hosts:
        own = urlsplit(web.url).netloc
        return KnownHosts([server.host, server.admin_host, own, *web.hosts])
    return None


def _gate_of(deployment: Deployment, web: Web) -> tuple[Gate, Door | None]:
    cookies, now = Cookies(web.url), deployment.clock.time
    if web.login == "local":
        return LocalGate(), None
    if web.login == "proxy":
        return ProxyGate(web.proxy, cookies), None

    def grant(name: str) -> Grant:
        if web.login == "users":
            return grant_of_user(web.users, name)
        return grant_of_oidc(web.oidc, web.url)

    sessions = Sessions(deployment.store, cookies, now, web.session, grant)
    if web.login == "users":
        door = Door(sessions, passwords=Passwords(web.users, sessions), provider=None)
    else:
        provider = Provider(web.oidc, web.url, sessions, now)
        door = Door(sessions, passwords=None, provider=provider)
    return SessionGate(sessions), door
