"""``db``: the store's tables."""

from __future__ import annotations

import typer

from sync.cli.options import ConfigOption

app = typer.Typer(name="db", help="Look after the store.", no_args_is_help=True)


@app.command()
def upgrade(config: ConfigOption = None) -> None:
    """Bring the store's tables up to this version of ticket-sync.

    SQLite is upgraded by itself at every start. On PostgreSQL run this after each upgrade of
    ticket-sync, before starting it; running it again does nothing.

    Example:  ticket-sync db upgrade --config /etc/ticket-sync/config.toml
    """
    from sync.bootstrap.stores import upgrade_store
    from sync.settings import Secrets, load

    typer.echo(upgrade_store(load(config, secrets=Secrets.UNNEEDED)))
