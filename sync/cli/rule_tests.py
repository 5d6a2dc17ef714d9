"""``rules test``: the tests that stand beside the rules."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption, rules_on_disk
from sync.domain.text import harmless


def run(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Files of tests. [default: those in the folder tests beside the rules]"
        ),
    ] = None,
    site: Annotated[
        str, typer.Option("--site", help="As if this site were the default of the rules.")
    ] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the tests of the rules on disk: this delivery, that ticket. Nobody is asked.

    A test is a [[test]] with a name, a sample or the file of a delivery, and what is expected of the
    ticket; "Tests" in docs/rules.md tells more.

    Exit codes: 0 all pass, 1 some fail, 2 there are none, or tests, rules or configuration are wrong.

    Example:  ticket-sync rules test
    """
    from sync.bootstrap.adapters import sources_of
    from sync.operations.rules.tests import run_tests
    from sync.rules.tests import load_tests

    settings, rules, folder = rules_on_disk(config, site)
    tests = load_tests(folder, files or ())
    found = run_tests(tests, list(sources_of(settings).values()), rules, settings.sites)
    failed = [one for one in found if one.failures]
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        for one in failed:
            typer.echo(f"{one.file}:{one.line}: {harmless(one.name)}")
            for failure in one.failures:
                typer.echo(f"  {failure.key}: {harmless(failure.words)}")
        said = f", {len(failed)} failed" if failed else ""
        typer.echo(f"{len(found)} {'test' if len(found) == 1 else 'tests'}{said or ' passed'}.")
    raise typer.Exit(1 if failed else 0)
