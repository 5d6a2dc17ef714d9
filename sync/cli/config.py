"""``config``: an example to start from, and what is in force."""

from __future__ import annotations

import typer

from sync.cli.options import ConfigOption, JsonOption

app = typer.Typer(name="config", help="Make and look at the configuration.", no_args_is_help=True)


@app.command()
def example() -> None:
    """Print a configuration to start from: every setting, explained, with its default.

    Example:  ticket-sync config example > config.toml
    """
    from sync.settings import shipped

    typer.echo(shipped("config.example.toml").read_text("utf-8"), nl=False)


@app.command()
def show(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check the configuration and print what is in force, from file, environment and defaults.

    Secrets are not shown. Exit code 2 when something is wrong, so it fits a deployment script.

    Example:  TICKET_SYNC_SERVER__PORT=9000 ticket-sync config show
    """
    import json

    from sync.settings import load
    from sync.settings.show import as_data, as_toml

    settings = load(config)
    typer.echo(json.dumps(as_data(settings), indent=2) if as_json else as_toml(settings))


@app.command()
def schema() -> None:
    """Print the JSON Schema of config.toml, for editors that complete and check it.

    The example names it in its first line: `#:schema ./config.schema.json`.

    Example:  ticket-sync config schema > config.schema.json
    """
    import json

    from sync.settings.json_schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))
