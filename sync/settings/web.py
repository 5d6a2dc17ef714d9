"""The section ``[web]``: who may see the pages and use the API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from sync.settings.connection import beyond_the_site, host_names, network_names
from sync.settings.secret import is_stand_in
from sync.settings.sections import Mistakes, Section
from sync.settings.values import Duration, File, Secret, Url, at_least, is_loopback, one_or_many
from sync.toml import Wrong, said

RoleName = Literal["viewer", "operator", "editor"]
Groups = Annotated[list[str], BeforeValidator(one_or_many)]

# What a hash may cost: one that takes minutes would keep everybody else from signing in.
_HASH = re.compile(
    r"\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{16,}"
)
_MOST_MEMORY = 1_048_576
_USER_ADD = "Run `ticket-sync user add NAME --role editor`, and put what it prints here."


def _header(value: Any) -> Any:
    if isinstance(value, str) and value and not re.fullmatch(r"[A-Za-z0-9-]+", value):
        raise Wrong(f"{said(value)} is not the name of a header", 'Write it as "X-Forwarded-User".')
    return value


def user_name(name: str) -> str:
    """A name to sign in with. Raises Wrong."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}", name):
        raise Wrong(
            f"{said(name)} cannot name a user",
            "Use letters, digits and . _ @ + -, and put the name in quotes where it has . @ or +.",
        )
    return name


class WebUser(Section):
    """Somebody who signs in with a password."""

    password_hash: Secret = Field(default="")  # type: ignore[assignment]
    role: RoleName = "viewer"

    def mistakes(self) -> Mistakes:
        text = self.password_hash.get_secret_value()
        cost = _HASH.fullmatch(text)
        if not text:
            yield ("password_hash", "is missing", _USER_ADD)
        elif not is_stand_in(self.password_hash) and (
            cost is None or int(cost[1]) > _MOST_MEMORY or int(cost[2]) > 16 or int(cost[3]) > 16
        ):
            yield (
                "password_hash",
                "is not a hash of a password (argon2id) that can be checked in a moment",
                _USER_ADD,
            )


class _Granting(Section):
    """Roles by the groups that somebody else says an account is in. "*" is everybody."""

    viewers: Groups = Field(default_factory=list)
    operators: Groups = Field(default_factory=list)
    editors: Groups = Field(default_factory=list)

    @property
    def granted(self) -> Mapping[str, frozenset[str]]:
        """The groups of each role, the highest role first."""
        return {
            "editor": frozenset(self.editors),
            "operator": frozenset(self.operators),
            "viewer": frozenset(self.viewers),
        }

    @property
    def grants(self) -> bool:
        """Whether anybody gets a role at all."""
        return any(self.granted.values())


class Oidc(_Granting):
    """A provider of OpenID Connect, where people sign in."""

    issuer: Url = ""
    client_id: str = ""
    client_secret: Secret = Field(default="")  # type: ignore[assignment]
    button: str = "Sign in with single sign-on"
    scopes: str = "openid profile email"
    name_claim: str = "preferred_username"
    groups_claim: str = "groups"
    ca_bundle: File = None

    def mistakes(self) -> Mistakes:
        if self.issuer.startswith("http://") and not is_loopback(self.issuer):
            yield ("issuer", "would be asked unencrypted", "Use an https:// address.")
        if "openid" not in self.scopes.split():
            yield ("scopes", "lacks openid", 'Write "openid profile email", and more if needed.')


class Proxy(_Granting):
    """A proxy in front that signs people in, and says in headers who they are."""

    trusted: Annotated[list[str], BeforeValidator(network_names)] = Field(default_factory=list)
    user_header: Annotated[str, BeforeValidator(_header)] = "X-Forwarded-User"
    groups_header: Annotated[str, BeforeValidator(_header)] = "X-Forwarded-Groups"

    def mistakes(self) -> Mistakes:
        if not self.user_header:
            yield ("user_header", "is empty", 'Write the header, as "X-Forwarded-User".')


class Web(Section):
    """The pages and the API: who may see and do what."""

    login: Literal["off", "local", "users", "oidc", "proxy"] = "local"
    url: Url = ""
    hosts: Annotated[list[str], BeforeValidator(host_names)] = Field(default_factory=list)
    title: str = Field(default="", max_length=40)
    four_eyes: bool = False
    session: Annotated[Duration, at_least(60)] = 12 * 3600.0
    users: dict[Annotated[str, AfterValidator(user_name)], WebUser] = Field(default_factory=dict)
    oidc: Oidc = Field(default_factory=Oidc)
    proxy: Proxy = Field(default_factory=Proxy)

    @property
    def https(self) -> bool:
        """Whether people surely come by https."""
        return self.url.startswith("https://")

    def mistakes(self) -> Mistakes:
        yield from self._address_mistakes()
        if self.login == "users" and not self.users:
            yield ("login", 'is "users", but there are none', _USER_ADD)
        if self.login == "oidc":
            yield from self._oidc_mistakes()
        if self.login == "proxy" and not self.proxy.trusted:
            yield (
                "proxy.trusted",
                "names no proxy whose headers are believed",
                'Write the address of the proxy, as trusted = ["10.1.2.3"].',
            )
        for way, section in (("oidc", self.oidc), ("proxy", self.proxy)):
            if self.login == way and not section.grants:
                yield (
                    f"{way}.viewers",
                    "gives nobody a role, as operators and editors do",
                    'Name groups, as editors = ["data-platform"], or viewers = ["*"] for everybody.',
                )

    def _address_mistakes(self) -> Mistakes:
        if self.url.count("/") > 2 or beyond_the_site(self.url)[1]:
            yield ("url", "goes beyond the host", 'Write it as "https://ticket-sync.example.com".')
        if self.url.startswith("http://") and not is_loopback(self.url):
            yield ("url", "would have people sign in unencrypted", "Use an https:// address.")

    def _oidc_mistakes(self) -> Mistakes:
        if find_spec("joserfc") is None:
            yield (
                "login",
                'is "oidc", and a package for it is not installed',
                "Install it: pip install 'ticket-sync[oidc]'.",
            )
        if not self.url:
            yield (
                "url",
                "is missing; the provider has to send people back to it",
                'Write the address that people use, as url = "https://ticket-sync.example.com".',
            )
        for key, what in (("issuer", "the address"), ("client_id", "the client id")):
            if not getattr(self.oidc, key):
                yield (f"oidc.{key}", "is missing", f"Write {what} that the provider gave.")
