"""``send``: one delivery by hand, to try a running daemon."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.options import ConfigOption
from sync.cli.problems import USAGE, Problem

if TYPE_CHECKING:
    from sync.settings import Settings


class Sample(StrEnum):
    """The kinds of delivery there are."""

    PING = "ping"
    ISSUE_CREATED = "issue_created"
    ISSUE_UPDATED = "issue_updated"
    ISSUE_STATUS_UPDATED = "issue_status_updated"
    ISSUE_CLOSED = "issue_closed"
    INCIDENT_OPEN = "incident_open"
    INCIDENT_CLOSED = "incident_closed"
    INCIDENT_CANCELLED = "incident_cancelled"


_MEANING = {
    202: "Accepted: it is stored and will be worked on.",
    400: "The body did not arrive whole.",
    401: (
        "The daemon does not accept the signature. Either its signing_secrets do not hold the secret "
        "used here, or its clock and this one's differ by more than clock_skew allows; its log says "
        "which (reason=…). Give the right one with --secret, or --config with the daemon's file."
    ),
    404: "There is a server, but no receiver at that address. The path is /webhooks/coalesce.",
    408: "The body did not arrive in time.",
    413: "The body is many times as large as max_body in [server] allows.",
    503: "The daemon cannot store it now; its log and /health/ready say why. A sender tries again.",
}


def send(  # noqa: PLR0913  (each is an option of the verb)
    file: Annotated[
        Path | None, typer.Argument(help="A file with the body to send, - for standard input.")
    ] = None,
    sample: Annotated[
        Sample | None, typer.Option("--sample", "-s", help="Send a made-up delivery of this kind.")
    ] = None,
    subject: Annotated[
        str,
        typer.Option(
            "--id", help="The id of the sample's issue or incident. [default: always the same one]"
        ),
    ] = "",
    title: Annotated[str, typer.Option("--title", help="The title of the sample.")] = "",
    url: Annotated[
        str,
        typer.Option("--url", help="Where to send it. [default: the daemon of the configuration]"),
    ] = "",
    secret: Annotated[
        str,
        typer.Option(
            "--secret",
            envvar="COALESCE_SIGNING_SECRET",
            help="The signing secret. [default: the first of the configuration]",
        ),
    ] = "",
    unsigned: Annotated[bool, typer.Option("--unsigned", help="Do not sign it.")] = False,
    show: Annotated[
        bool, typer.Option("--print", help="Print the body instead of sending it.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Sign a delivery and send it to a running daemon; print the answer.

    Examples:

      ticket-sync send --sample issue_created

      ticket-sync send --sample issue_closed

      ticket-sync send body.json --url http://127.0.0.1:8080/webhooks/coalesce --secret "$SECRET"
    """
    from sync.operations.sending import deliver, receiver_of

    body = body_of(file, sample, subject, title)
    if show:
        typer.echo(body.decode("utf-8", "replace"))
        return
    if not url or not (secret or unsigned):
        settings = _settings(config)
        url = url or receiver_of(settings)
        if not secret and not unsigned and settings.coalesce.signing_secrets:
            secret = settings.coalesce.signing_secrets[0].get_secret_value()
    answer = deliver(url, body, "" if unsigned else secret)
    typer.echo(f"{answer.status} {answer.text}".rstrip())
    meaning = "That is not an answer of ticket-sync; is the address right?"
    typer.echo(_MEANING.get(answer.status, meaning))
    if not 200 <= answer.status < 300:
        raise typer.Exit(1)


def body_of(file: Path | None, sample: Sample | None, subject: str = "", title: str = "") -> bytes:
    """A delivery's body: that of a file, or a sample's. Raises Problem unless just one is named."""
    if (file is None) == (sample is None):
        kinds = ", ".join(kind.value for kind in Sample)
        raise Problem(f"Give either a file or --sample with one of {kinds}.", USAGE)
    if sample is not None:
        from sync.sandbox.coalesce import sample_body

        return sample_body(sample.value, subject=subject, title=title)
    if subject or title:
        raise Problem("--id and --title are for --sample; a file is sent as it is.", USAGE)
    assert file is not None
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise Problem(f"{file} cannot be read: {error.strerror}.", USAGE) from error


def _settings(config: Path | None) -> Settings:
    from sync.settings import SettingsError, load

    try:
        return load(config)
    except SettingsError as error:
        raise Problem(
            f"{error}\nWithout a configuration, give both --url and --secret (or --unsigned).",
            USAGE,
        ) from error
