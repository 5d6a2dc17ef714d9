"""The demo's running account and its summary, for a terminal or a plain file."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from sync.bootstrap.verdict import Verdict
    from sync.store.happenings import Happening

_STYLES = {
    "create": "bold green",
    "transition": "cyan",
    "comment": "blue",
    "update": "magenta",
    "park": "bold red",
    "retry": "yellow",
}
_TITLE = 46


def line(happening: Happening) -> Text:
    """One thing that happened: when, in or out, whom it is about, what."""
    clock = time.strftime("%H:%M:%S", time.localtime(happening.at))
    inward = happening.kind == "delivery"
    about = happening.about
    if len(about) > _TITLE:
        about = about[: _TITLE - 1] + "…"
    text = Text(f"{clock}  ", style="dim")
    if inward:
        text.append("→ ", "bold yellow")
        text.append(f"{happening.words:<22}", "red" if happening.result == "error" else "yellow")
        text.append(about, "default")
        return text
    if happening.kind == "sweep":
        text.append("? ", "bold cyan")
        text.append(f"{about:<22}", "cyan")
        text.append(happening.words)
        return text
    text.append("  ⇒ ", "bold green")
    text.append(f"{about:<9} ", "bold")
    # The journal names the ticket that a create made; here it stands in front.
    words = (happening.words or happening.kind).removesuffix(f": {happening.about}")
    text.append(" ".join(words.split()), _STYLES.get(happening.kind, "default"))
    return text


def summarise(console: Console, verdict: Verdict, *, settled: bool, late_calls: int) -> None:
    """The outcome as a table, then whatever is wrong."""
    table = Table(title="What became of it", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, count in (
        ("issues and incidents", verdict.subjects),
        ("tickets created", verdict.created),
        ("tickets moved", verdict.moved),
        ("tickets commented", verdict.commented),
        ("tickets closed", verdict.closed),
        ("calls to Jira", verdict.calls),
    ):
        table.add_row(name, str(count))
    table.add_section()
    for name, found in (
        ("doubled", len(verdict.doubled)),
        ("lost", len(verdict.lost)),
        ("in a wrong state", len(verdict.wrong)),
        ("calls once it had settled", late_calls),
    ):
        table.add_row(name, f"[red]{found}[/red]" if found else "[green]0[/green]")
    console.print()
    console.print(table)
    for words in (*verdict.doubled, *verdict.lost, *verdict.wrong):
        console.print(Text(words, style="red"), soft_wrap=True)
    if not settled:
        console.print(Text("It had not settled when the time was over.", style="red"))
