"""The output of ``demo``: a line for each thing that happens, and the summary."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from sync.domain.text import cut

if TYPE_CHECKING:
    from rich.console import Console

    from sync.bootstrap.demo_result import DemoResult
    from sync.store.happenings import Happening

_STYLES = {
    "create": "bold green",
    "transition": "cyan",
    "comment": "blue",
    "update": "magenta",
    "park": "bold red",
    "retry": "yellow",
    "copy": "blue",
    "mark_upstream": "cyan",
    "comment_upstream": "blue",
}
# Told upstream, not done in Jira.
_BACK = ("mark_upstream", "comment_upstream")
_TITLE = 46


def line(happening: Happening) -> Text:
    """One thing that happened: the time, an arrow in or out, the subject or ticket, the words."""
    clock = time.strftime("%H:%M:%S", time.localtime(happening.at))
    inward = happening.kind == "delivery"
    about = cut(happening.about, _TITLE)
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
    if happening.kind == "person":
        text.append("• ", "bold magenta")
        text.append(f"{about:<11} ", "bold")
        text.append(happening.words, "magenta")
        return text
    text.append("  ⇐ " if happening.kind in _BACK else "  ⇒ ", "bold green")
    text.append(f"{about:<9} ", "bold")
    # The journal's words end with the ticket that was made, which is already in front here.
    words = (happening.words or happening.kind).removesuffix(f": {happening.about}")
    text.append(" ".join(words.split()), _STYLES.get(happening.kind, "default"))
    return text


def summarise(console: Console, result: DemoResult, *, settled: bool, late_calls: int) -> None:
    """The outcome as a table, then whatever is wrong."""
    table = Table(title="What became of it", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, count in (
        ("issues and incidents", result.subjects),
        ("tickets created", result.created),
        ("tickets moved", result.moved),
        ("tickets commented", result.commented),
        ("tickets closed", result.closed),
        ("acts for the other side", result.told),
        ("calls to Jira", result.calls),
    ):
        table.add_row(name, str(count))
    table.add_section()
    for name, found in (
        ("doubled", len(result.doubled)),
        ("lost", len(result.lost)),
        ("in a wrong state", len(result.wrong)),
        ("not told, or not once", len(result.untold)),
        ("calls once it had settled", late_calls),
    ):
        table.add_row(name, f"[red]{found}[/red]" if found else "[green]0[/green]")
    console.print()
    console.print(table)
    for words in (*result.doubled, *result.lost, *result.wrong, *result.untold):
        console.print(Text(words, style="red"), soft_wrap=True)
    if not settled:
        console.print(Text("It had not settled when the time was over.", style="red"))
