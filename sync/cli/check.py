"""``check``: configuration and rules, held against the real Jira."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.domain.text import harmless

if TYPE_CHECKING:
    from pathlib import Path

    from sync.adapters.jira.check import Report
    from sync.bootstrap.facts_check import FactsReport
    from sync.bootstrap.upstream_check import UpstreamReport
    from sync.rules import RuleSet
    from sync.settings import Settings
    from sync.toml import Mistake

MISTAKES, CANNOT = 1, 2
# The most things that a list in the last line names.
_MOST = 6


def check(
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask Jira, and do without absent secrets.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check configuration and rules, then ask each Jira site whether all they name is there.

    Who we are there and what we may do in each project; issue types; that fields are on the create
    screen and take the value; required fields, people, parents; statuses and the ways to them; labels
    and link types; and the site's webhook, where the settings speak of one. While config.toml has no
    credentials for the source's API, rules that ask for what only the API knows are reported; with
    credentials, the scopes that are missing for these rules. Where it has Coalesce Quality told what
    people do in Jira, the way and the scopes for that are checked. Changes nothing. Each mistake comes
    with file, line and the nearest valid name. The last line says what was checked and what was not.
    With --offline, absent secrets are named, and all else is checked as `serve` does at its start.

    Exit codes: 0 all that could be checked is well, 1 there are mistakes, 2 it could not be checked (no
    configuration, or a site could not be asked).

    Example:  ticket-sync check --offline
    """
    from sync.settings import find

    find(config)
    found = _found(config, offline)
    if as_json:
        typer.echo(json.dumps(found.data(), indent=2))
    else:
        for line in found.lines():
            typer.echo(harmless(line))
    raise typer.Exit(found.code)


@dataclass(slots=True)
class _Found:
    """What a check found. ``well`` and ``unchecked`` name what was checked and what was not."""

    mistakes: list[str] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    upstreams: list[UpstreamReport] = field(default_factory=list)
    facts: list[FactsReport] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    absent: tuple[Mistake, ...] = ()
    checked: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    @property
    def all_mistakes(self) -> list[str]:
        of_sites = [str(one) for report in self.reports for one in report.findings]
        of_sources = [one for told in self.upstreams for one in told.absent]
        of_facts = [str(one) for report in self.facts for one in report.lacking]
        return [*self.mistakes, *of_sites, *of_sources, *of_facts]

    @property
    def troubles(self) -> list[str]:
        of = {f"site {report.site!r}": report.trouble for report in self.reports}
        asked: list[UpstreamReport | FactsReport] = [*self.upstreams, *self.facts]
        of |= {f"source {told.source!r}": told.trouble for told in asked if told.trouble}
        return [f"{what} could not be asked: {why}" for what, why in of.items() if why]

    @property
    def code(self) -> int:
        return CANNOT if self.troubles else MISTAKES if self.all_mistakes else 0

    def close(self) -> None:
        """Sort what was and what was not checked, once all is found."""
        if self.absent:
            count = len(self.absent)
            self.unchecked.append(f"{count} absent {'secret' if count == 1 else 'secrets'}")
        for report in self.reports:
            site = f"site {report.site!r}"
            if report.trouble:
                self.unchecked.append(site)
            else:
                self.checked.append(site)
            self.unchecked += report.unseen

    def lines(self) -> Iterator[str]:
        yield from (f"Note: {words}." for words in self.notes)
        for report in self.reports:
            if report.who:
                yield f"Site {report.site!r}: we are {report.who} there."
            if report.webhook:
                yield f"Site {report.site!r}: {report.webhook}."
            yield from (f"Note: site {report.site!r}: {words}." for words in report.remarks)
        for told in self.upstreams:
            yield from told.notes()
        yield from self.all_mistakes
        unseen = [f"{words.rstrip('.')}." for report in self.reports for words in report.notes]
        for words in [*map(str, self.absent), *unseen, *self.troubles]:
            yield f"Not checked: {words}"
        yield self.closing()

    def closing(self) -> str:
        """The last line: what was found, in what, and what was left out."""
        count, parts = len(self.all_mistakes), []
        if count:
            parts.append(f"{count} {'mistake' if count == 1 else 'mistakes'}.")
        elif not self.unchecked:
            return "All is well."
        else:
            parts.append(f"All that could be checked is well: {_listed(self.checked)}.")
        if self.unchecked:
            parts.append(f"Not checked: {_listed(self.unchecked)}.")
        return " ".join(parts)

    def data(self) -> dict[str, Any]:
        return {
            "mistakes": self.mistakes,
            "sites": [
                {
                    "site": report.site,
                    "who": report.who,
                    "trouble": report.trouble,
                    "webhook": report.webhook,
                    "notes": list(report.notes),
                    "remarks": list(report.remarks),
                    "findings": [asdict(one) for one in report.findings],
                }
                for report in self.reports
            ],
            "upstream": [asdict(one) for one in self.upstreams],
            "facts": [asdict(one) for one in self.facts],
            "notes": self.notes,
            "absent": [str(one) for one in self.absent],
            "checked": self.checked,
            "unchecked": self.unchecked,
        }


