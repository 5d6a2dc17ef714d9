"""The sections of config.toml, each setting with its default.

Each section checks what does not go together within the section (``mistakes``).
``config.example.toml`` explains the settings to people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from sync.settings.connection import (
    beyond_the_site,
    certificate_mistakes,
    header_values,
    host_names,
    network_names,
    proxy_address,
)
from sync.settings.cron import cron_fault
from sync.settings.secret import is_stand_in
from sync.settings.values import (
    Duration,
    File,
    OptionalStoreUrl,
    OptionalWhole,
    Password,
    Secret,
    SigningSecret,
    Size,
    StoreUrl,
    Url,
    Whole,
    at_least,
    is_loopback,
    one_or_many,
)
from sync.toml import Wrong

# (key, what is wrong, what to do)
Mistakes = Iterator[tuple[str, str, str]]


class Section(BaseModel):
    """One table of the configuration: frozen, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def mistakes(self) -> Mistakes:
        """What is wrong between settings of this section that are right by themselves."""
        yield from ()


class Server(Section):
    """Where deliveries are received."""

    host: str = Field(default="127.0.0.1", min_length=1)
    port: Whole = Field(default=8080, ge=0, le=65535)
    admin_host: str = Field(default="127.0.0.1", min_length=1)
    admin_port: OptionalWhole = Field(default=None, ge=0, le=65535)
    # At most half of the 64 MiB that all bodies share while they are received.
    max_body: Annotated[Size, Field(ge=1024, le=32 * 1024 * 1024)] = 8 * 1024 * 1024
    body_timeout: Annotated[Duration, Field(gt=0)] = 10.0
    queue: Whole = Field(default=10_000, ge=1)
    stop_timeout: Annotated[Duration, Field(gt=0)] = 20.0

    @property
    def apart(self) -> bool:
        """Whether people and monitors have an address of their own."""
        return self.admin_port is not None

    def mistakes(self) -> Mistakes:
        if self.admin_port is None and self.admin_host != "127.0.0.1":
            yield (
                "admin_host",
                "is an address without a port",
                "Set admin_port as well, or remove admin_host: then one address serves all.",
            )
        if self.admin_port and (self.admin_host, self.admin_port) == (self.host, self.port):
            yield (
                "admin_port",
                "is the port that webhooks come to",
                "Name another, or remove it: then one address serves all.",
            )


class Store(Section):
    """Where everything is kept."""

    # The default is validated too: the file lies in the folder of the configuration.
    url: StoreUrl = Field(default="sqlite:///ticket-sync.db", repr=False)  # type: ignore[assignment]
    # The address of PostgreSQL itself, where `url` leads to a pooler.
    direct_url: OptionalStoreUrl = Field(default=None, repr=False)
    # How many copies of a SQLite file from before upgrades are kept.
    upgrade_copies: Whole = Field(default=3, ge=0)


class Api(Section):
    """Credentials for the REST API of Coalesce Quality."""

    client_id: str = ""
    client_secret: Secret = Field(default="")  # type: ignore[assignment]
    region: Literal["eu", "us", "au"] = "eu"
    url: Url = ""
    integration_id: str = ""
    actor_email: str = ""

    @property
    def configured(self) -> bool:
        return bool(self.client_id)

    def mistakes(self) -> Mistakes:
        secret = self.client_secret.get_secret_value()
        if self.client_id and not secret:
            yield ("client_secret", "is missing beside client_id", "Give both, or neither.")
        if secret and not self.client_id:
            yield ("client_id", "is missing beside client_secret", "Give both, or neither.")
        if self.url.startswith("http://") and not is_loopback(self.url):
            yield ("url", "would send the credentials unencrypted", "Use an https:// address.")
        if self.actor_email and not re.fullmatch(r"[^\s@,;<>]+@[^\s@,;<>]+", self.actor_email):
            yield ("actor_email", "is not one email address", "Write it as name@host.")


class Callbacks(Section):
    """The callbacks of deliveries that may be called, where there are no credentials for the API."""

    hosts: Annotated[list[str], BeforeValidator(host_names)] = Field(default_factory=list)
    private: Annotated[list[str], BeforeValidator(network_names)] = Field(default_factory=list)

    def mistakes(self) -> Mistakes:
        if self.private and not self.hosts:
            yield (
                "private",
                "allows nothing as long as hosts is empty",
                "Name the hosts of callbacks in hosts, or remove private.",
            )


