"""The sections ``[notify.NAME]``: who is told when something needs a person, and how."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from pydantic import BeforeValidator, Field, SecretStr

from sync.domain.notification import KINDS
from sync.settings.connection import certificate_mistakes, proxy_address
from sync.settings.secret import is_stand_in, secret_word
from sync.settings.sections import Mistakes, Section
from sync.settings.values import (
    Duration,
    File,
    OptionalWhole,
    Password,
    Secret,
    SigningSecret,
    address_parts,
    at_least,
    is_loopback,
    one_or_many,
)
from sync.telemetry import keep_secret
from sync.toml import Wrong, nearest, said

_ADDRESS = re.compile(r"[^\s@,;<>\"()]+@[^\s@,;<>\"()]+")
# The services of apprise that may be used. Others are none that a daemon should reach: they write to
# this machine's log or desktop, or need programs beside it.
_SERVICES = (
    "apprise apprises bark barks discord fcm feishu flock form forms gchat gotify gotifys "
    "hassio hassios ifttt ilert incidentio json jsons lark line mailgun mailto mailtos mastodon "
    "mastodons matrix matrixs mmost mmosts nctalk nctalks ntfy ntfys o365 opsgenie pagerduty "
    "pagertree pover prowl resend revolt rocket rockets ryver sendgrid ses signal signals "
    "signl4 slack smtp2go sns sparkpost spike splunk squadcast synology synologys tgram threema "
    "toot toots twilio twist victorops webex wecombot whatsapp workflow workflows wxteams xml "
    "xmls zulip"
)
APPRISE_SCHEMES = frozenset(_SERVICES.split())
# What only channels of these types read.
_OF_TYPE = {
    "signing_secret": ("webhook",),
    "token": ("webhook",),
    "proxy": ("slack", "webhook"),
    "allow_http": ("slack", "webhook"),
    "url": ("slack", "webhook", "apprise"),
    **dict.fromkeys(("host", "port", "user", "password", "sender", "to"), ("email",)),
    "ca_bundle": ("slack", "webhook", "email"),
}
_REMEDY = {
    "slack": 'Set url = { env = "SLACK_WEBHOOK" } to the address of the incoming webhook.',
    "webhook": 'Set url = "https://receiver.example.com/hook".',
    "apprise": 'Set url = { env = "APPRISE_URL" } to an address such as ntfys://host/topic.',
}


def channel_name(name: str) -> str:
    """A name of a channel. Raises Wrong."""
    if not re.fullmatch(r"[a-z0-9]+(?:[_-][a-z0-9]+){0,9}", name) or len(name) > 40:
        raise Wrong(
            f"{said(name)} cannot name a channel",
            "Use small letters and digits, with single - or _ between them; at most 40.",
        )
    return name


def _target(value: Any) -> SecretStr:
    """An address that is itself a secret. What could be told apart in it is a secret as well."""
    secret = secret_word(value)
    text = secret.get_secret_value()
    if text and not is_stand_in(secret):
        parts = address_parts(text)
        for part in (parts.path, parts.query, parts.password or "") if parts else ():
            keep_secret(part.strip("/"))
            keep_secret(unquote(part.strip("/")))
    return secret


def _kinds(value: Any) -> Any:
    value = one_or_many(value)
    for one in value if isinstance(value, list) else ():
        if isinstance(one, str) and one not in KINDS:
            close = nearest(one, KINDS)
            remedy = f"Did you mean {close!r}?" if close else f"Kinds are: {', '.join(KINDS)}."
            raise Wrong(f"names {said(one)}, which is no kind of concern", remedy)
    return value


def _mail_addresses(value: Any) -> Any:
    value = one_or_many(value)
    for one in value if isinstance(value, list) else ():
        if isinstance(one, str) and not _ADDRESS.fullmatch(one):
            raise Wrong(f"{said(one)} is not an email address", "Write it as name@host.")
    return value


class Notify(Section):
    """One channel: a way to people who are told when something needs them."""

    type: Literal["slack", "webhook", "email", "apprise"]
    url: Annotated[SecretStr, BeforeValidator(_target)] = Field(default="")  # type: ignore[assignment]
    signing_secret: SigningSecret = Field(default="")  # type: ignore[assignment]
    token: Secret = Field(default="")  # type: ignore[assignment]
    proxy: Annotated[SecretStr, BeforeValidator(proxy_address)] = Field(default="")  # type: ignore[assignment]
    allow_http: bool = False
    host: str = ""
    port: OptionalWhole = Field(default=None, ge=1, le=65535)
    tls: Literal["starttls", "tls", "off"] = "starttls"
    user: str = ""
    password: Password = Field(default="")  # type: ignore[assignment]
    sender: str = ""
    to: Annotated[list[str], BeforeValidator(_mail_addresses)] = Field(default_factory=list)
    ca_bundle: File = None
    timeout: Annotated[Duration, at_least(1), Field(le=40)] = 10.0
    kinds: Annotated[list[str], BeforeValidator(_kinds)] = Field(default_factory=list)
    rules: Annotated[list[str], BeforeValidator(one_or_many)] = Field(default_factory=list)
    silence: Annotated[Duration, at_least(60)] = 2 * 86400.0
    wait: Duration = 30.0
    gap: Annotated[Duration, at_least(1)] = 300.0
    again: Duration = 86400.0

    def mistakes(self) -> Mistakes:
        yield from self._strangers()
        if self.type == "email":
            yield from self._email_mistakes()
        else:
            yield from self._url_mistakes()
        if self.type == "apprise" and find_spec("apprise") is None:
            yield (
                "type",
                'is "apprise", and the package for it is not installed',
                "Install it: pip install 'ticket-sync[apprise]'.",
            )
        if self.type == "webhook" and not self.signing_secret.get_secret_value():
            yield (
                "signing_secret",
                "is missing; the receiver could not know who sent a message",
                'Set signing_secret = { env = "NOTIFY_SECRET" } to a secret that the receiver has.',
            )
        yield from certificate_mistakes(self.ca_bundle, None, None)

    def _strangers(self) -> Mistakes:
        """Settings that a channel of this type does not read. An empty one is none."""
        for key, types in _OF_TYPE.items():
            given = getattr(self, key)
            empty = not (given.get_secret_value() if isinstance(given, SecretStr) else given)
            if self.type not in types and not empty:
                named = " or ".join(f'"{one}"' for one in types)
                yield (key, f"is for channels of type {named}", "Remove it, or change type.")

    def _url_mistakes(self) -> Mistakes:
        text = self.url.get_secret_value()
        if not text:
            yield ("url", "is missing", _REMEDY[self.type])
            return
        if is_stand_in(self.url):
            return
        if self.type == "apprise":
            scheme = text.partition("://")[0].lower()
            if scheme not in APPRISE_SCHEMES:
                # What stands before :// may be anything, a secret too.
                yield (
                    "url",
                    "is not for a service of apprise that can be used here",
                    "docs/notifications.md lists them; for others use a webhook.",
                )
            return
        parts = address_parts(text)
        if parts is None or parts.scheme not in ("http", "https"):
            yield ("url", "is not a web address", _REMEDY[self.type])
        elif "@" in parts.netloc:
            yield (
                "url",
                "has a user name or password in it",
                "For a webhook, give a token, which is sent as Bearer.",
            )
        elif parts.scheme == "http" and not is_loopback(text) and not self.allow_http:
            yield (
                "url",
                "would be called unencrypted",
                "Use an https:// address; if the way there is private, set allow_http = true.",
            )

    def _email_mistakes(self) -> Mistakes:
        if not self.host:
            yield ("host", "is missing", 'Name the mail server: host = "smtp.example.com".')
        elif not re.fullmatch(r"[A-Za-z0-9_.:-]+", self.host):
            yield ("host", "is not the name of a host", 'Write the name alone: "smtp.example.com".')
        if not _ADDRESS.fullmatch(self.sender):
            yield ("sender", "is not an email address", 'Set sender = "ticket-sync@example.com".')
        if not self.to:
            yield ("to", "names nobody", 'Set to = ["data-platform@example.com"].')
        if bool(self.user) != bool(self.password.get_secret_value()):
            key, other = ("password", "user") if self.user else ("user", "password")
            yield (key, f"is missing beside {other}", "Give both, or neither.")
        if self.password.get_secret_value() and self.tls == "off" and not _here(self.host):
            yield (
                "tls",
                'is "off", so that the password would travel unencrypted',
                'Use "starttls" or "tls".',
            )


def _here(host: str) -> bool:
    return is_loopback(f"http://{host}")
