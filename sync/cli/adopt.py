"""``adopt``: tickets that exist already are taken over, so that no second ones are made."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.problems import RUNTIME, USAGE, Problem
from sync.cli.server import Server, ServerOption
from sync.domain.text import harmless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.operations.adopting import Wish
    from sync.worker.ahead import Pair

# How many tickets are looked at between two lines about it.
_TOLD_EVERY = 500
_ASK_EVERY = 0.3


def adopt(  # noqa: PLR0913  (each is an option of the verb)
    label: Annotated[
        str, typer.Option("--label", help="Tickets with this label, as other tools set one.")
    ] = "",
    jql: Annotated[str, typer.Option("--jql", help="Tickets that this query finds.")] = "",
    markers: Annotated[
        bool, typer.Option("--markers", help="Tickets of ours that the store does not know.")
    ] = False,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="A file of lines: subject,ticket.")
    ] = None,
    pattern: Annotated[
        str,
        typer.Option(
            "--pattern",
            help="With --jql or --label: a regular expression whose group finds the subject.",
        ),
    ] = "",
    within: Annotated[
        list[str] | None,
        typer.Option(
            "--in",
            metavar="FIELD",
            help="With --pattern: where to look: summary, description, labels, or a field by its name "
            "or id. [default: all texts]",
        ),
    ] = None,
    match: Annotated[
        str,
        typer.Option(
            "--match",
            help="With --pattern: what the group finds: id, title or entity. [default: id]",
        ),
    ] = "",
    ahead: Annotated[
        bool,
        typer.Option("--ahead", help="Record subjects that are not known yet, for when they are."),
    ] = False,
    recorded: Annotated[
        bool, typer.Option("--recorded", help="Show what is recorded ahead, and do nothing else.")
    ] = False,
    remove: Annotated[
        list[str] | None,
        typer.Option(
            "--remove", metavar="SUBJECT|KEY", help="Take back what is recorded ahead for it."
        ),
    ] = None,
    site: Annotated[
        str, typer.Option("--site", help="The Jira site. [default: that of rules that name none]")
    ] = "",
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it. Without it, only show what would be done.")
    ] = False,
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take over tickets that a person or another tool made for issues that ticket-sync knows.

    With --label and --jql a ticket is taken over if its text has the id of exactly one issue or
    incident, for example in a link. With --pattern, what the group of a regular expression finds names
    it: its id or, with --match, the title or the table of exactly one that is open. In a CSV each line
    gives an id and a ticket's key. The fields of a ticket stay as they are until something changes
    upstream; its status follows at once. A ticket is never taken from another issue, and an issue that
    has a ticket gets no second one: such pairs are reported.

    With --ahead, an issue that is not known yet is recorded, and takes its ticket instead of a new one
    when it is first heard of. With --markers tickets that ticket-sync itself made are taken over by what
    marks them, for a store that is new or was restored from a backup.

    Exit codes: 0 no conflicts, 1 there were some, 2 usage, the store or the configuration.

    Example:  ticket-sync adopt --jql 'project = DATA' --pattern 'Alert: (.+)' --in summary --match title
    """
    if remove:
        _take_back(config, server, remove, as_json=as_json)
        return
    if recorded:
        _show_recorded(config, server, as_json=as_json)
        return
    wish = _wish({"label": label, "jql": jql, "csv": csv, "markers": markers})
    wish = replace(wish, pattern=pattern, within=within or (), match=match, ahead=ahead, site=site)
    if server:
        pairs = _by_daemon(Server(server), wish, apply=apply)
    else:
        pairs = _here(config, wish, str(csv or ""), apply=apply)
    _print(pairs, apply, as_json)
    raise typer.Exit(int(any(pair.fate.value == "conflict" for pair in pairs)))


def _wish(given: Mapping[str, str | Path | bool | None]) -> Wish:
    """How the tickets are named. Raises Problem unless that is said in one way, and for a file that
    cannot be read."""
    from sync.operations.adopting import Wish

    ways = [(by, what) for by, what in given.items() if what]
    if len(ways) != 1:
        raise Problem("Name the tickets in one way: --label, --jql, --csv or --markers.", USAGE)
    ((by, what),) = ways
    text = _text_of(what) if isinstance(what, Path) else "" if what is True else str(what)
    return Wish(by, text)


