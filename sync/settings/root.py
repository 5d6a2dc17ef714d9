"""All settings together, and the checks that compare settings of several sections."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path as FilePath
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PrivateAttr
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from sync.settings.notify import Notify, channel_name
from sync.settings.secret import WAYS, is_pointer
from sync.settings.sections import (
    Coalesce,
    Log,
    Mappings,
    Retention,
    Section,
    Server,
    Site,
    Store,
    Sweeps,
    Upstream,
    Worker,
)
from sync.settings.shipped import shipped
from sync.settings.traces import Traces
from sync.settings.web import Web
from sync.toml import Document, Mistake, Path, Position, Wrong

ENV_PREFIX = "TICKET_SYNC_"
ENV_DELIMITER = "__"
# How the position of a value from the environment begins.
VARIABLE = "environment variable "


def _site_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(?:[_-][a-z0-9]+)*", name):
        raise Wrong(
            f"{name!r} cannot name a site",
            "Use small letters and digits, with single - or _ between them.",
        )
    return name


class Environment(EnvSettingsSource):
    """Environment variables; a variable for a list or a table may also hold plain text."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value


@dataclass(frozen=True, slots=True)
class Origins:
    """Where the values come from. ``given`` is what the file and the environment say, as written.

    ``document`` is None where no file says anything. ``variables`` are the environment variables of
    settings, by their names in capitals.
    """

    document: Document | None
    given: Mapping[str, Any] = dataclass_field(repr=False)
    variables: Mapping[str, str]

    def position(self, path: Path) -> Position:
        """The environment variable that sets the value at ``path``, else the line of the file that
        sets it or would set it. Without a file, the variable that would set it."""
        if (found := self.variable(path)) is not None:
            return Position(VARIABLE + found)
        if self.document is None:
            return Position(VARIABLE + variable_of(path))
        return self.document.position(path)

    def variable(self, path: Path) -> str | None:
        """The environment variable that sets the value at ``path``, or a table that the value is in."""
        pointers = [variable_of((*path, way)) for way in WAYS]
        tables = [variable_of(path[:length]) for length in range(len(path), 0, -1)]
        known = (self.variables.get(name) for name in (*pointers, *tables))
        return next((name for name in known if name is not None), None)

    def written(self, path: Path) -> Any:
        """The value at ``path`` as it is written, None for one that is not given."""
        value: Any = self.given
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        return value


def variable_of(path: Path) -> str:
    """The environment variable for the value at ``path``; for that of a whole list, where the path goes
    into one."""
    keys = [step for step in path if isinstance(step, str)]
    return ENV_PREFIX + ENV_DELIMITER.join(keys).upper()


class Settings(BaseSettings):
    """All settings. Frozen; made by ``sync.settings.load``."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        env_prefix=ENV_PREFIX,
        env_nested_delimiter=ENV_DELIMITER,
    )

    default_site: str = ""
    server: Server = Field(default_factory=Server)
    web: Web = Field(default_factory=Web)
    store: Store = Field(default_factory=Store)
    coalesce: Coalesce = Field(default_factory=Coalesce)
    sites: dict[Annotated[str, AfterValidator(_site_name)], Site] = Field(default_factory=dict)
    mappings: Mappings = Field(default_factory=Mappings)
    worker: Worker = Field(default_factory=Worker)
    upstream: Upstream = Field(default_factory=Upstream)
    sweeps: Sweeps = Field(default_factory=Sweeps)
    retention: Retention = Field(default_factory=Retention)
    notify: dict[Annotated[str, AfterValidator(channel_name)], Notify] = Field(default_factory=dict)
    log: Log = Field(default_factory=Log)
    traces: Traces = Field(default_factory=Traces)

    _origins: Origins | None = PrivateAttr(default=None)
    _absent: tuple[Mistake, ...] = PrivateAttr(default=())
    _file: FilePath | None = PrivateAttr(default=None)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only the data passed in counts: ``raw_settings`` has merged the file and the environment
        before."""
        return (init_settings,)

    def position(self, path: Path) -> Position:
        """What sets the value at ``path``: a line of the configuration file, or a variable. For a value
        that is not set, the line where it would stand."""
        return self._origins.position(path) if self._origins else Position("config.toml")

    def written(self, path: Path) -> Any:
        """The value at ``path`` as the file or the environment gives it, None for a default."""
        return self._origins.written(path) if self._origins else None

    @property
    def absent(self) -> tuple[Mistake, ...]:
        """The secrets that are not there and that stand-ins were read for, each with its place."""
        return self._absent

    @property
    def file(self) -> FilePath | None:
        """The configuration file that can be read again; None for a pipe, and where no file was read."""
        return self._file

    @property
    def lasting(self) -> bool:
        """Whether the settings can be read once more: they did not come through a pipe."""
        return self._file is not None or (
            self._origins is not None and self._origins.document is None
        )

    @property
    def rules_folder(self) -> FilePath:
        """The folder of mapping rules: the one that is set, else ``mappings`` beside the configuration,
        else, where that is not there or "" is set, the one that comes with the program."""
        chosen = self.mappings.directory
        if chosen is not None and (self.rules_folder_is_set or os.path.lexists(chosen)):
            return chosen
        return shipped("mappings")

    @property
    def rules_folder_is_set(self) -> bool:
        """Whether the configuration names the folder of rules."""
        return "directory" in self.mappings.model_fields_set

    @property
    def site_by_default(self) -> str:
        """The site of rules that name none; "" where every rule must name a site."""
        if self.default_site or len(self.sites) != 1:
            return self.default_site
        return next(iter(self.sites))


