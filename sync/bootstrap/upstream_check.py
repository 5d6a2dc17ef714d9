"""Checking the ways by which sources are told what people do in Jira."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sync.bootstrap.adapters import apis_of, lacking, upstreams_of
from sync.domain.acts import Ability
from sync.domain.errors import Fault
from sync.ports import Clock, SystemClock, Upstream
from sync.settings import Settings


@dataclass(frozen=True, slots=True)
class UpstreamReport:
    """How a source is told. ``unable`` has the abilities that are off, each with the reason; ``absent``
    what the settings lack; ``trouble`` why the source could not be asked, "" if it was."""

    source: str
    way: str
    unable: dict[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    trouble: str = ""

    def notes(self) -> Iterator[str]:
        """What is worth knowing, a sentence each."""
        if self.way:
            yield f"{self.source}: what people do in Jira is told by {self.way}."
        if self.way == "callbacks":
            yield (
                f"{self.source}: callbacks go with the delivery that offers them, which is kept as long "
                "as [retention] says; then nothing is told of its issue."
            )
        for what, why in self.unable.items():
            yield f"{self.source}: {why if what in why else f'cannot {what}: {why}'}."


def is_told(settings: Settings) -> bool:
    """Whether the settings have a source told of acts."""
    return bool(settings.coalesce.callbacks.hosts or settings.coalesce.api.actor_email)


def check_upstreams(
    settings: Settings, *, ask: bool = True, clock: Clock | None = None
) -> list[UpstreamReport]:
    """How each source is told and what is missing for that; changes nothing. Without ``ask`` no call is
    made, so that missing scopes do not show."""
    clock = clock or SystemClock()
    ways = upstreams_of(settings, clock, apis_of(settings, clock))
    return [_report(settings, name, way, ask=ask) for name, way in ways.items()]


def _report(settings: Settings, name: str, way: Upstream, *, ask: bool) -> UpstreamReport:
    trouble = ""
    if ask:
        try:
            way.probe()
        except Fault as fault:
            trouble = str(fault)
    unable = {what.value: why for what in Ability if (why := way.unable(what))}
    absent = tuple(
        f"{settings.position(path)}: {words}, so nothing can be told upstream."
        for path, words in lacking(settings)
    )
    return UpstreamReport(name, way.way, unable, absent, trouble)
