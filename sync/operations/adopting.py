"""Taking over tickets that exist already: which ones that would be, and doing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from sync.domain.errors import Fault, Rejected
from sync.domain.ticket import FAMILY_LABEL
from sync.operations.accounts import Account
from sync.operations.acts import Act, record
from sync.operations.deployment import Deployment
from sync.operations.errors import NotFound, Refused
from sync.operations.pairs import lines_of
from sync.operations.rules.runs import CANCELLED, COUNTING, FAILED, WAITING, Purpose, Run, Runs
from sync.ports import Clock, Source, SourceApi, Tracker
from sync.rules import RuleSet, Undecided
from sync.rules.patterns import Extract
from sync.settings import Settings
from sync.store.engine import Store
from sync.toml import Wrong
from sync.worker.adoption import Adoption
from sync.worker.ahead import Ahead, Fate, Pair
from sync.worker.naming import ANY_ID, GROUP, By, Naming

# How the tickets are named: by a query, a label, lines of subject,ticket, or the markers that are ours.
WAYS = ("jql", "label", "csv", "markers")
# A wish that turns out to be wrong once Jira is asked.
REFUSED = "refused"
GONE = "That is not kept any more; look again."
_GIVEN_UP = (
    "It was given up: another one was begun after it, or the daemon was stopped. Begin again."
)
_STAYS = " What was taken over before that stays; do it again for the rest."
_NAMED = 50


@dataclass(frozen=True, slots=True)
class Wish:
    """Which tickets to take over. ``by`` is one of ``WAYS``, ``text`` the query, the label or the lines.

    ``pattern`` is a regular expression whose group finds the subject in the fields ``within`` (names or
    ids; none for all texts), by its id or what ``match`` says: id, title or entity. ``ahead`` records
    subjects that are not known yet. ``site`` may be "" where there is only one.
    """

    by: str = "jql"
    text: str = ""
    pattern: str = ""
    within: Sequence[str] = ()
    match: str = ""
    ahead: bool = False
    site: str = ""


@dataclass(frozen=True, slots=True)
class Adopting:
    """Tickets that would be taken over or, where ``applied``, were.

    ``state`` is waiting, counting, done, cancelled, failed, or refused. ``words`` say how far it is,
    what came of it, or why not. ``counts`` are by fate.
    """

    id: str
    state: str
    words: str
    wish: Wish
    applied: bool = False
    pairs: tuple[Pair, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


class There(Protocol):
    """What adopting works with; a deployment has it all."""

    @property
    def store(self) -> Store: ...
    @property
    def trackers(self) -> Mapping[str, Tracker]: ...
    @property
    def sources(self) -> Mapping[str, Source]: ...
    @property
    def apis(self) -> Mapping[str, SourceApi]: ...
    @property
    def rules(self) -> Callable[[], RuleSet]: ...
    @property
    def clock(self) -> Clock: ...


@dataclass(frozen=True, slots=True)
class Task:
    """A wish that makes sense, as far as that can be said without Jira. ``given`` are the pairs of its
    lines, ``extract`` is its pattern."""

    wish: Wish
    site: str
    given: tuple[tuple[str, str], ...] = ()
    extract: Extract | None = None


def task_of(wish: Wish, settings: Settings, where: str = "line") -> Task:
    """What a wish comes to. ``where`` is what a line of its CSV is called by. Raises Refused."""
    if trouble := _which(wish) or _how_named(wish):
        raise Refused(trouble)
    site = wish.site or settings.site_by_default
    if site not in settings.sites:
        raise Refused(f"Name the site: one of {', '.join(sorted(settings.sites))}.")
    given = lines_of(wish.text, where, ahead=wish.ahead) if wish.by == "csv" else []
    return Task(wish, site, tuple(given), _extract(wish.pattern))


def _which(wish: Wish) -> str:
    """What is wrong with how a wish names tickets, "" for nothing."""
    if wish.by not in WAYS:
        return f"Name the tickets by one of {', '.join(WAYS)}, not by {wish.by!r}."
    if wish.by != "markers" and not wish.text.strip():
        return "Say which tickets: write the query, the label, or lines of subject,ticket."
    return ""


def _how_named(wish: Wish) -> str:
    """What is wrong with how its tickets are to name their subjects, "" for nothing."""
    if wish.pattern and wish.by not in ("jql", "label"):
        return "A pattern looks at tickets that a query or a label finds."
    if (wish.within or wish.match) and not wish.pattern:
        return "Where to look (in) and what is found (match) belong to a pattern. Give a pattern."
    if wish.match not in ("", *By):
        return f"match: {wish.match!r} is none of {', '.join(By)}."
    if wish.ahead and (wish.by == "markers" or wish.match not in ("", By.ID)):
        return (
            "Only an id can be recorded ahead: with lines of subject,ticket, or with tickets that have "
            "the id in their text."
        )
    return ""


def _extract(pattern: str) -> Extract | None:
    try:
        return Extract(pattern, "pattern", GROUP) if pattern else None
    except Wrong as wrong:
        raise Refused(f"pattern: {wrong}. {wrong.remedy}".strip()) from None


def adopted(
    there: There,
    task: Task,
    account: Account,
    *,
    apply: bool,
    progress: Callable[[int], object] = int,
) -> list[Pair]:
    """The tickets of a task with what becomes of each, and with ``apply`` that is done. ``progress`` is
    called with how many were looked at so far.

    Raises Refused for a query that Jira refuses and a field that is not there, the faults of Jira and of
    the API, and StoreUnavailable.
    """
    source, tracker = next(iter(there.sources)), there.trackers[task.site]
    recording = Ahead(there.store, there.clock, source, task.site, account.name)
    adoption = Adoption(
        there.store,
        tracker,
        there.rules(),
        there.clock,
        source=source,
        api=there.apis.get(source),
        apply=apply,
        ahead=recording if task.wish.ahead else None,
        progress=progress,
    )
    try:
        return _found(adoption, tracker, task)
    finally:
        # What was done before a fault is done.
        if apply and adoption.found:
            words, now = _done_words(adoption.found), there.clock.time()
            record(there.store, account, Act("adopt", task.site), words, now)


def _found(adoption: Adoption, tracker: Tracker, task: Task) -> list[Pair]:
    wish = task.wish
    if wish.by == "csv":
        return adoption.pairs(task.given)
    if wish.by == "markers" or (wish.by, wish.text, wish.pattern) == ("label", FAMILY_LABEL, ""):
        return adoption.marked()
    naming = _naming(tracker, task)
    try:
        return adoption.matching(_labelled(wish.text) if wish.by == "label" else wish.text, naming)
    except Rejected as fault:
        what = "pattern" if isinstance(fault, Undecided) else "The tickets cannot be looked for"
        stays = _STAYS if adoption.apply and adoption.found else ""
        words = ". ".join(filter(None, (f"{what}: {fault}", fault.remedy)))
        raise Refused(f"{words.removesuffix('.')}.{stays}") from None


def _naming(tracker: Tracker, task: Task) -> Naming:
    if task.extract is None:
        return ANY_ID
    try:
        fields = tuple(tracker.field_id(name) for name in task.wish.within)
    except Fault as fault:
        raise Refused(f"in: {fault}. {getattr(fault, 'remedy', '') or ''}".strip()) from None
    return Naming(task.extract, fields, By(task.wish.match or By.ID))


def _labelled(label: str) -> str:
    text = label.replace("\\", "\\\\").replace('"', '\\"')
    return f'labels = "{text}" ORDER BY created ASC'


def counts_of(pairs: Sequence[Pair]) -> dict[str, int]:
    """How many pairs have each fate."""
    return {fate.value: sum(pair.fate is fate for pair in pairs) for fate in Fate}


def _done_words(pairs: Sequence[Pair]) -> str:
    taken = [pair.ticket for pair in pairs if pair.fate is Fate.ADOPT]
    ahead = [pair.ticket for pair in pairs if pair.fate is Fate.AHEAD]
    words = f"{len(taken):,} of {len(pairs):,} tickets adopted{_listed(taken)}"
    return f"{words}; {len(ahead):,} recorded ahead{_listed(ahead)}" if ahead else words


def _listed(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - _NAMED:,} more" if len(keys) > _NAMED else ""
    return f": {', '.join(keys[:_NAMED])}{more}" if keys else ""


def start(deployment: Deployment, account: Account, wish: Wish, *, apply: bool) -> Adopting:
    """Begin to look which tickets would be taken over or, with ``apply``, to take them over.

    A look ends the look that the same account began before it. A take-over is never given up for
    another run, and one that is begun twice at the same time is done once. Raises Refused for a wish
    that makes no sense.
    """
    task = task_of(wish, deployment.settings)
    so_far = Adopting("", "", "No ticket was looked at yet.", wish, apply)

    def progress(run: Run, count: int) -> None:
        if not apply:
            # Only a look may be given up: a take-over goes on to its end, and the log says what it did.
            run.look()
        run.shown = replace(so_far, words=f"{count:,} tickets looked at.")

    def work(run: Run) -> Adopting:
        try:
            found = adopted(
                deployment, task, account, apply=apply, progress=lambda count: progress(run, count)
            )
        except Refused as why:
            return replace(so_far, state=REFUSED, words=str(why))
        except Fault as why:
            words = f"It ended early: {why}.{_STAYS if apply else ''}"
            return replace(so_far, state=FAILED, words=words)
        if apply:
            deployment.wake()
        counts = counts_of(found)
        return replace(so_far, words=_words(counts, apply), pairs=tuple(found), counts=counts)

    purpose = Purpose(account.name, "adopt" if apply else "adopt?", 0)
    run = _under_way(deployment.runs, purpose, wish) if apply else None
    return _of_run(run or deployment.runs.start(purpose, work, so_far, replaces=not apply))


def _under_way(runs: Runs, purpose: Purpose, wish: Wish) -> Run | None:
    """The run that takes over just this at this moment, as where a button is pressed twice."""
    of_account = (run for run in runs.of_account(purpose.account) if run.purpose == purpose)
    going = (run for run in of_account if run.state in (WAITING, COUNTING))
    return next((run for run in going if run.shown.wish == wish), None)


def look(deployment: Deployment, account: Account, id_: str) -> Adopting:
    """What was begun, as far as it is. Raises NotFound."""
    run = deployment.runs.get(id_, account.name)
    if run is None or not isinstance(run.shown, Adopting):
        raise NotFound(GONE)
    return _of_run(run)


def _of_run(run: Run) -> Adopting:
    found: Adopting = run.shown
    words = f"It failed: {run.words}." if run.words else found.words
    words = _GIVEN_UP if run.state == CANCELLED else words
    return replace(found, id=run.id, state=found.state or run.state, words=words)


def _words(counts: Mapping[str, int], applied: bool) -> str:
    """What came of it, in a sentence."""
    all_, taken, kept = sum(counts.values()), counts[Fate.ADOPT], counts[Fate.ALREADY]
    if not all_:
        return "No ticket was found."
    done = ("was" if taken == 1 else "were") if applied else "would be"
    words = f"{taken:,} of {all_:,} {done} taken over"
    if counts[Fate.AHEAD]:
        words += f", {counts[Fate.AHEAD]:,} recorded ahead"
    if kept:
        words += f"; {kept:,} {'is' if kept == 1 else 'are'} kept already"
    if counts[Fate.CONFLICT]:
        words += f"; {counts[Fate.CONFLICT]:,} cannot be"
    return f"{words}."
