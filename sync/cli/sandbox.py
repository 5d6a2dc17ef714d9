"""``sandbox``: the simulated Jira, alone or with a simulated Coalesce Quality beside it."""

from __future__ import annotations

from typing import Annotated, Any

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
    upstream_port: Annotated[
        int | None,
        typer.Option(
            "--upstream-port", help="Run a Coalesce Quality, too, on this port; 0 for any."
        ),
    ] = None,
    receiver: Annotated[
        str, typer.Option("--receiver", help="The daemon that both of them then send to.")
    ] = "http://127.0.0.1:8080",
) -> None:
    """Run a simulated Jira on this machine, to try rules and settings. Nothing is kept when it ends.

    Its board is at /, its API under /rest/. It prints what to write into config.toml. With
    --upstream-port, a simulated Coalesce Quality runs beside it: both send to the daemon what happens,
    and people act on either by a POST to /sandbox/act. docs/two-way.md walks through that.

    Examples:

      ticket-sync sandbox --datacenter --port 9080

      ticket-sync sandbox --port 9080 --upstream-port 9081
    """
    from contextlib import ExitStack

    from sync.bootstrap.signals import stop_on_signals
    from sync.bootstrap.simulated import WEBHOOK_SECRET, start_coalesce, start_jira

    # Whoever knows the address that goes into Coalesce Quality gives that.
    where = receiver.rstrip("/").removesuffix("/webhooks/coalesce")
    tables: dict[str, dict[str, Any]] = {}
    with stop_on_signals() as stop, ExitStack() as running:
        upstream = None
        if upstream_port is not None:
            upstream = start_coalesce(where, port=upstream_port)
            running.callback(upstream.stop)
            tables |= upstream.settings()
        jira = start_jira(
            port=port, datacenter=datacenter, index_lag=index_lag, rate_limits=rate_limits
        )
        running.callback(jira.stop)
        tables["sites.main"] = dict(jira.settings())
        kind = "Data Center" if datacenter else "Cloud"
        typer.echo(
            f"A simulated Jira {kind} is at {jira.url} (open it to see the board). Ctrl-C ends it."
        )
        if upstream is not None:
            tables["sites.main"]["webhook_secrets"] = [WEBHOOK_SECRET]
            jira.site.add_webhook(f"{where}/webhooks/jira/main", secret=WEBHOOK_SECRET)
            typer.echo(f"A simulated Coalesce Quality is at {upstream.url}. Both send to {where}.")
        typer.echo(f"To use it, write in config.toml:\n\n{_as_toml(tables)}")
        stop.wait()


def _as_toml(tables: dict[str, dict[str, Any]]) -> str:
    import json

    return "\n\n".join(
        "\n".join([f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in one.items())])
        for name, one in tables.items()
    )
