"""Options that several verbs share, and how they are read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.problems import USAGE, Problem

if TYPE_CHECKING:
    from sync.rules import RuleSet
    from sync.settings import Settings

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="The configuration file; none is needed where the environment has all settings. "
        "[default: $TICKET_SYNC_CONFIG, else ./config.toml]",
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def seconds_of(since: str) -> float:
    """The value of ``--since`` in seconds. Raises Problem."""
    from sync.settings.values import parse_duration

    try:
        return parse_duration(since)
    except ValueError:
        raise Problem(f"{since!r} is no span of time. Write 30d, 12h or 90m.", USAGE) from None


def rules_on_disk(config: Path | None, site: str = "") -> tuple[Settings, RuleSet, Path]:
    """The settings, the rules on disk and their folder, for verbs that ask nobody. Without a
    configuration the rules in ./mappings are read, or those that come with ticket-sync. ``site`` is
    taken as the default of rules that name none.

    Raises Problem, SettingsError and RuleErrors.
    """
    from dataclasses import replace

    from sync.bootstrap.adapters import rule_defaults
    from sync.rules import Defaults, load
    from sync.settings import Secrets, Settings, SettingsError, find, shipped
    from sync.settings import load as load_settings

    try:
        find(config)
    except SettingsError:
        if config is not None:
            raise
        here = Path("mappings")
        folder = here if here.is_dir() else shipped("mappings")
        name = site or "main"
        return Settings(), load(folder, Defaults({name: "DATA"}, name)), folder
    settings = load_settings(config, secrets=Secrets.UNNEEDED)
    if site and site not in settings.sites:
        known = ", ".join(sorted(settings.sites)) or "none"
        raise Problem(f"There is no site {site!r} in the configuration; it has: {known}.", USAGE)
    defaults = rule_defaults(settings)
    if site:
        defaults = replace(defaults, default_site=site)
    return settings, load(settings.rules_folder, defaults), settings.rules_folder
