"""``rules``: the mapping rules in force, those on disk, and accepting an edit."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.cli import rule_tests
from sync.cli.options import ConfigOption, JsonOption
from sync.cli.revert import revert
from sync.cli.rule_versions import diff, editing, go_on, history, pause, take_back
from sync.cli.server import Server, ServerOption
from sync.cli.store import opened_store
from sync.domain.text import harmless

if TYPE_CHECKING:
    from sync.operations.rules.files import Stored
    from sync.rules import RuleSet
    from sync.settings import Settings
    from sync.worker.rulebook.impact import Sites

app = typer.Typer(
    name="rules",
    help="Look at the mapping rules and their history, accept an edit or take it back.",
    no_args_is_help=True,
)
app.command("take-back")(take_back)
app.command("test")(rule_tests.run)
app.command("pause")(pause)
app.command("go-on")(go_on)
app.command("history")(history)
app.command("diff")(diff)
app.command("revert")(revert)


@app.command()
def show(
    config: ConfigOption = None, server: ServerOption = "", as_json: JsonOption = False
) -> None:
    """Show the rules on disk, and whether they are in force.

    Exit codes: 0 the rules on disk are in force, 1 they are not (an edit waits, or no daemon has seen
    it), 2 they or the configuration are wrong.

    Example:  ticket-sync rules show
    """
    from sync.bootstrap.rules import rule_files
    from sync.settings import Secrets, load

    if server:
        raise typer.Exit(_show_of(Server(server), as_json))
    settings = load(config, secrets=Secrets.UNNEEDED)
    rules = rule_files(settings).load().rules
    known = _stored(settings)
    edition, waiting, problem = known.edition, known.waiting, known.problem
    same = edition is not None and edition.digest == rules.digest
    if as_json:
        data = {
            "folder": str(settings.rules_folder),
            "digest": rules.digest,
            "in_force": same,
            "digest_in_force": edition.digest if edition else None,
            "waiting": asdict(waiting) if waiting else None,
            "problem": list(problem.words) if problem else [],
            "warnings": [str(one) for one in rules.warnings],
            "rules": [_rule(rule) for rule in rules.rules],
        }
        typer.echo(json.dumps(data, indent=2))
    else:
        _print(rules, str(settings.rules_folder), known)
    raise typer.Exit(0 if same else 1)


def _show_of(server: Server, as_json: bool) -> int:
    """Print the rules as a daemon has them; the exit code."""
    from sync.operations.rules.files import RulesShown

    shown = server.get("/rules", RulesShown)
    if as_json:
        typer.echo(json.dumps(asdict(shown), indent=2))
    else:
        for file in shown.files:
            typer.echo(f"{harmless(file.name)}: {harmless(', '.join(file.rules) or 'no rules')}")
        for one in shown.told:
            typer.echo(harmless(one.words))
        typer.echo(harmless(shown.sentence))
        if shown.waiting is not None:
            typer.echo(harmless(shown.waiting.words))
    return 0 if shown.same else 1 if shown.digest else 2


@app.command()
def accept(
    only_new: Annotated[
        bool, typer.Option("--only-new", help="Leave the existing tickets as they are for now.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also where Jira would not take what the rules say.")
    ] = False,
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Put the rules on disk in force, however many tickets they touch.

    Look at `ticket-sync plan` first. Running daemons swap within seconds and bring the tickets that
    the edit changes in step, spread over time. Jira is asked first, as by `check` and `plan`: rules that
    hold what Jira would not take come into force with --force alone.

    Exit codes: 0 in force, 1 the store cannot be written, 2 the rules or configuration are wrong, or
    Jira would not take what the rules say.

    Example:  ticket-sync rules accept
    """
    from sync.bootstrap.rules import rule_files
    from sync.operations.rules.accept import Accepted, Asked, NotTaken
    from sync.operations.rules.accept import accept as put_in_force
    from sync.settings import Secrets, load

    if server:
        told = Server(server).post(
            "/rules/accept", Accepted, {"only_new": only_new, "force": force}
        )
        data = asdict(told.acceptance)
        typer.echo(json.dumps(data, indent=2) if as_json else harmless(told.words))
        return
    settings = load(config, secrets=Secrets.UNNEEDED)
    sites, without = _sites(config)
    asked = Asked(only_new=only_new, force=force, four_eyes=settings.web.four_eyes)
    files = rule_files(settings)
    files.load()
    with opened_store(config) as store:
        try:
            done = put_in_force(editing(store, files), asked, sites, unasked=without)
            found, words = done.acceptance, done.words
        except NotTaken as error:
            found, words = error.acceptance, str(error)
    typer.echo(json.dumps(asdict(found), indent=2) if as_json else harmless(words))
    raise typer.Exit(2 if found.refused else 0)


def _sites(config: Path | None) -> tuple[Sites | None, str]:
    """The sites to hold the rules against, or why they cannot be asked."""
    from sync.bootstrap.adapters import trackers_of
    from sync.bootstrap.pauses import rest_by_settings
    from sync.bootstrap.site_check import sites_of
    from sync.ports import SystemClock
    from sync.settings import load
    from sync.toml import MistakesFound

    try:
        settings = load(config)
    except MistakesFound as error:
        # Accepting an edit needs no secrets; asking Jira about the edit does.
        return None, str(error.mistakes[0])
    trackers = trackers_of(settings, SystemClock())
    rest_by_settings(settings, trackers)
    return sites_of(settings, trackers), ""


@app.command()
def schema() -> None:
    """Print the JSON Schema of rule files, for editors that complete and check them.

    The shipped rule files name it in their first line: `#:schema ./rules.schema.json`.

    Exit codes: 0 always.

    Example:  ticket-sync rules schema > mappings/rules.schema.json
    """
    from sync.rules.json_schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


def _stored(settings: Settings) -> Stored:
    """What the store says of the rules; nothing where there is no store yet."""
    from sync.bootstrap.stores import existing_store, has_store
    from sync.operations.rules.files import Stored, stored

    if not has_store(settings):
        return Stored(None, None, None, None)
    with closing(existing_store(settings)) as store:
        return stored(store)


def _rule(rule: Any) -> dict[str, Any]:
    return {
        "name": rule.ref.name,
        "where": rule.ref.where,
        "site": rule.site,
        "project": rule.project,
        "issue_type": list(rule.issue_type),
    }


def _print(rules: RuleSet, folder: str, known: Stored) -> None:
    from sync.cli.terminal import cell, console, table
    from sync.operations.rules.files import sentence, waiting_sentence

    shown = table(f"Rules in {folder}, in the order they are asked", "", "rule", "makes", "written")
    for number, rule in enumerate(rules.rules, start=1):
        what = f"{' or '.join(rule.issue_type)} in {rule.project} ({rule.site})"
        shown.add_row(cell(number), cell(rule.ref.name, "bold"), cell(what), cell(rule.ref.where))
    console().print(shown)
    for warning in rules.warnings:
        typer.echo(f"Warning: {warning}")
    typer.echo(sentence(rules, known))
    if known.waiting is not None and known.waiting.digest == rules.digest:
        typer.echo(harmless(waiting_sentence(known.waiting)))
