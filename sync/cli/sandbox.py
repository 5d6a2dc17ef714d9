"""``sandbox``: the simulated Jira alone."""

from __future__ import annotations

from typing import Annotated

import typer


def sandbox(
    port: Annotated[
        int, typer.Option("--port", "-p", help="The port to listen on; 0 for any.")
    ] = 9080,
    datacenter: Annotated[
        bool, typer.Option("--datacenter", help="Speak as Jira Data Center instead of Jira Cloud.")
    ] = False,
    index_lag: Annotated[
        float,
        typer.Option("--index-lag", help="Seconds until a search finds what was created.", min=0),
    ] = 1.0,
    rate_limits: Annotated[
        bool,
        typer.Option("--rate-limits/--no-rate-limits", help="Refuse too many calls, as Jira does."),
    ] = True,
) -> None:
    """Run a simulated Jira on this machine, to try rules and settings. Nothing is kept when it ends.

    Its board is at /, its API under /rest/. It prints what to write into config.toml.

    Example:  ticket-sync sandbox --datacenter --port 9080
    """
    import json

    from sync.bootstrap.signals import stop_on_signals
    from sync.bootstrap.simulated import start_jira

    with stop_on_signals() as stop:
        jira = start_jira(
            port=port, datacenter=datacenter, index_lag=index_lag, rate_limits=rate_limits
        )
        lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in jira.settings().items())
        kind = "Data Center" if datacenter else "Cloud"
        typer.echo(
            f"A simulated Jira {kind} is at {jira.url} (open it to see the board). Ctrl-C ends it.\n"
            f"To use it, write in config.toml:\n\n[sites.main]\n{lines}"
        )
        stop.wait()
        jira.stop()
