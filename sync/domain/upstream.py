"""What people did in Jira that upstream is to be told, and what that means for the ticket's moves. Pure.

Both sides are compared with what they last agreed on (``Agreement``). A side that differs has news.
Where both have news, the later act wins, and upstream where that is not sure. What we wrote ourselves is
known by what was recorded as written, never by its author: our account may be a person's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sync.domain.actions import CommentUpstream, CopyComment, MarkUpstream
from sync.domain.agreement import NONE, TURNS, Agreement
from sync.domain.history import Act, History, Part, Person
from sync.domain.names import Name, meant
from sync.domain.rule import Acknowledge, Category, Side, Sign, SubjectState, UpstreamWish
from sync.domain.subject import Kind, Status
from sync.domain.ticket import Base, Draft, Observed
from sync.domain.upstream_comments import announcements, copies, ignored, said
from sync.domain.workflow import reached

# A ticket that turns TURNS times within so many seconds is held.
TURNING = 600.0
# The comment that says why a ticket was declined is made from so many seconds before to so many after.
REASON_BEFORE, REASON_AFTER = 120.0, 300.0

# For what a place in a workflow that the rule does not speak of may stand, by the status's category.
_USUAL: Mapping[Category, tuple[Status, ...]] = {
    Category.NEW: (Status.OPEN,),
    Category.INDETERMINATE: (Status.INVESTIGATING, Status.OPEN),
    Category.DONE: (Status.FIXED, Status.CLOSED, Status.NO_ACTION_NEEDED, Status.EXPECTED),
}

TellAction = MarkUpstream | CommentUpstream | CopyComment


@dataclass(frozen=True, slots=True)
class Telling:
    """What is to be told, and what that means for the ticket; nothing where the rule tells nothing.

    ``before`` is the agreement to remember in any case, ``after`` the one to remember once every action
    has been carried out. ``stays``: no change upstream moves the ticket or is commented on, for the
    ticket's place stands for it, or Jira's act counts; ``waits``: nor is it dealt with, for an act is
    not over yet. ``follows``: a later act upstream also opens a ticket that a person closed.
    ``again_at`` is when to look again (seconds since the epoch). ``reasons`` say in words what was
    decided, and why. ``untold`` is how many acts wait for a person to accept them.
    """

    before: Agreement = NONE
    after: Agreement = NONE
    actions: tuple[TellAction, ...] = ()
    stays: bool = False
    waits: bool = False
    follows: bool = False
    again_at: float | None = None
    reasons: tuple[str, ...] = ()
    untold: int = 0


NOTHING = Telling()


@dataclass(frozen=True, slots=True)
class View:
    """What a decision looks at.

    ``foreign``: the ticket is in a project that the rule does not speak of. ``moved``: a move of ours
    that is not agreed yet led to the ticket's status. ``assigned`` is the id of the account that we
    last assigned the ticket to, "" for none. ``public``: customers of a service project see copies of
    upstream's comments.
    """

    wish: UpstreamWish
    subjects: Sequence[SubjectState]
    observed: Observed
    foreign: bool = False
    moved: bool = False
    assigned: str = ""
    public: bool = False

    @property
    def history(self) -> History:
        """What happened to the ticket."""
        return self.observed.history or History()

    @property
    def now(self) -> float:
        """When the ticket was read, in seconds since the epoch."""
        return self.history.read_at

    @property
    def place(self) -> tuple[str, str]:
        """Where the ticket stands: the id of its status, and its resolution."""
        return self.observed.status.id, str(self.observed.resolution)

    def stands_for(self, kind: Kind) -> Status | None:
        """The upstream status that the ticket's place stands for, None for none.

        A resolution says more than a status, and a status more than a category."""
        signs = self.wish.signs(kind)
        for part in ("resolution", "status", "category"):
            for status, several in signs.items():
                if any(getattr(one, part) and _shows(one, self.observed) for one in several):
                    return status
        if not self.foreign:
            return None
        return next((s for s in _USUAL[self.observed.status.category] if s in signs), None)

    def fits(self, kind: Kind, status: Status) -> bool:
        """Whether the ticket may stand where it does while upstream says ``status``: its place stands
        for that, or is where the rule moves the ticket for that."""
        if self.stands_for(kind) is status:
            return True
        target = self.wish.targets.get(status)
        return target is not None and not target.leave and reached(target, self.observed.status)


def _shows(sign: Sign, observed: Observed) -> bool:
    if sign.status:
        return bool(meant(sign.status, [observed.status.called]))
    if sign.category:
        return observed.status.category is sign.category
    # Some workflows keep the resolution of a ticket that is opened again.
    done = observed.status.category is Category.DONE
    resolution = observed.resolution
    return done and bool(resolution and meant(sign.resolution, [Name.of(resolution)]))


def telling_of(draft: Draft, base: Base, observed: Observed) -> Telling:
    """What to tell upstream of a ticket, and what to make of what upstream says; nothing where the rule
    tells nothing, or where no history was read."""
    view = view_of(draft, base, observed)
    return NOTHING if view is None else tell(view, base.agreement)


def view_of(draft: Draft, base: Base, observed: Observed) -> View | None:
    """What a decision looks at, None where there is none to make."""
    wish, known = draft.desired.upstream, base.fields.get("assignee")
    if wish is None or observed.history is None:
        return None
    return View(
        wish,
        draft.desired.subjects,
        observed,
        foreign=observed.project not in ("", draft.project),
        moved=base.brought_to(observed.status.id),
        assigned=str(known.sent or "") if known else "",
        public=draft.desired.policy.public_comments,
    )


def begun(view: View) -> Agreement:
    """The agreement of a ticket whose rule has only just begun to tell: both sides as they stand."""
    wish, comments = view.wish, view.history.comments
    return Agreement(
        wish.since,
        *view.place,
        marks={str(one.ref): one.status.value for one in view.subjects},
        floor=max((int(one.id) for one in comments if one.id.isdigit()), default=0),
        copied=tuple(comment.id for one in view.subjects for comment in one.comments),
        announced=tuple(str(one.ref) for one in view.subjects),
        acknowledged=True,
    )


def tell(view: View, known: Agreement | None) -> Telling:
    """``telling_of`` for a view and what is known to be agreed, None for nothing."""
    if known is None or known.since != view.wish.since:
        agreed = begun(view)
        words = "both sides count as agreed as they stand: telling upstream has only just begun"
        return Telling(agreed, agreed, stays=True, reasons=(words,))
    if known.held:
        words = f"held: Jira and upstream turned each other {TURNS} times in ten minutes"
        return Telling(known, known, stays=True, waits=True, reasons=(words,))
    if not known.status:
        # The ticket was only just made, and stands where Jira's workflow begins.
        known = replace(known, status=view.place[0], resolution=view.place[1])
    view = replace(view, subjects=[known.now(one, view.wish.tie) for one in view.subjects])
    return _with_comments(view, _moves(view, known))


def _moves(view: View, known: Agreement) -> Telling:
    """What the places of both sides ask for."""
    acted = [one for one in view.subjects if _acted(one, known)]
    news = not view.moved and view.place != (known.status, known.resolution)
    if not news:
        return _upstream_alone(view, replace(known, seen=None), acted)
    act = _last_act(view)
    who = act.who if act else Person()
    if ignored(view.wish, who):
        words = f"what {who.name or who.id} did in Jira is not told: the rule ignores that account"
        told = _upstream_alone(view, replace(known, seen=None), acted)
        return replace(told, reasons=(*told.reasons, words))
    at = act.at if act else None
    since = _since(view, known, at)
    known = replace(known, seen=(*view.place, since))
    if view.now < since + view.wish.settle:
        words = "an act in Jira is told once the ticket has been still for a while"
        again_at = since + view.wish.settle
        return Telling(known, known, stays=True, waits=True, again_at=again_at, reasons=(words,))
    if acted and (why := _upstream_wins(view.wish, acted, at)):
        told = _upstream_alone(view, known, acted)
        return replace(told, reasons=(*told.reasons, why))
    return _jira_tells(view, known, who, at)


def _since(view: View, known: Agreement, at: float | None) -> float:
    """Since when the ticket stands where it does, by our clock. Jira's clock may be ahead of ours."""
    if known.seen is not None and known.seen[:2] == view.place:
        return known.seen[2]
    return view.now if at is None else min(at, view.now)