def lease_of(settings: Settings) -> float:
    """How long (seconds) a lease on a ticket lasts: as set, or longer where one call to a site may
    take longer."""
    calls = [one.connect_timeout + one.read_timeout for one in settings.sites.values()]
    return max(settings.worker.lease, max(calls, default=0.0) + LEASE_RESERVE)


def raw_settings(data: Mapping[str, Any]) -> dict[str, Any]:
    """A file's data, overlaid with the environment's values. Not validated yet."""
    return _merged(data, from_environment())


def from_environment() -> dict[str, Any]:
    """What the environment sets; empty where it sets nothing."""
    return Environment(Settings)()


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(under)
    for key, value in over.items():
        known = both.get(key)
        # A table that says where a secret is replaces another: the secret is in one place.
        if isinstance(known, dict) and isinstance(value, dict) and not is_pointer(value):
            value = _merged(known, value)
        both[key] = value
    return both


# Seconds that a lease must last beyond the timeouts of one call: the walk also waits for its turn and
# writes to the store.
LEASE_MARGIN = 5.0
# The margin that ``lease_of`` adds, which also covers the quick retries of a call.
LEASE_RESERVE = 20.0


def across(settings: Settings) -> Iterator[tuple[Path, Wrong]]:
    """What is wrong between settings of several sections, with the path of the key to change."""
    yield from _within((), settings)
    if not settings.sites:
        yield (
            ("sites",),
            Wrong(
                "names no Jira site",
                'Add one: a table [sites.main] with url = "https://your-team.atlassian.net", email, '
                'token = { env = "JIRA_TOKEN" } and project = "KEY".',
            ),
        )
    for name, site in sorted(settings.sites.items()):
        longest = site.connect_timeout + site.read_timeout + LEASE_MARGIN
        if settings.worker.lease < longest:
            yield (
                ("worker", "lease"),
                Wrong(
                    f"is shorter than a call to the site {name!r} may take; another worker would "
                    "take the ticket while the call is under way",
                    f'Write at least "{longest:g}s", or shorten the timeouts of [sites.{name}].',
                ),
            )
    if settings.default_site and settings.sites and settings.default_site not in settings.sites:
        known = ", ".join(sorted(settings.sites))
        yield (
            ("default_site",),
            Wrong(
                f"names {settings.default_site!r}, which is not under [sites]",
                f"Name one of: {known}.",
            ),
        )


def _within(path: Path, section: Any) -> Iterator[tuple[Path, Wrong]]:
    if isinstance(section, Section):
        for key, problem, remedy in section.mistakes():
            steps = (int(step) if step.isdigit() else step for step in key.split("."))
            yield (*path, *steps), Wrong(problem, remedy)
    if isinstance(section, Section | Settings):
        for name in type(section).model_fields:
            yield from _within((*path, name), getattr(section, name))
    elif isinstance(section, dict):
        for name, part in section.items():
            yield from _within((*path, name), part)