def _text_of(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise Problem(f"{file} cannot be read: {error.strerror or error}.", USAGE) from None
    except UnicodeDecodeError:
        raise Problem(f"{file} is not in UTF-8. Save it as CSV in UTF-8.", USAGE) from None


def _here(config: Path | None, wish: Wish, file: str, *, apply: bool) -> Sequence[Pair]:
    """What becomes of the tickets, asked of Jira by this process."""
    from sync.bootstrap.sweeps import by_hand
    from sync.operations.accounts import on_command_line
    from sync.operations.adopting import adopted, task_of
    from sync.operations.errors import Refused
    from sync.settings import load

    settings = load(config)
    try:
        task = task_of(wish, settings, file or "line")
    except Refused as fault:
        # It may begin with the name of a file, whose letters are to stay.
        raise Problem(str(fault), USAGE) from None
    with by_hand(settings) as hands:
        if hands.remark:
            typer.echo(hands.remark, err=True)
        return adopted(hands.parts, task, on_command_line(), apply=apply, progress=_progress)


def _by_daemon(server: Server, wish: Wish, *, apply: bool) -> Sequence[Pair]:
    from sync.operations.adopting import Adopting

    shown = server.post("/adopt", Adopting, {**asdict(wish), "apply": apply})
    while shown.state in ("waiting", "counting"):
        time.sleep(_ASK_EVERY)
        shown = server.get(f"/adopt/{shown.id}", Adopting)
    if shown.state != "done":
        raise Problem(shown.words, USAGE if shown.state == "refused" else RUNTIME)
    return shown.pairs


def _progress(count: int) -> None:
    if count and count % _TOLD_EVERY == 0:
        typer.echo(f"{count} tickets looked at", err=True)


def _take_back(config: Path | None, server: str, names: Sequence[str], *, as_json: bool) -> None:
    from sync.cli.store import opened_store
    from sync.operations.accounts import on_command_line
    from sync.operations.acts import Done
    from sync.operations.errors import NotFound
    from sync.operations.recorded import take_back

    if server:
        done = Server(server).post("/adopt/take-back", Done, {"names": list(names)})
    else:
        with opened_store(config) as store:
            try:
                done = take_back(store, on_command_line(), names, time.time())
            except NotFound as fault:
                raise Problem(f"{fault} `ticket-sync adopt --recorded` shows what is.") from None
    typer.echo(json.dumps(asdict(done), indent=2) if as_json else harmless(done.words))


def _show_recorded(config: Path | None, server: str, *, as_json: bool) -> None:
    from sync.cli.store import opened_store
    from sync.operations.recorded import Recorded, recorded

    found: Sequence[Recorded]
    if server:
        found = Server(server).get("/adopt/recorded", list[Recorded])
    else:
        with opened_store(config) as store:
            found = recorded(store)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    for one in found:
        typer.echo(harmless(one.sentence))
    if not found:
        typer.echo("Nothing is recorded ahead.")


def _print(pairs: Sequence[Pair], applied: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([asdict(pair) for pair in pairs], indent=2))
        return
    from sync.cli.terminal import cell, console, table

    out = console()
    styles = {"adopt": "green", "ahead": "green", "already": "", "conflict": "red"}
    shown = table("Adopted" if applied else "Would be adopted", "ticket", "subject", "fate", "how")
    for pair in pairs:
        fate = pair.fate.value
        shown.add_row(
            cell(pair.ticket), cell(pair.subject), cell(fate, styles[fate]), cell(pair.words)
        )
    out.print(shown)
    counts = {fate: sum(pair.fate.value == fate for pair in pairs) for fate in styles}
    out.print(", ".join(f"{fate}: {count}" for fate, count in counts.items()))
    if (counts["adopt"] or counts["ahead"]) and not applied:
        out.print("Nothing was done. Add --apply to do it.")