def _check_upstreams(found: _Found, settings: Settings, rules: RuleSet, offline: bool) -> None:
    """Find how sources are told what people do in Jira, if the configuration or a rule asks for that."""
    from sync.bootstrap.upstream_check import check_upstreams, is_told

    if is_told(settings) or rules.tells:
        found.upstreams = check_upstreams(settings, ask=not offline)
    if found.upstreams and not rules.tells:
        found.notes.append(
            "config.toml is ready to tell upstream what people do in Jira, and no rule has anything "
            'to tell: see "Telling upstream" in docs/rules.md'
        )


def _check_facts(found: _Found, settings: Settings, rules: RuleSet) -> None:
    """Find whether the credentials for the APIs of sources suffice for what the rules ask of them."""
    from sync.bootstrap.facts_check import check_facts

    found.facts = check_facts(settings, rules)


def _check_channels(found: _Found, settings: Settings, rules: RuleSet) -> None:
    """Note the names of rules that a channel of notifications goes by and no rule has."""
    from sync.domain.notification import fits

    for name, channel in sorted(settings.notify.items()):
        strangers = [
            pattern
            for pattern in channel.rules
            if not any(fits(rule.ref.name, pattern) for rule in rules.rules)
        ]
        if strangers:
            at = settings.position(("notify", name, "rules"))
            named = ", ".join(map(repr, strangers))
            found.notes.append(f"{at}: [notify.{name}] rules: no rule is called {named}")


def _listed(names: list[str]) -> str:
    shown = (
        names if len(names) <= _MOST else [*names[: _MOST - 1], f"{len(names) - _MOST + 1} more"]
    )
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]])) or "nothing"


def _found(config: Path | None, offline: bool) -> _Found:
    from sync.bootstrap.rules import rule_files
    from sync.bootstrap.site_check import check_sites
    from sync.rules import RuleErrors
    from sync.settings import Secrets, SettingsError, load

    found = _Found()
    try:
        settings = load(config, secrets=Secrets.STOOD_IN if offline else Secrets.NEEDED)
        found.absent = settings.absent
        found.checked.append("the configuration")
        files = rule_files(settings)
        found.notes = files.notes()
        rules = files.load().rules
    except SettingsError as error:
        found.mistakes, found.absent = [str(one) for one in error.mistakes], error.absent
        found.unchecked += ["the rules", "Jira"]
    except RuleErrors as error:
        found.mistakes = [str(one) for one in error.mistakes]
        found.unchecked.append("Jira")
    else:
        found.mistakes = [str(warning) for warning in rules.warnings]
        found.checked.append("the rules")
        _check_upstreams(found, settings, rules, offline)
        _check_channels(found, settings, rules)
        if offline:
            found.unchecked.append("Jira")
        else:
            found.reports = check_sites(settings, rules)
            _check_facts(found, settings, rules)
    found.close()
    return found