def _empty_secrets(key: str, secrets: list[SecretStr], remedy: str) -> Mistakes:
    """Anybody can sign with an empty key, and anybody can send an empty secret."""
    for place, secret in enumerate(secrets):
        if not secret.get_secret_value().strip():
            yield (f"{key}.{place}", "is empty", remedy)


class Coalesce(Section):
    """The sender of deliveries."""

    signing_secrets: Annotated[list[SigningSecret], BeforeValidator(one_or_many)] = Field(
        default_factory=list
    )
    allow_unsigned: bool = False
    replay_window: Annotated[Duration, Field(gt=0)] = 45 * 60.0
    clock_skew: Duration = 5 * 60.0
    api: Api = Field(default_factory=Api)
    callbacks: Callbacks = Field(default_factory=Callbacks)

    def mistakes(self) -> Mistakes:
        yield from _empty_secrets(
            "signing_secrets",
            self.signing_secrets,
            "Give the signing secret of the webhook integration.",
        )
        if not self.signing_secrets and not self.allow_unsigned:
            yield (
                "signing_secrets",
                "is not set, so no delivery could be trusted",
                'Set signing_secrets = [{ env = "COALESCE_SIGNING_SECRET" }] to the secret of the '
                "webhook integration; to accept unsigned deliveries on purpose, set "
                "allow_unsigned = true.",
            )


def _project(value: Any) -> Any:
    if isinstance(value, str) and value and not re.fullmatch(r"[A-Z][A-Z0-9_]+", value):
        raise Wrong(
            f"{value!r} is not a Jira project key",
            "A key looks like DATA: the part before the dash in DATA-123, in capitals.",
        )
    return value


# The settings of a site by which its webhooks prove where they come from, or need not.
WEBHOOK_PROOFS = ("webhook_secrets", "webhook_header_secrets", "allow_unsigned_webhooks")


class Site(Section):
    """One Jira site."""

    url: Url = Field(min_length=1)
    browse_url: Url = ""
    deployment: Literal["auto", "cloud", "datacenter"] = "auto"
    email: str = ""
    token: Secret = Field(default="")  # type: ignore[assignment]
    user: str = ""
    password: Password = Field(default="")  # type: ignore[assignment]
    project: Annotated[str, BeforeValidator(_project)] = ""
    index_lag: Duration = 120.0
    connect_timeout: Annotated[Duration, Field(gt=0)] = 5.0
    read_timeout: Annotated[Duration, Field(gt=0)] = 30.0
    max_concurrency: Whole = Field(default=8, ge=1, le=256)
    probe_every: Annotated[Duration, at_least(0.1)] = 15.0
    proxy: Annotated[SecretStr, BeforeValidator(proxy_address)] = Field(default="")  # type: ignore[assignment]
    ca_bundle: File = None
    client_certificate: File = None
    client_key: File = None
    headers: Annotated[dict[str, SecretStr], BeforeValidator(header_values)] = Field(
        default_factory=dict
    )
    allow_http: bool = False
    webhook_secrets: Annotated[list[SigningSecret], BeforeValidator(one_or_many)] = Field(
        default_factory=list
    )
    webhook_header_secrets: Annotated[list[Secret], BeforeValidator(one_or_many)] = Field(
        default_factory=list
    )
    allow_unsigned_webhooks: bool = False

    @property
    def takes_webhooks(self) -> bool:
        """Whether the site's webhooks are taken."""
        return any(getattr(self, key) for key in WEBHOOK_PROOFS)

    def mistakes(self) -> Mistakes:
        yield from self._address_mistakes()
        yield from self._webhook_mistakes()
        if self.user or self.password.get_secret_value():
            yield from self._user_mistakes()
        else:
            yield from self._token_mistakes()
        yield from certificate_mistakes(self.ca_bundle, self.client_certificate, self.client_key)

    def _webhook_mistakes(self) -> Mistakes:
        signing = {one.get_secret_value() for one in self.webhook_secrets}
        for key in ("webhook_secrets", "webhook_header_secrets"):
            remedy = "Give the secret that the webhook has in Jira, or remove the entry."
            yield from _empty_secrets(key, getattr(self, key), remedy)
        for place, secret in enumerate(self.webhook_header_secrets):
            value = secret.get_secret_value()
            if value and value in signing and not is_stand_in(secret):
                yield (
                    f"webhook_header_secrets.{place}",
                    "is also among webhook_secrets, whose secrets sign and are never sent",
                    "Make another secret for those who send it along.",
                )

    def _token_mistakes(self) -> Mistakes:
        cloud = self.deployment == "cloud" or bool(self.email)
        if not self.token.get_secret_value():
            what = "an API token" if cloud else "an API token or personal access token"
            yield ("token", f"is missing; Jira wants {what}", 'Set token = { env = "JIRA_TOKEN" }.')
        if self.email and "@" not in self.email:
            yield ("email", "is not an email address", "Write it as name@host.")
        if self.deployment == "datacenter" and self.email:
            yield (
                "email",
                "is given, but Data Center takes a personal access token alone",
                "Remove email; to log in by name, set user and password and remove token.",
            )

    def _user_mistakes(self) -> Mistakes:
        if not self.user:
            yield ("user", "is missing beside password", "Give both, or neither.")
        if not self.password.get_secret_value():
            yield (
                "password",
                "is missing beside user",
                'Set password = { env = "JIRA_PASSWORD" }.',
            )
        if ":" in self.user or not self.user.isprintable():
            yield ("user", "has a character that no user name has", "Correct it.")
        if self.email or self.token.get_secret_value():
            yield (
                "user",
                "is given beside email or token, and only one of them can log in",
                "For Jira Cloud remove user and password; for Data Center keep token alone, or user and "
                "password alone.",
            )
        elif self.deployment == "cloud":
            yield (
                "user",
                "is given, but Jira Cloud takes an API token",
                "Set email and token instead, or token alone.",
            )

    def _address_mistakes(self) -> Mistakes:
        if self.url.startswith("http://") and not is_loopback(self.url) and not self.allow_http:
            yield (
                "url",
                "would send the token unencrypted",
                "Use an https:// address; if the way there is private, set allow_http = true.",
            )
        for key, address in (("url", self.url), ("browse_url", self.browse_url)):
            site, further = beyond_the_site(address)
            if further:
                yield (key, f"goes too far, into {further}", f'Give the site alone: "{site}".')
        host = self.url.partition("//")[2].partition("/")[0].lower()
        if host.endswith(".atlassian.net") and self.deployment == "datacenter":
            yield ("deployment", 'is "datacenter", but the address is Jira Cloud\'s', 'Use "auto".')
        if host == "api.atlassian.com" and not self.browse_url:
            yield (
                "browse_url",
                "is missing; people cannot open tickets at api.atlassian.com",
                'Set browse_url = "https://your-team.atlassian.net".',
            )


