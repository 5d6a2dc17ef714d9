"""How a site is reached: what is wrong with its address, its proxy, its certificates and its headers."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from sync.domain import secrets
from sync.settings.secret import address, is_pointer, key_text, stood_in
from sync.settings.values import address_parts, one_or_many
from sync.telemetry import keep_secret
from sync.toml import Wrong, said

# Paths of pages and APIs within a Jira, each so specific that no context path looks like it. A context
# path may be any other word, such as /projects or /rest-of-us.
_WITHIN = re.compile(
    r"/(?:browse/[A-Z][A-Z0-9_]+(?:-\d+)?"
    r"|rest/(?:api|agile|auth|greenhopper|servicedeskapi)"
    r"|secure/\w+(?:\.jspa|!)|projects/[A-Z][A-Z0-9_]+|jira/(?:software|core|servicedesk|your-work)"
    r"|login\.jsp|plugins/servlet)(?=[/.!?]|$)"
)
_CLOUD_GATEWAY = re.compile(r"/ex/jira/[^/]+")
# Headers that the program or HTTP itself sets.
_OURS = {
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "host",
    "proxy-authorization",
    "transfer-encoding",
}


def beyond_the_site(url: str) -> tuple[str, str]:
    """The address of the site alone, and the part of ``url`` that leads to a page or an API within the
    site; "" for both where ``url`` is the address of a site."""
    start, path = _split(url)
    host = (urlsplit(url).hostname or "").lower()
    if host.endswith(".atlassian.net"):
        return (start, path) if path else ("", "")
    if host == "api.atlassian.com":
        gateway = _CLOUD_GATEWAY.match(path)
        further = path[gateway.end() :] if gateway else ""
        return (url.removesuffix(further), further) if further else ("", "")
    found = _WITHIN.search(path)
    return (start + path[: found.start()], found[0]) if found else ("", "")


def _split(url: str) -> tuple[str, str]:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}", slash + path


# A name or an IPv4 address, or an IPv6 address in brackets; with a port, if it is not the usual one.
_HOST = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?"
)


def host_names(value: Any) -> Any:
    """Hosts in small letters; a single one may stand without brackets."""
    value = one_or_many(value)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        return value
    for one in value:
        if not _HOST.fullmatch(one.lower()):
            raise Wrong(
                f"{said(one)} is not a host",
                'Write the name alone, or with a port: "api.example.com", "api.example.com:8443".',
            )
    # The port of https is never part of the name that a callback is compared by.
    return [one.lower().removesuffix(":443") for one in value]


def network_names(value: Any) -> Any:
    """Networks in canonical form; a single one may stand without brackets."""
    value = one_or_many(value)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        return value
    try:
        return [str(ip_network(one.strip())) for one in value]
    except ValueError as error:
        raise Wrong(
            f"names a network that is none: {error}",
            'Write "10.1.0.0/16", "10.1.2.3" or "fd00::/8".',
        ) from None


def proxy_address(value: Any) -> SecretStr:
    """The address of a proxy, which may hold a user and a password. Messages quote no part of it."""
    text = address(value, "").rstrip("/")
    if not text:
        return SecretStr("")
    if odd := secrets.oddity(text):
        raise Wrong(f"has {odd}", _PROXY)
    parts = address_parts(text)
    if parts is None or parts.scheme not in ("http", "https") or parts.path or parts.query:
        raise Wrong("is not the address of a proxy", _PROXY)
    if parts.password:
        keep_secret(unquote(parts.password))
        keep_secret(parts.password)
    return SecretStr(text)


_PROXY = (
    'Write "http://proxy.example.com:3128" or "http://user:password@proxy.example.com:3128"; in the '
    "user's name and the password write @ as %40, : as %3A, / as %2F and other letters as %…."
)


def shown_proxy(address: str) -> str:
    """The address of a proxy without its password."""
    start, at, host = address.rpartition("@")
    scheme, _, user = start.partition("://")
    return f"{scheme}://{user.partition(':')[0]}:***@{host}" if at else address


def header_values(value: Any) -> Any:
    """Headers by name, each value a secret."""
    if not isinstance(value, dict) or is_pointer(value):
        raise Wrong("must be a table of headers", 'Write headers = { "X-Name" = "value" }.')
    return {_header_name(name): _header_value(name, one) for name, one in value.items()}


def _header_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", name):
        raise Wrong("has a name that is no name of a header", "Use letters, digits and -.")
    if name.lower() in _OURS:
        raise Wrong(
            f"has {name}, which ticket-sync sets itself",
            "Remove it; credentials go into email and token, or user and password.",
        )
    return name


def _header_value(name: str, value: Any) -> SecretStr:
    try:
        secret = key_text(value)
    except Wrong as wrong:
        raise Wrong(f"{name}: {wrong.problem}", wrong.remedy) from None
    if not secret.get_secret_value():
        raise Wrong(f"{name}: is empty", "Give it a value, or remove it.")
    return secret


def certificate_mistakes(
    ca_bundle: Path | None, certificate: Path | None, key: Path | None
) -> Iterator[tuple[str, str, str]]:
    """What is wrong with the files of certificates, as ``Section.mistakes`` says it."""
    files = {"ca_bundle": ca_bundle, "client_certificate": certificate, "client_key": key}
    away = {name for name, path in files.items() if path is not None and not path.exists()}
    for name in files:
        wrong = Wrong(f"there is no file {files[name]}", "Correct the path, or remove it.")
        # The account's own certificate and key count as secrets: they may be absent where stand-ins
        # take the place of absent secrets.
        if name in away and (name == "ca_bundle" or not stood_in(files[name], wrong)):
            yield name, wrong.problem, wrong.remedy
    if ca_bundle and "ca_bundle" not in away and (words := _authorities_fail(ca_bundle)):
        yield "ca_bundle", words, "Name a file of certificates in PEM form, or remove it."
    if not away - {"ca_bundle"}:
        yield from _client_mistakes(certificate, key)


def _client_mistakes(certificate: Path | None, key: Path | None) -> Iterator[tuple[str, str, str]]:
    if certificate is None:
        if key is not None:
            yield "client_certificate", "is missing beside client_key", "Give both, or neither."
    elif words := _pair_fails(certificate, key):
        remedy = (
            "Name a file in PEM form that holds the certificate; its private key is in the same file or "
            "in client_key."
        )
        yield "client_certificate", words, remedy


def _authorities_fail(path: Path) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if path.is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except OSError as error:
        return f"{path} {_cannot_be_read(error)}"
    return ""


def _pair_fails(certificate: Path, key: Path | None) -> str:
    asked: list[bool] = []

    def no_passphrase() -> str:
        asked.append(True)
        return ""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_cert_chain(certificate, key, no_passphrase)
    except (OSError, ValueError) as error:
        if asked:
            return "has a private key with a passphrase, which ticket-sync cannot ask for"
        if "KEY_VALUES_MISMATCH" in str(error):
            return "and its private key do not belong together"
        return f"{certificate} {_cannot_be_read(error)}"
    return ""


def _cannot_be_read(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) or not isinstance(error, OSError):
        return "does not hold what is needed in PEM form"
    return f"cannot be read ({error.strerror})"