def _acted(one: SubjectState, known: Agreement) -> bool:
    """Whether upstream has changed the status of a subject that went on."""
    before = known.marks.get(str(one.ref))
    if before is None or Status(before) is one.status:
        return False
    return not (one.status.ended or Status(before).ended)


def _upstream_wins(wish: UpstreamWish, acted: Sequence[SubjectState], at: float | None) -> str:
    """Why upstream's act counts and not Jira's, "" where Jira's does."""
    if wish.wins is not None:
        return "upstream wins over Jira, as the rule says" if wish.wins is Side.UPSTREAM else ""
    latest = max(one.at if one.marked_at is None else one.marked_at for one in acted)
    if at is not None and at > latest + wish.tie:
        return ""
    return "upstream's act counts: Jira's is not surely later"


def _last_act(view: View) -> Act | None:
    """The act that led to where the ticket stands; None where Jira does not tell of it."""
    parts = (Part.STATUS, Part.RESOLUTION)
    acts = [act for act in view.history.acts if act.part in parts]
    moves = [act for act in acts if act.part is Part.STATUS]
    if moves and moves[-1].after != view.observed.status.id:
        return None
    return acts[-1] if acts else None


def _agreed(view: View, known: Agreement) -> Agreement:
    """The agreement once both sides are dealt with as they stand."""
    marks = {str(one.ref): one.status.value for one in view.subjects}
    ours = {r: told for r, told in known.ours.items() if marks.get(r) == known.marks.get(r)}
    status, resolution = view.place
    return replace(known, status=status, resolution=resolution, marks=marks, ours=ours, seen=None)