class Mappings(Section):
    """Where the mapping rules are."""

    directory: File = Field(default="mappings")  # type: ignore[assignment]
    reload_every: Annotated[Duration, at_least(0.1)] = 1.0
    large_edit: Whole = Field(default=50, ge=0)
    on_large_edit: Literal["wait", "new"] = "wait"


class Worker(Section):
    """How tickets are worked on."""

    threads: Whole = Field(default=8, ge=1, le=256)
    lease: Annotated[Duration, at_least(5)] = 120.0


class Upstream(Section):
    """How what people do in Jira is told upstream, by rules that ask for it."""

    settle: Annotated[Duration, at_least(1)] = 15.0
    tie: Duration = 5.0
    large_upstream: Whole = Field(default=50, ge=0)


class SweepSection(Section):
    """One group of sweeps, run at an interval (``every``) or at given times (``cron``)."""

    enabled: bool = True
    every: Annotated[Duration, at_least(10)] = 300.0
    cron: str = ""
    overlap: Duration = 600.0

    def mistakes(self) -> Mistakes:
        if self.cron and (fault := cron_fault(self.cron)):
            yield (
                "cron",
                f"{self.cron!r} {fault}",
                'Write minute, hour, day, month, weekday: "*/15 * * * *". Times are UTC.',
            )


class JiraSweepSection(SweepSection):
    every: Annotated[Duration, at_least(10)] = 900.0


class OwnSweepSection(SweepSection):
    every: Annotated[Duration, at_least(10)] = 60.0


class Sweeps(Section):
    """The sweeps, which look for what was missed."""

    enabled: bool = True
    upstream: SweepSection = Field(default_factory=SweepSection)
    deliveries: SweepSection = Field(default_factory=SweepSection)
    jira: JiraSweepSection = Field(default_factory=JiraSweepSection)
    own: OwnSweepSection = Field(default_factory=OwnSweepSection)


class Retention(Section):
    """How long history is kept. Links between subjects and tickets are kept for ever."""

    deliveries: Annotated[Duration, at_least(3600)] = 90 * 86400.0
    journal: Annotated[Duration, at_least(3600)] = 180 * 86400.0


class Log(Section):
    """What is logged, and in which form."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"
