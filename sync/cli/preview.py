"""``preview``: the tickets that a delivery would make."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.problems import USAGE, Problem
from sync.cli.send import Sample, body_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sync.adapters.jira.offline_draft import SketchedField
    from sync.domain.rule import Desired
    from sync.rules import Rule, RuleSet
    from sync.settings import Settings
    from sync.worker.foresight.preview import Preview


class Severity(StrEnum):
    """The severities of an issue."""

    INFO = "info"
    WARN = "warn"
    ERROR = "error"
    FATAL = "fatal"


def preview(  # noqa: PLR0913  (each is an option of the verb)
    file: Annotated[
        Path | None, typer.Argument(help="A file with a webhook's body, - for standard input.")
    ] = None,
    sample: Annotated[
        Sample | None, typer.Option("--sample", "-s", help="A made-up delivery of this kind.")
    ] = None,
    title: Annotated[str, typer.Option("--title", help="As if it had this title.")] = "",
    owner: Annotated[str, typer.Option("--owner", help="As if it had this owner alone.")] = "",
    severity: Annotated[
        Severity | None,
        typer.Option("--severity", help="As if the API told of this severity; no delivery does."),
    ] = None,
    site: Annotated[
        str, typer.Option("--site", help="As if this site were the default of the rules.")
    ] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the ticket a delivery would make: the rule, why not the ones before, and every field.

    Uses the rules on disk and asks nobody: neither Jira nor the store. Without a configuration, the
    rules in ./mappings or those that come with ticket-sync are used. A delivery with several events is
    shown event by event; --json then prints a list.

    Exit codes: 0 a ticket would be made, 1 none would (no rule matches, or the rule fails on it), 2 the
    delivery cannot be read, or usage, rules or configuration are wrong.

    Example:  ticket-sync preview --sample issue_created --owner "Finance data" --severity fatal
    """
    from sync.bootstrap.adapters import sources_of
    from sync.domain.errors import Unreadable
    from sync.worker.foresight.preview import Variation
    from sync.worker.foresight.preview import preview as look

    body = body_of(file, sample)
    settings, rules, clouds = _rules(config, site)
    try:
        supposed = Variation(title, owner, severity or "")
        found = look(sources_of(settings).values(), rules, body, supposed)
    except Unreadable as error:
        raise Problem(f"The delivery cannot be read: {error}", USAGE) from error
    shown = [_sketched(one, clouds) for one in found]
    if as_json:
        data = [_as_data(*one) for one in shown]
        typer.echo(json.dumps(data[0] if len(data) == 1 else data, indent=2, default=str))
    else:
        _print_all(shown)
    made = any(fields and not any(field.problem for field in fields) for _, fields, _ in shown)
    raise typer.Exit(0 if made else 1)


def _sketched(
    found: Preview, clouds: Mapping[str, bool]
) -> tuple[Preview, list[SketchedField], bool]:
    """An event's preview, its fields as Jira would get them, and whether that Jira is Jira Cloud."""
    cloud = clouds.get(found.rule.site, True) if found.rule else True
    if found.desired is None:
        return found, [], cloud
    from sync.adapters.jira.offline_draft import sketch

    return found, sketch(found.desired, cloud=cloud), cloud


def _rules(config: Path | None, site: str) -> tuple[Settings, RuleSet, Mapping[str, bool]]:
    """The settings, the rules on disk, and which sites are Jira Cloud."""
    from dataclasses import replace

    from sync.adapters.jira.offline_draft import is_cloud
    from sync.bootstrap.adapters import jira_site, rule_defaults
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
        return Settings(), load(folder, Defaults({name: "DATA"}, name)), {name: True}
    settings = load_settings(config, secrets=Secrets.UNNEEDED)
    if site and site not in settings.sites:
        known = ", ".join(sorted(settings.sites)) or "none"
        raise Problem(f"There is no site {site!r} in the configuration; it has: {known}.", USAGE)
    defaults = rule_defaults(settings)
    if site:
        defaults = replace(defaults, default_site=site)
    clouds = {name: is_cloud(jira_site(name, one)) for name, one in settings.sites.items()}
    return settings, load(settings.rules_folder, defaults), clouds