def _upstream_alone(view: View, known: Agreement, acted: Sequence[SubjectState]) -> Telling:
    """Only upstream has news, or its news count."""
    after = _agreed(view, known)
    if not acted:
        others = any(_other_news(one, known) for one in view.subjects)
        told = Telling(known, after, stays=not others)
        return _acknowledged(view, told)
    if all(view.fits(one.ref.kind, one.status) for one in acted):
        words = "the ticket stands where that mark belongs"
        return Telling(known, after, stays=True, reasons=(words,))
    return _or_held(view, Telling(known, after.turned(view.now), follows=True))


def _other_news(one: SubjectState, known: Agreement) -> bool:
    """Whether a subject is new on the ticket, has ended, or is back: which ordinary rules deal with."""
    before = known.marks.get(str(one.ref))
    return before is None or Status(before).ended is not one.status.ended


def _or_held(view: View, told: Telling) -> Telling:
    """The telling, or a hold where the sides turn each other round and round."""
    turns = told.after.turns
    if len(turns) < TURNS or view.now - turns[0] > TURNING:
        return told
    held = replace(told.before, held=True)
    words = f"held: Jira and upstream turned each other {TURNS} times in ten minutes"
    return Telling(held, held, stays=True, waits=True, reasons=(words,))


def _jira_tells(view: View, known: Agreement, who: Person, at: float | None) -> Telling:
    """Only Jira has news, or its news count: the mark goes to every subject that is not over."""
    when = view.now if at is None else min(at, view.now)
    actions, words = [], []
    for one in view.subjects:
        wanted, why = _to_tell(view, known, one, at)
        if wanted is not None:
            actions.append(MarkUpstream(one.ref, wanted, who, when))
        elif why:
            words.append(why)
    after = _agreed(view, known)
    for mark in actions:
        after = after.marked(str(mark.ref), mark.status, view.now)
    if Status.NO_ACTION_NEEDED in {mark.status for mark in actions} and at is not None:
        after = replace(after, reason=(who.id, at - REASON_BEFORE, at + REASON_AFTER))
    # A subject that is new or over is dealt with by ordinary rules all the same.
    stays = not any(_other_news(one, known) for one in view.subjects)
    told = Telling(known, after, tuple(actions), stays=stays, reasons=tuple(dict.fromkeys(words)))
    if not actions:
        return told
    return _or_held(view, replace(told, after=after.turned(view.now)))


