"""What the pages of the rules share: who edits, the plan of a draft, and addresses."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from urllib.parse import quote

from sync.domain.times import ago
from sync.operations.deployment import Deployment
from sync.operations.rules import drafts, plan
from sync.operations.rules.check import Read, Told, quick
from sync.operations.rules.completion import Completion, completion
from sync.operations.rules.draft_view import Draft
from sync.operations.rules.editing import Editing
from sync.operations.rules.names import NamesChecked, SiteNames
from sync.operations.rules.outlook import Outlook, outlook
from sync.operations.rules.plan import PlanShown
from sync.operations.rules.runs import COUNTING, DONE, WAITING
from sync.rules import RuleSet, Texts
from sync.store.rulebook import texts_digest
from sync.web.pages.addresses import address
from sync.web.pages.rules.asking import Asking
from sync.web.pages.visit import Visit
from sync.worker.rulebook.folder import why_not_writable

# So long (seconds) a page waits for a plan that was just begun: most are counted within it.
PATIENCE = 1.0
# So many sets of texts are kept as they were read: those of a few editors at work.
_READS = 8
UNDER_WAY = (WAITING, COUNTING)


@dataclass(frozen=True, slots=True)
class Checked:
    """The texts of a draft, or those on disk, and what the reading of them gave. ``names`` says what
    Jira told of the names in them; ``asks_jira``: it is being asked."""

    texts: Texts
    rules: RuleSet | None
    told: Sequence[Told]
    names: str = ""
    asks_jira: bool = False

    @property
    def digest(self) -> str:
        """The digest of the rules, "" while they have mistakes."""
        return self.rules.digest if self.rules else ""


@dataclass(frozen=True, slots=True)
class PlanSeen:
    """The plan to show. ``current``: it is of the text as it is now; else it is the last good one, and
    ``caption`` says of when. ``under_way`` is the run that is being counted, None for none."""

    shown: PlanShown | None
    current: bool
    caption: str = ""
    under_way: PlanShown | None = None


class Room:
    """Gives the pages of the rules what they need of the deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.runs = deployment.runs
        self._lock = threading.Lock()
        self._reads: dict[str, Read] = {}
        self._said = Asking[NamesChecked]()
        self._offered = Asking[Mapping[str, SiteNames]]()

    @property
    def most(self) -> int:
        """How many tickets an edit may touch without waiting."""
        return self.deployment.settings.mappings.large_edit

    def at(self, visit: Visit) -> Editing:
        """The account of the visit, at work on the rules."""
        return Editing(
            self.deployment.store,
            self.deployment.files,
            visit.account,
            self.deployment.clock.time(),
        )

    def checked(self, at: Editing, draft: int, *, names: bool = False) -> Checked:
        """What ``check`` says of a draft, of the files on disk for 0; with ``names`` also of the names
        in it. Raises NotFound and StoreUnavailable."""
        texts = drafts.whole(at, draft)
        read = self.read(texts)
        known, rules = self.deployment.names, read.rules
        if rules is None or known is None:
            return Checked(texts, rules, read.told)
        key = texts_digest(texts.by_name)
        if names:
            self._said.ask(key, partial(known.check, rules, texts.by_name))
        found, asked = self._said.answer(key), self._said.waits(key)
        if found is None:
            words = (
                "no mistakes in the rules; the names are being looked up in Jira" if asked else ""
            )
            return Checked(texts, rules, read.told, words, asked)
        return Checked(texts, rules, (*read.told, *found.told), found.words, asked)

    def read(self, texts: Texts) -> Read:
        """What the reading of texts gives. The last ones are kept: pages look often, and reading 200
        rules takes a quarter of a second."""
        key = f"{texts_digest(texts.by_name)} {texts.mistakes}"
        with self._lock:
            known = self._reads.pop(key, None)
        found = known or quick(texts, self.deployment.files.defaults)
        with self._lock:
            self._reads[key] = found
            while len(self._reads) > _READS:
                del self._reads[next(iter(self._reads))]
        return found

    def completion(self) -> Completion:
        """What an editor completes; with what the sites offer, as soon as they have answered."""
        known, rules = self.deployment.names, self.deployment.rules()
        found = completion(None, None)
        if known is None:
            return found
        self._offered.ask("", partial(known.offered, rules))
        return replace(found, sites=self._offered.answer("") or {})

    def plan(self, at: Editing, draft: int, digest: str, *, count: bool) -> PlanSeen:
        """The plan of a draft whose rules have this digest ("" for none). ``count``: begin to count it
        where it is not counted yet."""
        shown = plan.last(self.runs, at, draft)
        if count and digest and not _fits(shown, digest):
            shown = plan.start(self.runs, at, self.deployment.trackers, draft)
            shown = self._waited(at, shown)
        under_way = shown if shown is not None and shown.state in UNDER_WAY else None
        if shown is not None and (_fits(shown, digest) or (not under_way and not shown.digest)):
            return PlanSeen(shown, current=_fits(shown, digest))
        former = self._former(at, draft)
        if former is None:
            return PlanSeen(None, current=False, under_way=under_way)
        return PlanSeen(former, False, _caption(former, at.now), under_way)

    def outlook(self, at: Editing, draft: Draft) -> Outlook:
        """What saving a draft would do, by the plan that was counted last."""
        checked = self.checked(at, draft.id)
        seen = self.plan(at, draft.id, checked.digest, count=False)
        return self.outlook_of(at, draft, checked, seen)

    def outlook_of(self, at: Editing, draft: Draft, checked: Checked, seen: PlanSeen) -> Outlook:
        """The same, where the plan is at hand."""
        plan_now = seen.shown if seen.current else None
        why = why_not_writable(at.files.chosen)
        return outlook(draft, checked.told, plan_now, self.most, why)

    def _waited(self, at: Editing, shown: PlanShown) -> PlanShown:
        run = self.runs.get(shown.id, at.account.name)
        if run is not None:
            run.ended.wait(PATIENCE)
        return plan.look(self.runs, at, shown.id)

    def _former(self, at: Editing, draft: int) -> PlanShown | None:
        """The last plan of the draft that was counted."""
        for run in self.runs.of_account(at.account.name):
            if run.purpose.kind == plan.KIND and run.purpose.draft == draft and run.state == DONE:
                found = plan.look(self.runs, at, run.id)
                if found.counts is not None:
                    return found
        return None


def _fits(shown: PlanShown | None, digest: str) -> bool:
    return (
        shown is not None and shown.state == DONE and bool(digest) and shown.rules_digest == digest
    )


def _caption(shown: PlanShown, now: float) -> str:
    return f"Plan of {ago(max(0.0, now - seconds(shown.at, now)))}, before the last change."


def seconds(stamp: str | None, default: float) -> float:
    """A time as operations give it, in seconds since the epoch."""
    return datetime.fromisoformat(stamp).timestamp() if stamp else default


def file_address(file: str, draft: int = 0, panel: str = "", **more: object) -> str:
    """Where a file is shown or edited."""
    return address(f"/rules/{quote(file, safe='')}", {"draft": draft, "panel": panel, **more})
