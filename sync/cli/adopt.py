"""``adopt``: tickets that exist already are taken over, so that no second ones are made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.acts import note
from sync.cli.options import ConfigOption, JsonOption
from sync.cli.pairs import lines_of
from sync.cli.problems import USAGE, Problem
from sync.domain.ticket import FAMILY_LABEL

if TYPE_CHECKING:
    from sync.ports import Tracker
    from sync.store.engine import Store
    from sync.worker.adoption import Adoption
    from sync.worker.ahead import Pair
    from sync.worker.naming import Naming

# How many tickets are looked at between two lines about it.
_TOLD_EVERY = 500


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
    if recorded or remove:
        _recorded(config, remove, as_json=as_json)
        return
    wish = _Wish(pattern, within, match, ahead)
    wish.check(label, jql, csv, markers)
    given = lines_of(csv, ahead=ahead) if csv else []
    marked = markers or (label == FAMILY_LABEL and not pattern)
    with _adopting(config, site, ahead=ahead, apply=apply) as (adoption, name):
        if given or marked:
            pairs = adoption.pairs(given) if given else adoption.marked()
        else:
            pairs = _matching(adoption, jql or _labelled(label), wish)
        _note(adoption.store, pairs, name, applied=apply)
    _print(pairs, apply, as_json)
    raise typer.Exit(int(any(pair.fate.value == "conflict" for pair in pairs)))


def _matching(adoption: Adoption, jql: str, wish: _Wish) -> list[Pair]:
    from sync.domain.errors import Rejected

    naming = wish.naming(adoption.tracker)
    try:
        return adoption.matching(jql, naming)
    except Rejected as fault:
        raise Problem(f"The tickets cannot be looked for: {fault}", USAGE) from None


@contextmanager
def _adopting(
    config: Path | None, site: str, *, ahead: bool, apply: bool
) -> Iterator[tuple[Adoption, str]]:
    """A round of adopting on a site, and the site's name. Raises Problem for one that is not there."""
    from sync.bootstrap.sweeps import by_hand
    from sync.operations.accounts import on_command_line
    from sync.settings import load
    from sync.worker.adoption import Adoption
    from sync.worker.ahead import Ahead

    settings = load(config)
    name = site or settings.site_by_default
    if name not in settings.sites:
        known = ", ".join(sorted(settings.sites))
        raise Problem(f"Name the site with --site: one of {known}.", USAGE)
    with by_hand(settings) as hands:
        if hands.remark:
            typer.echo(hands.remark, err=True)
        parts, source = hands.parts, hands.source
        recording = Ahead(parts.store, parts.clock, source, name, on_command_line().name)
        yield (
            Adoption(
                parts.store,
                parts.trackers[name],
                parts.rules(),
                parts.clock,
                source=source,
                api=parts.apis.get(source),
                apply=apply,
                ahead=recording if ahead else None,
                progress=_progress,
            ),
            name,
        )


@dataclass(frozen=True, slots=True)
class _Wish:
    """How tickets name their subjects, as the options say."""

    pattern: str
    within: list[str] | None
    match: str
    ahead: bool

    def check(self, label: str, jql: str, csv: Path | None, markers: bool) -> None:
        """Raises Problem for options that say nothing together."""
        if sum(map(bool, (label, jql, csv, markers))) != 1:
            raise Problem("Name the tickets in one way: --label, --jql, --csv or --markers.", USAGE)
        if self.pattern and not (jql or label):
            raise Problem("--pattern looks at tickets that --jql or --label finds.", USAGE)
        if (self.within or self.match) and not self.pattern:
            raise Problem("--in and --match say what --pattern looks at. Give a --pattern.", USAGE)
        if self.match not in ("", "id", "title", "entity"):
            raise Problem(f"--match {self.match!r} is none of id, title, entity.", USAGE)
        if self.ahead and (markers or self.match not in ("", "id")):
            raise Problem(
                "Only an id can be recorded ahead: use --ahead with --csv, or with tickets that have "
                "the id in their text.",
                USAGE,
            )

    def naming(self, tracker: Tracker) -> Naming:
        """The same for the worker. Raises Problem for a pattern that cannot be used and for a field that
        is not there, and the tracker's faults."""
        from sync.domain.errors import Rejected
        from sync.rules.patterns import Extract
        from sync.toml import Wrong
        from sync.worker.naming import ANY_ID, GROUP, By, Naming

        if not self.pattern:
            return ANY_ID
        try:
            extract = Extract(self.pattern, "--pattern", GROUP)
        except Wrong as wrong:
            raise Problem(f"--pattern: {wrong}. {wrong.remedy}".strip(), USAGE) from None
        try:
            fields = tuple(tracker.field_id(name) for name in self.within or ())
        except Rejected as fault:
            raise Problem(f"--in: {fault}. {fault.remedy or ''}".strip(), USAGE) from None
        return Naming(extract, fields, By(self.match or "id"))


def _progress(count: int) -> None:
    if count and count % _TOLD_EVERY == 0:
        typer.echo(f"{count} tickets looked at", err=True)


def _recorded(config: Path | None, remove: list[str] | None, *, as_json: bool) -> None:
    from sync.cli.store import opened_store
    from sync.operations.errors import NotFound
    from sync.operations.recorded import recorded, take_back

    with opened_store(config) as store:
        try:
            found = take_back(store, remove) if remove else recorded(store)
        except NotFound as fault:
            raise Problem(f"{fault}. `ticket-sync adopt --recorded` shows what is.") from None
        if remove:
            note(store, "adopt", f"taken back: {', '.join(one.subject for one in found)}")
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    for one in found:
        typer.echo(f"taken back: {one.subject}, {one.ticket}" if remove else one.sentence)
    if not found:
        typer.echo("Nothing is recorded ahead.")


def _note(store: Store, pairs: list[Pair], site: str, *, applied: bool) -> None:
    if applied:
        adopted = [pair.ticket for pair in pairs if pair.fate.value == "adopt"]
        ahead = [pair.ticket for pair in pairs if pair.fate.value == "ahead"]
        words = f"{len(adopted)} of {len(pairs)} tickets adopted: {', '.join(adopted)}"
        if ahead:
            words += f"; {len(ahead)} recorded ahead: {', '.join(ahead)}"
        note(store, "adopt", words, site)


def _labelled(label: str) -> str:
    text = label.replace("\\", "\\\\").replace('"', '\\"')
    return f'labels = "{text}" ORDER BY created ASC'


def _print(pairs: list[Pair], applied: bool, as_json: bool) -> None:
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