def _to_tell(
    view: View, known: Agreement, one: SubjectState, at: float | None
) -> tuple[Status | None, str]:
    """The status to tell of one subject, or None and why there is none to tell."""
    wanted = view.stands_for(one.ref.kind)
    if wanted is None or wanted is one.status:
        return None, ""
    if one.status.ended:
        reopened = one.ref.kind is Kind.INCIDENT and wanted is Status.OPEN
        return (wanted, "") if reopened else (None, "the subject is over: nothing is told of it")
    if str(one.ref) not in known.marks and at is not None and one.joined_at > at:
        return None, "a subject that came after the act is not marked by it"
    if known.told_last(one):
        return wanted, ""
    if wanted is Status.OPEN:
        return None, "a mark that somebody set upstream is not taken off"
    if view.fits(one.ref.kind, one.status):
        return None, f"the ticket's place also fits {one.status.value}, which was set upstream"
    return wanted, ""


def _acknowledged(view: View, told: Telling) -> Telling:
    """The telling, with the mark of investigating that the rule asks for by itself."""
    wish, known = view.wish, told.after
    if known.acknowledged or wish.acknowledge is Acknowledge.NEVER:
        return told
    who, at = None, None
    if wish.acknowledge is Acknowledge.ASSIGNED:
        act = _first_assignment(view)
        if act is None:
            return told
        who, at = act.who, min(act.at, view.now)
    marks = tuple(
        MarkUpstream(one.ref, Status.INVESTIGATING, who, at, only_unmarked=True)
        for one in view.subjects
        if one.ref.kind is Kind.ISSUE and one.status is Status.OPEN
    )
    return replace(told, actions=marks, after=replace(known, acknowledged=True))


def _first_assignment(view: View) -> Act | None:
    """The act by which a person first assigned the ticket, if there is one: not one that we wrote, and
    not one that changed who it was assigned to."""
    first = next((act for act in view.history.acts if act.part is Part.ASSIGNEE), None)
    if first is None or first.before or not first.after or first.after == view.assigned:
        return None
    return None if ignored(view.wish, first.who) else first


def _with_comments(view: View, told: Telling) -> Telling:
    """The telling, with what is said on either side and not on the other.

    What is said is told also while an act is not over yet."""
    wish, comments, address = view.wish, view.history.comments, view.history.address
    found = [said(wish, told.after, view.subjects, comments, view.now)]
    if wish.announce:
        found.append(announcements(found[-1].after, view.subjects, address))
    if wish.copies:
        made = {one.marker: one for one in comments if one.marker}
        public = view.public
        found.append(copies(found[-1].after, view.subjects, address, made, public=public))
    again = [at for at in (told.again_at, *(one.again_at for one in found)) if at is not None]
    actions = [action for one in found for action in one.actions]
    left = (action for action in actions if action.name not in told.before.done)
    return replace(
        told,
        after=replace(found[-1].after, done=(), unheard=found[0].again_at is not None),
        actions=(*told.actions, *left),
        again_at=min(again, default=None),
    )


def unsettled(wish: UpstreamWish, known: Agreement | None, subjects: Sequence[SubjectState]) -> str:
    """Why the ticket must be looked at although nobody says that it has changed; "" where nothing asks
    for that."""
    if known is None or known.since != wish.since:
        return "what is told upstream by its rule has changed"
    if known.held:
        return ""
    now = [known.now(one, wish.tie) for one in subjects]
    if known.differs(now):
        return "upstream's status has changed"
    if known.seen or known.done or known.unheard:
        return "what people did in Jira is not told upstream yet"
    return _asked_by_itself(wish, known, now)


def _asked_by_itself(wish: UpstreamWish, known: Agreement, subjects: Sequence[SubjectState]) -> str:
    """What the rule asks for by itself, and what people said upstream; "" for nothing."""
    going = {str(one.ref) for one in subjects if not one.status.ended}
    if wish.announce and going - {*known.announced}:
        return "the ticket is not announced upstream yet"
    if wish.acknowledge is Acknowledge.MADE and not known.acknowledged:
        return "the subject is not acknowledged upstream yet"
    if wish.copies and {said.id for one in subjects for said in one.comments} - {*known.copied}:
        return "somebody has commented upstream"
    return ""


def carried_out(known: Agreement, action: TellAction, at: float) -> Agreement:
    """The agreement once this action has been carried out, at ``at``, while others of its telling are
    left."""
    if isinstance(action, MarkUpstream):
        return known.marked(str(action.ref), action.status, at)
    return replace(known, done=(*known.done, action.name))