def _as_data(found: Preview, fields: list[SketchedField], cloud: bool) -> dict[str, Any]:
    desired = found.desired
    data: dict[str, Any] = {
        "event": {"type": found.event.type.value, "id": found.event.id},
        "subject": str(found.snapshot.ref) if found.snapshot else None,
        "rules": [
            {
                "name": one.rule.ref.name,
                "where": one.rule.ref.where,
                "matched": one.matched,
                "reason": one.reason,
            }
            for one in found.explained
        ],
        "rule": found.rule.ref.name if found.rule else None,
        "ticket": None,
        "rejected": str(found.rejected) if found.rejected else None,
    }
    if desired is not None:
        data["ticket"] = {
            "key": desired.key,
            "site": desired.site,
            "jira": "cloud" if cloud else "datacenter",
            "project": desired.project,
            "issue_type": list(desired.issue_type),
            "fields": {
                field.id: {
                    "name": field.name,
                    "value": field.value,
                    **{k: v for k in ("note", "problem") if (v := getattr(field, k))},
                }
                for field in fields
            },
            "status": desired.status.value,
            "target": str(desired.target),
            "status_comment": desired.status_comment,
            "links": [link.url for link in desired.remote_links],
            "told_upstream": _told(desired),
        }
    return data


def _print_all(shown: list[tuple[Preview, list[SketchedField], bool]]) -> None:
    for one in shown:
        _print(*one)
    if not shown:
        typer.echo("A delivery without events makes no ticket.")


def _print(found: Preview, fields: list[SketchedField], cloud: bool) -> None:
    from sync.domain.text import harmless

    if found.snapshot is None:
        typer.echo(f"A delivery of type {found.event.type.value} makes no ticket.")
        return
    typer.echo(f"{found.event.type.value} of {harmless(found.snapshot.ref)}")
    for one in found.explained:
        sign = "matches" if one.matched else "no    "
        typer.echo(f"  {sign}  {one.rule.ref}: {harmless(one.reason)}")
    if found.rule is None:
        typer.echo("No rule matches: no ticket.")
    elif found.rejected is not None:
        typer.echo(f"The ticket would be set aside: {found.rejected}")
        typer.echo(found.rejected.remedy)
    elif found.desired is not None:
        _ticket(found.rule, found.desired, fields, cloud)


def _ticket(rule: Rule, desired: Desired, fields: list[SketchedField], cloud: bool) -> None:
    from sync.cli.terminal import cell, console, table
    from sync.domain.text import harmless

    kind = " or ".join(desired.issue_type)
    where = (
        f"{kind} in {desired.project} ({desired.site}, Jira {'Cloud' if cloud else 'Data Center'})"
    )
    shown = table(where, "field", "value", "")
    texts = []
    for field in fields:
        if field.id in ("description", "environment"):
            texts.append(field)
            continue
        remark = field.problem or field.note
        style = "red" if field.problem else "dim"
        shown.add_row(cell(field.name, "bold"), cell(field.shown), cell(remark, style))
    out = console()
    out.print(shown)
    for field in texts:
        _text(field, cloud)
    for line in _waits(rule, desired.key):
        typer.echo(harmless(line))
    if desired.status.value != "open":
        typer.echo(f"Then moved to {desired.target}, for it is {desired.status.value}.")
        if desired.status_comment:
            typer.echo(f"Comment: {harmless(desired.status_comment)}")
    for link in desired.remote_links:
        typer.echo(f"Link back: {harmless(link.url)}")
    _print_told(desired)


def _print_told(desired: Desired) -> None:
    from sync.domain.telling_words import UNKNOWN
    from sync.domain.text import harmless

    if told := _told(desired):
        typer.echo("Upstream would be told:")
        for words in told:
            typer.echo(f"  {harmless(words)}")
        typer.echo(UNKNOWN)


def _told(desired: Desired) -> list[str]:
    """What upstream would be told of the ticket, in words; none where the rule tells nothing."""
    from sync.domain.telling_words import told_in_words

    return list(told_in_words(desired.upstream)) if desired.upstream else []


def _waits(rule: Rule, key: str) -> Iterator[str]:
    """When the ticket is made, and what shares it, with the words of the rule."""
    from sync.domain.durations import written

    if rule.hold:
        hold = f"{written(rule.hold)} after it was first heard of"
        yield f"Made only if it is still open {hold}: hold = {_as_written(rule.sheet.value('hold'))}"
    if rule.grouping:
        group = _as_written(rule.sheet.value("group_by"))
        yield f"Shares its ticket with all that have the same key, {key}: group_by = {group}"


def _as_written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _text(field: SketchedField, cloud: bool) -> None:
    """Rich text: rendered for Jira Cloud, as markup for Data Center."""
    from rich.markdown import Markdown
    from rich.padding import Padding

    from sync.cli.terminal import cell, console
    from sync.domain.text import harmless

    out = console()
    out.print(cell(f"{field.name}:", "bold"))
    body = Markdown(harmless(field.shown)) if cloud else cell(field.value)
    out.print(Padding(body, (0, 0, 1, 2)))
    if field.problem:
        typer.echo(field.problem)
