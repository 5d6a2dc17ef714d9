"""The way in: the verbs put together, and every error turned into one paragraph."""

from __future__ import annotations

import re
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sync.cli import (
    adopt,
    aside,
    backfill,
    backtest,
    check,
    config,
    db,
    dead,
    deliveries,
    demo,
    docs,
    doctor,
    init,
    list_tickets,
    log,
    moves,
    noise,
    notify,
    parked,
    pause,
    plan,
    preview,
    recipes,
    reconcile,
    retry,
    rules,
    sandbox,
    send,
    serve,
    status,
    token,
    upstream,
    user,
    why,
)
from sync.cli.terminal import print_any_text


class Verbs(TyperGroup):
    """The verbs, which end in words instead of a traceback."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for command in self.commands.values():
            _show_brackets(command)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # --debug may also stand at the end: there people add it to repeat a command that failed.
        if "--debug" in args:
            args = ["--debug", *(arg for arg in args if arg != "--debug")]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            # Typer's own ways to end carry an exit code.
            if hasattr(error, "exit_code") or isinstance(error, typer.Abort | BrokenPipeError):
                raise
            from sync.cli.problems import explained
            from sync.telemetry import concealed

            words, code = explained(error)
            if ctx.params.get("debug"):
                words = "".join(traceback.format_exception(error))
            typer.echo(concealed(words), err=True)
            raise typer.Exit(code) from error


def _show_brackets(command: Any) -> None:
    """Let the help of a verb show what it has in brackets, such as the names of tables of the
    configuration. Rich would take them for its markup."""
    for one in (command, *command.params):
        if getattr(one, "help", None):
            one.help = re.sub(r"(?<!\\)\[", r"\\[", one.help)
    for inner in getattr(command, "commands", {}).values():
        _show_brackets(inner)


app = typer.Typer(
    cls=Verbs,
    name="ticket-sync",
    help="Keeps Jira tickets in step with the issues and incidents of Coalesce Quality.",
    epilog=(
        "To look around: [bold]ticket-sync demo[/bold]. To begin in earnest: "
        "[bold]ticket-sync init[/bold], then "
        "[bold]ticket-sync serve[/bold]."
    ),
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from sync import __version__

        typer.echo(f"ticket-sync {__version__}")
        raise typer.Exit


@app.callback()
def start(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="On an error, show where in the code it happened.")
    ] = False,
) -> None:
    """The options that stand before a verb."""
    from sync.telemetry import configure_logs

    # Verbs print their results themselves, so the log has errors only; `serve` sets up the log by the
    # settings.
    configure_logs(level="debug" if debug else "error", form="text")


app.command()(serve.serve)
app.command()(demo.demo)
app.command()(send.send)
app.command()(sandbox.sandbox)
app.command()(status.status)
app.command()(deliveries.deliveries)
app.command("list")(list_tickets.list_tickets)
app.command()(parked.parked)
app.command()(retry.retry)
app.command("set-aside")(aside.set_aside)
app.command("forget")(aside.forget)
app.command()(pause.pause)
app.command("go-on")(pause.go_on)
app.command()(moves.merge)
app.command()(moves.split)
app.command()(moves.link)
app.command()(doctor.doctor)
app.command()(why.why)
app.command()(log.log)
app.command()(init.init)
app.command()(check.check)
app.command()(preview.preview)
app.command()(plan.plan)
app.command()(backtest.backtest)
app.command()(noise.noise)
app.command()(reconcile.reconcile)
app.command()(backfill.backfill)
app.command()(adopt.adopt)
app.command()(docs.docs)
app.add_typer(dead.app)
app.add_typer(rules.app)
app.add_typer(recipes.app)
app.add_typer(upstream.app)
app.add_typer(notify.app)
app.add_typer(user.app)
app.add_typer(token.app)
app.add_typer(db.app)
app.add_typer(config.app)


def main() -> None:
    """The console script."""
    print_any_text()
    app()


if __name__ == "__main__":
    main()
