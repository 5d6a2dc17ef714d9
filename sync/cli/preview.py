"""``preview``: the tickets that a delivery would make."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.cli.options import ConfigOption, JsonOption, rules_on_disk
from sync.cli.problems import USAGE, Problem
from sync.cli.send import Sample, body_of
from sync.cli.server import Server, ServerOption
from sync.cli.store import opened_store
from sync.domain.text import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sync.operations.rules.preview import EventPreview, FieldPreview, TicketPreview
    from sync.store.engine import Store
    from sync.worker.foresight.preview import Variation


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
    delivery: Annotated[
        str, typer.Option("--delivery", metavar="ID", help="A delivery that came, by its id.")
    ] = "",
    title: Annotated[str, typer.Option("--title", help="As if it had this title.")] = "",
    owner: Annotated[str, typer.Option("--owner", help="As if it had this owner alone.")] = "",
    severity: Annotated[
        Severity | None,
        typer.Option("--severity", help="As if the API told of this severity; no delivery does."),
    ] = None,
    priority: Annotated[
        str,
        typer.Option(
            "--product-priority",
            metavar="P1",
            help="As if a data product of this priority were downstream; no delivery tells.",
        ),
    ] = "",
    site: Annotated[
        str, typer.Option("--site", help="As if this site were the default of the rules.")
    ] = "",
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show the ticket a delivery would make: the rule, why not the ones before, and every field.

    Uses the rules on disk and asks nobody: neither Jira nor, save for --delivery, the store. What only
    the API tells, such as the severity, is known of a delivery that came, and else supposed. Without a
    configuration, the rules in ./mappings or those that come with ticket-sync are used. A delivery with
    several events is shown event by event; --json then prints a list.

    Exit codes: 0 a ticket would be made, 1 none would (no rule matches, or the rule fails on it), 2 the
    delivery cannot be read, or usage, rules or configuration are wrong.

    Example:  ticket-sync preview --sample issue_created --owner "Finance data" --severity fatal
    """
    if sum(map(bool, (file, sample, delivery))) != 1:
        kinds = ", ".join(kind.value for kind in Sample)
        raise Problem(f"Name one: a file, --delivery ID, or --sample with one of {kinds}.", USAGE)
    supposed = {"title": title, "owner": owner, "severity": severity or "", "priority": priority}
    if server:
        if file or site:
            raise Problem("With --server, name --delivery or --sample, and no --site.", USAGE)
        events = _of_server(server, delivery or f"sample:{sample}", supposed)
    else:
        if delivery:
            events = _of_store(config, site, delivery, supposed)
        else:
            events = _of_disk(config, site, body_of(file, sample), _supposed(supposed))
    _print_all(events, as_json)
    raise typer.Exit(0 if any(one.made for one in events) else 1)


def _of_server(server: str, chosen: str, supposed: Mapping[str, str]) -> Sequence[EventPreview]:
    from sync.operations.rules.preview import EventPreview

    events = tuple[EventPreview, ...]
    return Server(server).get("/rules/preview", events, delivery=chosen, **supposed)


def _of_disk(
    config: Path | None, site: str, body: bytes, supposed: Variation
) -> Sequence[EventPreview]:
    from sync.bootstrap.adapters import sources_of
    from sync.operations.rules.preview import previewed

    settings, rules, _ = rules_on_disk(config, site)
    sources = sources_of(settings).values()
    return previewed(sources, rules, settings.sites, body, supposed)


def _supposed(of: Mapping[str, str], store: Store | None = None) -> Variation:
    from sync.worker.foresight.preview import Variation

    return Variation(of["title"], of["owner"], of["severity"], of["priority"], store=store)


def _of_store(
    config: Path | None, site: str, delivery: str, supposed: Mapping[str, str]
) -> Sequence[EventPreview]:
    from sync.operations.deliveries import named

    with opened_store(config) as store:
        with store.read() as session:
            body = named(session, delivery).body
        return _of_disk(config, site, body, _supposed(supposed, store))


def _as_data(event: EventPreview) -> dict[str, Any]:
    from dataclasses import asdict

    ticket = event.ticket
    data: dict[str, Any] = {
        "event": {"type": event.event, "id": event.id},
        "subject": event.subject or None,
        "rules": [asdict(one) for one in event.rules],
        "rule": event.rule or None,
        "ticket": None,
        "rejected": event.rejected or None,
    }
    if ticket is not None:
        shown = asdict(ticket)
        del shown["waits"]
        data["ticket"] = {
            **{name: shown.pop(name) for name in ("key", "site", "jira", "project", "issue_type")},
            "fields": {one.id: _field_data(one) for one in event.fields},
            **shown,
        }
    return data


def _field_data(field: FieldPreview) -> dict[str, Any]:
    remarks = {"note": field.note, "problem": field.problem}
    said = {name: words for name, words in remarks.items() if words}
    return {"name": field.name, "value": field.value, **said}


def _print_all(events: Sequence[EventPreview], as_json: bool) -> None:
    if as_json:
        data = [_as_data(one) for one in events]
        typer.echo(json.dumps(data[0] if len(data) == 1 else data, indent=2, default=str))
        return
    for one in events:
        _print(one)
    if not events:
        typer.echo("A delivery without events makes no ticket.")


def _print(event: EventPreview) -> None:
    if event.subject:
        typer.echo(f"{event.event} of {harmless(event.subject)}")
    for one in event.rules:
        sign = "matches" if one.matched else "no    "
        where = f" ({one.where})" if one.where else ""
        typer.echo(f"  {sign}  {harmless(one.name)}{where}: {harmless(one.reason)}")
    if event.ticket is not None:
        _ticket(event.words, event.fields, event.ticket)
        return
    typer.echo(harmless(event.words))
    if event.remedy:
        typer.echo(harmless(event.remedy))


def _ticket(where: str, fields: Sequence[FieldPreview], ticket: TicketPreview) -> None:
    from sync.cli.terminal import cell, console, table

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
        _text(field)
    for line in (*ticket.waits, *ticket.then):
        typer.echo(harmless(line))
    if ticket.told_upstream:
        from sync.domain.telling_words import UNKNOWN

        typer.echo("Upstream would be told:")
        for words in ticket.told_upstream:
            typer.echo(f"  {harmless(words)}")
        typer.echo(UNKNOWN)


def _text(field: FieldPreview) -> None:
    """Rich text: rendered for Jira Cloud, as markup for Data Center."""
    from rich.markdown import Markdown
    from rich.padding import Padding

    from sync.cli.terminal import cell, console

    out = console()
    out.print(cell(f"{field.name}:", "bold"))
    body = Markdown(harmless(field.shown)) if field.rich else cell(field.shown)
    out.print(Padding(body, (0, 0, 1, 2)))
    if field.problem:
        typer.echo(field.problem)
