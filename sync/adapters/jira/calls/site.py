"""The settings of one Jira site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class JiraSite:
    """One named site. All durations are in seconds.

    ``url`` is where calls go (for scoped tokens ``https://api.atlassian.com/ex/jira/<cloud id>``),
    ``browse_url`` what people open, by default the same. ``deployment`` is ``auto`` (asked of the
    server once), ``cloud`` or ``datacenter``. Cloud takes ``email`` and API token, Data Center a
    personal access token, or ``user`` and ``password``. A token without ``email`` goes as Bearer.
    ``headers`` go with every call. ``proxy`` is an address, with user and password in it where the
    proxy wants them. ``ca_bundle``, ``client_certificate`` and ``client_key`` are files in PEM form.
    ``index_lag`` is the time after which a search surely finds a new ticket. ``ceiling`` is the most
    concurrent calls. ``patience`` is how long a caller waits for its turn before the call is Refused.
    ``probe_first`` and ``probe_cap`` bound the interval between probes of a site that is down, or of a
    project whose calls hang.
    """

    name: str
    url: str
    token: str = field(default="", repr=False)
    email: str = ""
    deployment: str = "auto"
    browse_url: str = ""
    index_lag: float = 120.0
    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    user: str = ""
    password: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    proxy: str = field(default="", repr=False)
    ca_bundle: str = ""
    client_certificate: str = ""
    client_key: str = ""
    ceiling: int = 8
    patience: float = 5.0
    metadata_ttl: float = 600.0
    probe_first: float = 15.0
    probe_cap: float = 300.0

    @property
    def hang_after(self) -> float:
        """Seconds after which a call without an answer counts as hanging."""
        return min(3.0, self.read_timeout / 2)

    @property
    def people_url(self) -> str:
        """The base of addresses for people, without a slash at the end."""
        return (self.browse_url or self.url).rstrip("/")
