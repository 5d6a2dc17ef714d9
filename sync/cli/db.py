"""``db``: the store as a whole: backups, checks, moves and upgrades."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption

app = typer.Typer(name="db", help="Look after the store.", no_args_is_help=True)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to be made.")],
    force: Annotated[
        bool, typer.Option("--force", help="Write over the file if it is there.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the store to a file while the daemon runs.

    The copy has the store as it stood at one moment. It is looked through for damage before it gets its
    name, and only its owner may read it. A PostgreSQL database is backed up by pg_dump: the verb
    prints the command.

    Exit codes: 0 made, 1 the store or the disk failed, 2 the file is there, or the configuration.

    Example:  ticket-sync db backup /backups/ticket-sync-$(date +%F).db
    """
    from sync.bootstrap.store_care import back_up
    from sync.settings import Secrets, load
    from sync.store.backup import megabytes

    began = time.monotonic()
    made = back_up(load(config, secrets=Secrets.UNNEEDED), file, overwrite=force)
    seconds = round(time.monotonic() - began, 1)
    if as_json:
        found = {"file": str(made.file), "bytes": made.size, "revision": made.revision}
        typer.echo(json.dumps({**found, "seconds": seconds}, indent=2))
        return
    typer.echo(
        f"The store was copied to {made.file} ({megabytes(made.size)}, tables at {made.revision}, "
        f"{seconds:g} s), and the copy is whole."
    )


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup of `db backup`.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup in the place of the store, which is kept beside it.

    Stop the daemon first. The backup is looked through before, and stays as it is. The next start of
    the daemon looks in Jira for the tickets that the backup does not know. All logins on the pages end.

    Exit codes: 0 restored, 1 the disk failed, 2 a daemon runs, the backup is none or damaged, or the
    configuration.

    Example:  ticket-sync db restore /backups/ticket-sync-2026-11-27.db
    """
    from sync.bootstrap.store_care import is_current, put_back
    from sync.cli.acts import note
    from sync.cli.store import opened_store
    from sync.domain.times import ago, stamp
    from sync.settings import Secrets, load

    now = time.time()
    done = put_back(load(config, secrets=Secrets.UNNEEDED), file, now)
    if is_current(done):
        with opened_store(config) as store:
            note(store, "db restore", f"{file} was put in the place of the store")
    if as_json:
        kept = str(done.kept) if done.kept else None
        found = {"store": str(done.file), "revision": done.revision, "kept": kept}
        typer.echo(json.dumps({**found, "alive_at": stamp(done.alive_at)}, indent=2))
        return
    typer.echo(f"{file} was put in the place of the store {done.file}.")
    if done.kept is not None:
        typer.echo(f"The store that was there is kept: {done.kept}")
    if done.alive_at is not None:
        typer.echo(
            f"A daemon last wrote to the backup {ago(now - done.alive_at)}. The next start looks in "
            "Jira for tickets made since, and the sweeps bring back what deliveries since have said, if "
            "[coalesce.api] is configured."
        )
    if not is_current(done):
        typer.echo(f"Its tables are at {done.revision}; the next start upgrades them.")
    typer.echo(
        "Tokens of the API that were revoked since hold again: see `ticket-sync token list`."
    )


@app.command()
def copy(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="URL",
            envvar="TICKET_SYNC_COPY_TO",
            show_envvar=False,
            help="Where to, as url in [store]. A password stays out of sight where the address is in "
            "the variable TICKET_SYNC_COPY_TO instead.",
        ),
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the store into another database, SQLite or PostgreSQL, and compare both row for row.

    Stop the daemons first. The other database has to be empty. After an interruption the same command
    goes on where it was; no daemon works on a copy that is not whole. Then set url in [store] to the new
    address, and start no daemon on the old store any more.

    Exit codes: 0 copied and equal, 1 a database failed, 2 a daemon runs, the other database is not
    empty, or the configuration.

    Example:  ticket-sync db copy --to postgresql+psycopg://me@db.example.com/tickets
    """
    from sync.bootstrap.store_care import copy as copy_to
    from sync.settings import Secrets, load

    place, moved = copy_to(load(config, secrets=Secrets.UNNEEDED), to, _progress)
    rows = sum(one.rows for one in moved.tables.values())
    if as_json:
        tables = {name: asdict(one) for name, one in moved.tables.items()}
        found = {"to": place, "rows": rows, "resumed": moved.resumed, "tables": tables}
        typer.echo(json.dumps(found, indent=2))
        return
    from sync.cli.terminal import cell, console, table

    shown = table(f"Copied to {place}", "table", "rows", "digest on both sides")
    for name, one in moved.tables.items():
        shown.add_row(cell(name), cell(f"{one.rows:,}"), cell(one.digest[:16]))
    console().print(shown)
    again = ", after an interruption" if moved.resumed else ""
    typer.echo(
        f"All {rows:,} rows are there and equal{again}. Set url in [store] to the new address."
    )


def _progress(name: str, rows: int) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{name}: {rows:,} rows\033[K", err=True, nl=False)


@app.command()
def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Find out whether what the store holds is whole and fits together.

    Looks through the file for damage, for missing tables and indexes, for rows that name others which
    are not there, and compares the counts that triggers keep. Reads all of the store; the daemon may
    go on meanwhile.

    Exit codes: 0 all is well, 1 something is wrong or the store cannot be read, 2 the tables are not
    those of this version, or the configuration.

    Example:  ticket-sync db check
    """
    from sync.bootstrap.store_care import check as looked_at
    from sync.settings import Secrets, load

    wrong, found = False, []
    for one in looked_at(load(config, secrets=Secrets.UNNEEDED)):
        wrong = wrong or not one.well
        if as_json:
            found.append(asdict(one))
        else:
            typer.echo(f"{'ok ' if one.well else 'BAD'}  {one.what}: {one.words}")
    if as_json:
        typer.echo(json.dumps({"well": not wrong, "checks": found}, indent=2))
    if wrong:
        raise typer.Exit(1)


@app.command()
def vacuum(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Give the space of deleted rows back.

    Seldom needed: housekeeping gives space back by itself. A SQLite file is written anew, which takes
    twice its size for a while; stop the daemon first. On PostgreSQL daemons go on, and the space is kept
    for new rows.

    Exit codes: 0 done, 1 the store or the disk failed, 2 a daemon runs, there is no room, or the
    configuration.

    Example:  ticket-sync db vacuum
    """
    from sync.bootstrap.store_care import vacuum as give_back
    from sync.settings import Secrets, load
    from sync.store.backup import megabytes

    before, after = give_back(load(config, secrets=Secrets.UNNEEDED))
    if as_json:
        typer.echo(json.dumps({"bytes_before": before, "bytes_after": after}, indent=2))
        return
    typer.echo(f"The store takes {megabytes(after)}; before, {megabytes(before)}.")


@app.command()
def upgrade(config: ConfigOption = None) -> None:
    """Bring the store's tables up to this version of ticket-sync.

    SQLite is upgraded by itself at every start; a copy of the file is kept beside it before
    (`upgrade_copies` in [store]). On PostgreSQL run this after each upgrade of ticket-sync, before
    starting it; running it again does nothing.

    Example:  ticket-sync db upgrade --config /etc/ticket-sync/config.toml
    """
    from sync.bootstrap.stores import upgrade_store
    from sync.settings import Secrets, load

    typer.echo(upgrade_store(load(config, secrets=Secrets.UNNEEDED)))
