"""What the pages and the API work with: one running ticket-sync."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sync.adapters.jira.check import Report
from sync.operations.rules.names import Names
from sync.operations.rules.runs import Runs
from sync.operations.sweeps_by_hand import Hands
from sync.ports import Clock, Source, SourceApi, Tracker
from sync.rules import RuleSet
from sync.settings import Settings
from sync.store.engine import Store
from sync.worker.rulebook.files import RuleFiles
from sync.worker.rulebook.impact import Sites


@dataclass(frozen=True, slots=True)
class Deployment:
    """One running ticket-sync, as far as people look at it and act on it.

    ``rules`` gives the rules in force, ``files`` are those on disk. ``trackers`` are the daemon's own,
    which know what is up and down. ``wake`` has the daemon look at once for tickets that are due,
    ``wake_triage`` for deliveries to read.
    ``sites`` are what an edit of the rules is held against; ``names`` hold the names in
    an edit against them. ``runs`` are the plans of drafts under way.
    ``troubles`` say what of the daemon itself does not work. ``hands`` run sweeps by hand.
    ``apis`` are those of the sources that we have credentials for. ``check_site`` holds the rules in
    force against a site, None where none of them names it.
    """

    settings: Settings
    store: Store
    sources: Mapping[str, Source]
    trackers: Mapping[str, Tracker]
    clock: Clock
    rules: Callable[[], RuleSet]
    files: RuleFiles
    wake: Callable[[], object]
    wake_triage: Callable[[], object] = lambda: None
    troubles: Callable[[], Sequence[str]] = tuple
    hands: Hands | None = None
    apis: Mapping[str, SourceApi] = field(default_factory=dict)
    check_site: Callable[[str], Report | None] | None = None
    sites: Sites | None = None
    runs: Runs = field(default_factory=Runs)
    names: Names | None = None
