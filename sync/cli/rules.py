"""``rules``: the mapping rules in force, those on disk, and accepting an edit."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.store import opened_store
from sync.domain.text import harmless

if TYPE_CHECKING:
    from sync.operations.rules.editing import Editing
    from sync.rules import RuleSet
    from sync.settings import Settings
    from sync.store.engine import Store
    from sync.store.rulebook import Edition, Problem, Waiting
    from sync.worker.rulebook.files import RuleFiles
    from sync.worker.rulebook.impact import Sites

app = typer.Typer(
    name="rules",
    help="Look at the mapping rules and their history, accept an edit or take it back.",
    no_args_is_help=True,
)


@app.command()
def show(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show the rules on disk, and whether they are in force.

    Exit codes: 0 the rules on disk are in force, 1 they are not (an edit waits, or no daemon has seen
    it), 2 they or the configuration are wrong.

    Example:  ticket-sync rules show
    """
    from sync.bootstrap.rules import rule_files
    from sync.settings import Secrets, load

    settings = load(config, secrets=Secrets.UNNEEDED)
    rules = rule_files(settings).load().rules
    edition, waiting, problem = _stored(settings)
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
        _print(rules, str(settings.rules_folder), edition, waiting)
    raise typer.Exit(0 if same else 1)


@app.command()
def accept(
    only_new: Annotated[
        bool, typer.Option("--only-new", help="Leave the existing tickets as they are for now.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also where Jira would not take what the rules say.")
    ] = False,
    config: ConfigOption = None,
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
    from sync.operations.rules.accept import Asked, NotTaken
    from sync.operations.rules.accept import accept as put_in_force
    from sync.settings import Secrets, load

    settings = load(config, secrets=Secrets.UNNEEDED)
    sites, without = _sites(config)
    asked = Asked(only_new=only_new, force=force, four_eyes=settings.web.four_eyes)
    files = rule_files(settings)
    files.load()
    with opened_store(config) as store:
        try:
            done = put_in_force(_editing(store, files), asked, sites, unasked=without)
            found, words = done.acceptance, done.words
        except NotTaken as error:
            found, words = error.acceptance, str(error)
    typer.echo(json.dumps(asdict(found), indent=2) if as_json else harmless(words))
    raise typer.Exit(2 if found.refused else 0)


@app.command("take-back")
def take_back(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Let the rule files say again what is in force.

    An edit that waits, or that has mistakes, is taken back: its files are written as they were before.
    What the edit said is kept as a draft on the pages.

    Exit codes: 0 taken back, 1 somebody else changed a file at the same moment, 2 the files say what is
    in force or cannot be written; usage, the store or the configuration.

    Example:  ticket-sync rules take-back
    """
    from sync.bootstrap.rules import rule_files
    from sync.operations.rules.save import take_back as back
    from sync.settings import Secrets, load

    files = rule_files(load(config, secrets=Secrets.UNNEEDED))
    with opened_store(config) as store:
        done = back(_editing(store, files))
    typer.echo(json.dumps(asdict(done), indent=2) if as_json else harmless(done.words))


@app.command()
def history(
    after: Annotated[
        int, typer.Option("--after", metavar="VERSION", help="Versions older than this one.")
    ] = 0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the rule sets that were in force, newest first: when, who, and what each did.

    Exit codes: 0 shown, 1 the store cannot be read, 2 usage or the configuration.

    Example:  ticket-sync rules history --json | jq '.versions[0]'
    """
    from sync.cli.terminal import cell, console, table
    from sync.operations.rules.history import history as versions

    with opened_store(config) as store:
        found = versions(store, after)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
        return
    columns = ("version", "when (UTC)", "who", "how", "tickets", "files")
    shown = table("Versions of the rules, newest first", *columns)
    for one in found.versions:
        when = (one.at or "").replace("T", " ")[:19]
        number = f"{one.id}{' (in force)' if one.in_force else ''}"
        values = (number, when, one.account, one.how, one.words, ", ".join(one.files))
        shown.add_row(*map(cell, values))
    console().print(shown)
    if found.after:
        typer.echo(f"Older ones: --after {found.after}.")
    typer.echo(found.note)


@app.command()
def diff(
    old: Annotated[
        str, typer.Argument(metavar="[OLD]", help="A version, disk or in-force.")
    ] = "in-force",
    new: Annotated[str, typer.Argument(metavar="[NEW]", help="The same.")] = "disk",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how rule files differ: those in force and those on disk, or two versions of `rules history`.

    The output is a patch that `git apply` takes in the folder of rules.

    Exit codes: 0 shown, 1 there is no such version, 2 usage, the store or the configuration.

    Example:  ticket-sync rules diff 12 in-force
    """
    from sync.bootstrap.rules import rule_files
    from sync.operations.rules.history import as_patch, compare
    from sync.settings import Secrets, load

    files = rule_files(load(config, secrets=Secrets.UNNEEDED))
    with opened_store(config) as store:
        if as_json:
            found = compare(store, files, old, new)
            typer.echo(json.dumps({"files": [asdict(one) for one in found]}, indent=2))
            return
        typer.echo(harmless(as_patch(store, files, old, new)), nl=False)


@app.command("go-back")
def go_back(
    version: Annotated[
        int, typer.Argument(metavar="VERSION", help="As `rules history` numbers it.")
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the rule files as they were in an earlier version.

    The files come into force as after any edit: an edit that touches many tickets waits for `rules
    accept`. Comments that were made and tickets that were created stay.

    Exit codes: 0 written, 1 there is no such version, 2 the files say that already or cannot be
    written; usage, the store or the configuration.

    Example:  ticket-sync rules go-back 12
    """
    from sync.bootstrap.rules import rule_files
    from sync.operations.errors import OperationError
    from sync.operations.rules import drafts, history
    from sync.operations.rules.save import save
    from sync.settings import Secrets, load

    files = rule_files(load(config, secrets=Secrets.UNNEEDED))
    with opened_store(config) as store:
        at = _editing(store, files)
        draft = history.go_back(at, version)
        try:
            done = save(at, draft.id)
        except OperationError:
            drafts.drop(at, draft.id)
            raise
        drafts.drop(at, draft.id)
    typer.echo(json.dumps(asdict(done), indent=2) if as_json else harmless(done.words))


def _editing(store: Store, files: RuleFiles) -> Editing:
    from sync.operations.accounts import on_command_line
    from sync.operations.rules.editing import Editing

    return Editing(store, files, on_command_line(), time.time())


def _sites(config: Path | None) -> tuple[Sites | None, str]:
    """The sites to hold the rules against, or why they cannot be asked."""
    from sync.bootstrap.adapters import trackers_of
    from sync.bootstrap.site_check import sites_of
    from sync.ports import SystemClock
    from sync.settings import load
    from sync.toml import MistakesFound

    try:
        settings = load(config)
    except MistakesFound as error:
        # Accepting an edit needs no secrets; asking Jira about the edit does.
        return None, str(error.mistakes[0])
    return sites_of(settings, trackers_of(settings, SystemClock())), ""


@app.command()
def schema() -> None:
    """Print the JSON Schema of rule files, for editors that complete and check them.

    The shipped rule files name it in their first line: `#:schema ./rules.schema.json`.

    Exit codes: 0 always.

    Example:  ticket-sync rules schema > mappings/rules.schema.json
    """
    from sync.rules.json_schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


def _stored(settings: Settings) -> tuple[Edition | None, Waiting | None, Problem | None]:
    """What the store says of the rules; three times None where there is no store yet."""
    from sync.bootstrap.stores import existing_store, has_store
    from sync.store import rulebook

    if not has_store(settings):
        return None, None, None
    with closing(existing_store(settings)) as store, store.read() as session:
        return rulebook.in_force(session), rulebook.waiting(session), rulebook.problem(session)


def _rule(rule: Any) -> dict[str, Any]:
    return {
        "name": rule.ref.name,
        "where": rule.ref.where,
        "site": rule.site,
        "project": rule.project,
        "issue_type": list(rule.issue_type),
    }


def _print(rules: RuleSet, folder: str, edition: Edition | None, waiting: Waiting | None) -> None:
    from sync.cli.terminal import cell, console, table
    from sync.domain.times import moment
    from sync.worker.rulebook.in_force import waiting_words

    shown = table(f"Rules in {folder}, in the order they are asked", "", "rule", "makes", "written")
    for number, rule in enumerate(rules.rules, start=1):
        what = f"{' or '.join(rule.issue_type)} in {rule.project} ({rule.site})"
        shown.add_row(cell(number), cell(rule.ref.name, "bold"), cell(what), cell(rule.ref.where))
    console().print(shown)
    for warning in rules.warnings:
        typer.echo(f"Warning: {warning}")
    if edition is None:
        typer.echo("No daemon has taken up rules yet; these come into force with the first start.")
    elif edition.digest == rules.digest:
        typer.echo(f"In force since {moment(edition.at)} UTC ({edition.how}).")
    elif waiting is not None and waiting.digest == rules.digest:
        typer.echo(waiting_words(waiting)[:1].upper() + waiting_words(waiting)[1:] + ".")
    else:
        typer.echo(
            f"Not in force: other rules are, since {moment(edition.at)} UTC. A running daemon takes "
            "these up within seconds; or put them in force with `ticket-sync rules accept`."
        )
