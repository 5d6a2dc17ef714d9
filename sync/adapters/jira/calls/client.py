"""One client of the ``jira`` package for each thread, because the package promises no thread safety.

A client is built on first use, so that the daemon starts also while the site is down.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

import requests
from jira import JIRA
from urllib3.exceptions import HTTPError

from sync.adapters.jira.calls.request import DESK
from sync.adapters.jira.calls.site import JiraSite
from sync.adapters.jira.calls.transport import Transport, basic
from sync.domain.secrets import oddity

# Cookies are kept, because they lead to the same node of a cluster again. One without a path is kept for
# the path of its call, and thus for each ticket; a session with more than these begins anew.
_MOST_COOKIES = 100

# Data Center shows organizations to callers alone that say they know that this may change.
_EXPERIMENTAL = {"X-ExperimentalApi": "opt-in"}

Mount = Callable[[requests.Session], None]


class Unsendable(requests.RequestException):
    """No request can be made of the site's address and credentials."""


class _Authorization(requests.auth.AuthBase):
    """The header by which the site knows us: Basic, in UTF-8, where there is a user, else Bearer.

    The package's own ways take Latin-1 only, and fail with texts that hold the header. Raises
    Unsendable for a token that no header can hold.
    """

    def __init__(self, site: JiraSite) -> None:
        self._header = ""
        if site.user:
            self._header = basic(site.user, site.password)
        elif site.email:
            self._header = basic(site.email, site.token)
        elif site.token:
            if oddity(site.token):
                raise Unsendable("a token that no header can hold")
            self._header = f"Bearer {site.token}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._header:
            request.headers["Authorization"] = self._header
        return request


class Clients:
    """Sends requests. ``mount`` is called with each new client's session, to put transports on it."""

    def __init__(self, site: JiraSite, mount: Mount | None = None) -> None:
        self._site = site
        self._mount = mount
        self._local = threading.local()

    def _client(self) -> JIRA:
        client: JIRA | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = self._build()
        return client

    def _build(self) -> JIRA:
        site = self._site
        options: dict[str, Any] = {
            "server": site.url.rstrip("/"),
            "headers": {"User-Agent": "ticket-sync", **site.headers},
            "verify": site.ca_bundle or True,
        }
        client = JIRA(
            options=options,
            # Otherwise the package repeats a POST after a dropped connection.
            max_retries=0,
            timeout=(site.connect_timeout, site.read_timeout),
            get_server_info=False,
            proxies={"http": site.proxy, "https": site.proxy} if site.proxy else None,
        )
        client._session.auth = _Authorization(site)
        if site.client_certificate:
            pair = (site.client_certificate, site.client_key)
            client._session.cert = pair if site.client_key else site.client_certificate
        # Proxies, certificates and .netrc come from our settings, never from the environment.
        client._session.trust_env = False
        for scheme in ("http://", "https://"):
            client._session.mount(scheme, Transport())
        if self._mount is not None:
            self._mount(client._session)
        return client

    def send(
        self, method: str, api: str, path: str, *, params: Any = None, body: str | None = None
    ) -> requests.Response:
        """One HTTP exchange on this thread's client, no retries, redirects not followed.

        Raises Unsendable before anything is sent, else ``requests.RequestException``. ``api`` is the
        REST API's name and version as in the address, ``path`` what follows them. The client's session
        is used by the plain methods of ``Session``: the package's own turn refusals into exceptions
        whose texts hold headers and bodies.
        """
        session = self._client()._session
        if len(session.cookies) > _MOST_COOKIES:
            session.cookies.clear()
        url = self._client()._get_url(path, base=f"{{server}}/rest/{api}/{{path}}")
        try:
            headers = _EXPERIMENTAL if api == DESK else None
            request = session.prepare_request(
                requests.Request(method, url, params=params, data=body, headers=headers)
            )
        except (requests.RequestException, ValueError) as error:
            raise Unsendable(type(error).__name__) from None
        settings = session.merge_environment_settings(request.url, {}, None, None, None)
        try:
            return requests.Session.send(
                session,
                request,
                timeout=(self._site.connect_timeout, self._site.read_timeout),
                allow_redirects=False,
                **settings,
            )
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            if isinstance(error, requests.RequestException):
                raise
            # What ``requests`` lets pass, such as an answer's Location that is no address.
            # Their texts may hold headers.
            raise requests.RequestException(type(error).__name__) from None

    def close(self) -> None:
        """Close this thread's connections."""
        client: JIRA | None = getattr(self._local, "client", None)
        if client is not None:
            client._session.close()
            self._local.client = None
