"""Tickets that exist already: which would be taken over, doing it, and what is recorded ahead."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from litestar.handlers import HTTPRouteHandler

from sync.operations.accounts import Role
from sync.operations.adopting import Adopting, Wish, look, start
from sync.operations.errors import NotFound, Refused
from sync.operations.recorded import recorded, take_back
from sync.operations.rules.runs import COUNTING, DONE, WAITING
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Answer, Redirect, Shown, Visit, after

_HERE = "/adopt"
WAYS = {
    "jql": "a query (JQL)",
    "label": "a label",
    "csv": "lines of subject,ticket (CSV)",
    "markers": "our own markers",
}
# So many pairs are shown; the API gives all.
_SHOWN = 300
# By fate, what needs a person first: the words before and after it is done, and their sort.
FATES = {
    "conflict": ("cannot be", "cannot be", "bad"),
    "adopt": ("would be taken over", "taken over", "ok"),
    "ahead": ("would be recorded ahead", "recorded ahead", "wait"),
    "already": ("kept already", "kept already", "idle"),
}
_ORDER = tuple(FATES)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was begun, by its id."""

    run: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """The form; ``within`` are names of fields with commas between."""

    by: str = "jql"
    text: str = ""
    pattern: str = ""
    within: str = ""
    match: str = ""
    ahead: bool = False
    site: str = ""

    @property
    def wish(self) -> Wish:
        within = [name.strip() for name in self.within.split(",") if name.strip()]
        return Wish(**{**asdict(self), "within": within})


@dataclass(frozen=True, slots=True)
class TakeBack:
    """The subject whose recorded ticket is taken back."""

    name: str = ""


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """``/adopt``, and its acts."""
    here = desk.deployment

    def shown(form: Form, found: Adopting | None, trouble: str = "") -> Shown:
        pairs = found.pairs if found else ()
        waiting = recorded(here.store)
        data = {
            "here": "/tickets",
            "sentence": "Take over tickets that exist already",
            "form": form,
            "found": found,
            "trouble": trouble,
            "pairs": sorted(pairs, key=lambda pair: _ORDER.index(pair.fate))[:_SHOWN],
            "busy": found is not None and found.state in (WAITING, COUNTING),
            "ended": found is not None and found.state == DONE,
            "ways": WAYS,
            "fates": FATES,
            "shown_at_most": _SHOWN,
            "sites": sorted(here.settings.sites),
            "recorded": waiting,
            "waiting": {one.subject for one in waiting},
        }
        return Shown("adopt.html", data, status=422 if trouble else 200)

    def look_at(visit: Visit) -> Answer:
        run = visit.asked(Asked).run
        if not run:
            return shown(Form(), None)
        try:
            found = look(here, visit.account, run)
        except NotFound as fault:
            # A page that waits for it is told so, and keeps what was typed.
            return replace(shown(Form(), None, str(fault)), status=200 if visit.live else 404)
        return shown(_form_of(found.wish), found)

    def begun(visit: Visit, *, apply: bool) -> Answer:
        form = visit.given(Form)
        try:
            found = start(here, visit.account, form.wish, apply=apply)
        except Refused as fault:
            # What was typed stays.
            return shown(form, None, str(fault))
        return Redirect(f"{_HERE}?run={found.id}")

    def taken_back(visit: Visit) -> Redirect:
        names = [visit.given(TakeBack).name]
        return after(_HERE, take_back(here.store, visit.account, names, visit.now))

    return [
        desk.page(_HERE, look_at),
        desk.act(f"{_HERE}/look", lambda visit: begun(visit, apply=False), role=Role.OPERATOR),
        desk.act(f"{_HERE}/take", lambda visit: begun(visit, apply=True), role=Role.OPERATOR),
        desk.act(f"{_HERE}/take-back", taken_back, role=Role.OPERATOR),
    ]


def _form_of(wish: Wish) -> Form:
    return Form(**{**asdict(wish), "within": ", ".join(wish.within)})
