"""The way to a site, in words: why no connection came about, and who answers in Jira's place."""

from __future__ import annotations

import html
import re
import socket
import ssl
from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from sync.domain.text import one_line
from sync.telemetry import concealed

# OpenSSL's numbers for a chain that ends at an authority which is not trusted here.
_UNTRUSTED = {2, 18, 19, 20, 21, 27}
_EXPIRED, _NOT_YET, _OTHER_HOST, _OTHER_ADDRESS = 10, 9, 62, 64
_ALERTS = re.compile(r"CERTIFICATE_REQUIRED|BAD_CERTIFICATE|HANDSHAKE_FAILURE|ALERT_UNKNOWN_CA")
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")
_PROXY_LOGIN = (
    "the proxy does not accept our user and password (407); correct them in `proxy` of the site in "
    "config.toml"
)
_NOT_JIRA = "check `url` of the site in config.toml"


def broken(chain: Iterable[BaseException]) -> str:
    """Why a connection failed, with the remedy; "" where the exceptions tell nothing of use."""
    for link in chain:
        if isinstance(link, ssl.SSLCertVerificationError):
            return _certificate(link)
        if words := _unreached(link):
            return (
                f"{words}; check `url`, and `proxy` where there is one, of the site in config.toml"
            )
        ended = isinstance(link, ssl.SSLError) and _ALERTS.search(str(link))
        if ended or isinstance(link, ssl.SSLEOFError):
            return (
                "the other side ended the TLS handshake; if the site asks for a client certificate, "
                "name one that it knows as `client_certificate` of the site in config.toml"
            )
        if isinstance(link, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(link):
            return (
                "the other side does not speak TLS; check https:// in `url` and `proxy` of the site in "
                "config.toml"
            )
        if tunnel := _TUNNEL.search(str(link)) if isinstance(link, OSError) else None:
            status = tunnel[1]
            return (
                _PROXY_LOGIN if status == "407" else f"the proxy refused the connection ({status})"
            )
    return ""


def _unreached(error: BaseException) -> str:
    """Why nobody was reached at an address; "" where the exception does not say that."""
    if isinstance(error, socket.gaierror):
        return "the name of its host is not known here"
    if isinstance(error, ConnectionRefusedError):
        return "nothing takes connections at its address"
    # ``NewConnectionError`` is one too, and what caused it says more.
    if isinstance(error, ConnectTimeoutError) and not isinstance(error, NewConnectionError):
        return "nothing answers at its address"
    return ""


def _certificate(error: ssl.SSLCertVerificationError) -> str:
    code, said = error.verify_code, error.verify_message
    if code in _UNTRUSTED:
        return (
            f"the site's certificate is not trusted here ({said}); name the file of the authority that "
            "issued it as `ca_bundle` of the site in config.toml"
        )
    if code in (_EXPIRED, _NOT_YET):
        return f"the site's certificate is not valid today ({said}); it must be renewed"
    if code in (_OTHER_HOST, _OTHER_ADDRESS):
        return f"the site's certificate is for another name ({said}); {_NOT_JIRA}"
    return f"the site's certificate cannot be verified ({said})"


def stranger(response: requests.Response) -> str:
    """Who seems to have answered where Jira should have, with the remedy; "" where Jira may have."""
    status = response.status_code
    if status == 407:
        return _PROXY_LOGIN
    if 300 <= status < 400:
        return f"redirects to {_target(response)}; {_sso(_NOT_JIRA)}"
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    start = response.content[:2_000].lstrip()
    page = kind in ("text/html", "application/xhtml+xml") or start[:1] == b"<"
    if 200 <= status < 300 and page:
        title = _title(response)
        return f"is a web page{title}, not Jira's API; {_sso(_NOT_JIRA)}"
    if 200 <= status < 300 and response.content:
        return f"is not what Jira's API answers; {_NOT_JIRA}"
    return ""


def _sso(remedy: str) -> str:
    return (
        f"if this is a login page, something in front of Jira wants a person to log in: let calls to "
        f"/rest pass there, or give what it asks for in `headers`; else {remedy}"
    )


def _title(response: requests.Response) -> str:
    found = re.search(
        r"<title[^>]*>(.*?)</title>", response.text[:20_000], re.IGNORECASE | re.DOTALL
    )
    title = one_line(html.unescape(found[1]), 100) if found else ""
    return f' ("{concealed(title)}")' if title else ""


def _target(response: requests.Response) -> str:
    """Where a redirect leads, without what may be secret in it."""
    try:
        there = urlsplit(urljoin(response.url or "", response.headers.get("Location", "")))
        host = f"{there.scheme}://{there.hostname}{f':{there.port}' if there.port else ''}"
    except ValueError:
        return "an address that cannot be read"
    return concealed(one_line(f"{host}{there.path}", 200))
