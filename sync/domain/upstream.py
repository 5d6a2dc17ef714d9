"""What people did in Jira that upstream is to be told, and what that means for the ticket's moves. Pure.

Both sides are compared with what they last agreed on (``Agreement``). A side that differs has news.
Where both have news, the later act wins, and upstream where that is not sure. What we wrote ourselves is
known by what was recorded as written, never by its author: our account may be a person's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sync.domain.actions import CommentUpstream, CopyComment, MarkUpstream
from sync.domain.agreement import HELD_BECAUSE, NONE, TURNS, Agreement
from sync.domain.history import Act, Part, Person
from sync.domain.rule import Acknowledge, Category, Side, SubjectState, UpstreamWish
from sync.domain.subject import Kind, Status
from sync.domain.ticket import Base, Draft, Observed
from sync.domain.upstream_comments import announcements, copies, ignored, said
from sync.domain.upstream_view import View

# A ticket that turns TURNS times within so many seconds is held.
TURNING = 600.0
# The comment that says why a ticket was declined is made from so many seconds before to so many after.
REASON_BEFORE, REASON_AFTER = 120.0, 300.0

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
    # Jira puts a ticket that changes its project at the start of the other workflow.
    put = base.status is None and observed.status.category is Category.NEW
    dealt_with = base.status is not None and base.status.ended
    return View(
        wish,
        draft.desired.subjects,
        observed,
        foreign=observed.project not in ("", draft.project),
        moved=put or base.brought_to(observed.status.id),
        ours=base.jira_status == observed.status.id,
        over_or_back=put or draft.desired.status.ended is not dealt_with,
        wanted=draft.desired.status,
        assigned=str(known.sent or "") if known else "",
        public=draft.desired.policy.public_comments,
    )


def begun(view: View, known: Agreement = NONE) -> Agreement:
    """The agreement of a ticket whose rule has only just begun to tell: both sides as they stand.
    ``known`` is what was agreed before an edit of the rule: a mark that we told stays one of ours, and
    a comment that was told is known to be."""
    wish, comments = view.wish, view.history.comments
    heard = {one.id: one.updated for one in comments if one.id in known.heard}
    ours = {str(o.ref): known.ours[str(o.ref)] for o in view.subjects if known.told_last(o)}
    return Agreement(
        wish.since,
        *view.place,
        marks={str(one.ref): one.status.value for one in view.subjects},
        floor=max((int(one.id) for one in comments if one.id.isdigit()), default=0),
        heard=heard,
        copied=tuple(comment.id for one in view.subjects for comment in one.comments),
        ours=ours,
        announced=tuple(str(one.ref) for one in view.subjects),
        acknowledged=True,
        began=view.now,
    )


def tell(view: View, known: Agreement | None) -> Telling:
    """``telling_of`` for a view and what is known to be agreed, None for nothing."""
    if known is None or known.since != view.wish.since:
        agreed = begun(view, known or NONE)
        words = "both sides count as agreed as they stand: telling upstream has only just begun"
        return Telling(agreed, agreed, stays=not view.over_or_back, reasons=(words,))
    if known.held:
        return Telling(known, known, stays=True, waits=True, reasons=(f"held: {HELD_BECAUSE}",))
    if not known.status:
        # The ticket was only just made. Somebody may have acted before it was looked at.
        status, resolution = _beginning(view)
        known = replace(known, status=status, resolution=resolution)
    known = known.echoed(view.subjects)
    view = replace(view, subjects=[known.now(one, view.wish.tie) for one in view.subjects])
    return _with_comments(view, _moves(view, known))


def _beginning(view: View) -> tuple[str, str]:
    """Where the ticket stood when it was made: the id of its status, and its resolution."""
    if not view.history.complete:
        return view.place
    first = {act.part: act.before for act in reversed(view.history.acts)}
    status, resolution = view.place
    return first.get(Part.STATUS, status), first.get(Part.RESOLUTION, resolution)


def _moves(view: View, known: Agreement) -> Telling:
    """What the places of both sides ask for."""
    acted = [one for one in view.subjects if _acted(one, known)]
    there = view.place == (known.status, known.resolution)
    if view.moved or (there and not _back_since(view, known, acted)):
        return _upstream_alone(view, replace(known, seen=None), acted)
    news = _news(view, known)
    if ignored(view.wish, news.who):
        who = news.who.name or news.who.id
        words = f"what {who} did in Jira is not told: the rule ignores that account"
        told = _upstream_alone(view, replace(known, seen=None), acted)
        return replace(told, reasons=(*told.reasons, words))
    known = replace(known, seen=(*view.place, news.at, news.since))
    again_at = news.since + view.wish.settle
    if view.now < again_at:
        words = "an act in Jira is told once the ticket has been still for a while"
        return Telling(known, known, stays=True, waits=True, again_at=again_at, reasons=(words,))
    if acted and (why := _upstream_wins(view.wish, acted, news)):
        told = _upstream_alone(view, known, acted)
        return replace(told, reasons=(*told.reasons, why))
    return _jira_tells(view, known, news)


def _back_since(view: View, known: Agreement, acted: Sequence[SubjectState]) -> bool:
    """Whether somebody has surely brought the ticket back to where it stood after upstream's act."""
    if not acted or view.ours or view.wish.wins is not None:
        return False
    news = _news(view, known)
    return not (ignored(view.wish, news.who) or _upstream_wins(view.wish, acted, news))


@dataclass(frozen=True, slots=True)
class _News:
    """An act in Jira that is not agreed yet. ``at`` is its time by the tracker's clock, None where the
    tracker does not tell of the act; ``since`` is since when the ticket stands where it does, by our
    clock (both in seconds since the epoch)."""

    who: Person
    at: float | None
    since: float


def _news(view: View, known: Agreement) -> _News:
    act = _last_act(view, known)
    at = act.at if act else None
    if known.seen is not None and known.seen[:3] == (*view.place, at):
        since = known.seen[3]
    else:
        # The tracker's clock may be ahead of ours.
        since = view.now if at is None else min(at, view.now)
    return _News(act.who if act else Person(), at, since)


def _acted(one: SubjectState, known: Agreement) -> bool:
    """Whether upstream has changed the status of a subject that went on."""
    before = known.marks.get(str(one.ref))
    if before is None or Status(before) is one.status:
        return False
    return not (one.status.ended or Status(before).ended)


def _upstream_wins(wish: UpstreamWish, acted: Sequence[SubjectState], news: _News) -> str:
    """Why upstream's act counts and not Jira's, "" where Jira's does."""
    if wish.wins is not None:
        return "upstream wins over Jira, as the rule says" if wish.wins is Side.UPSTREAM else ""
    latest = max(one.at if one.marked_at is None else one.marked_at for one in acted)
    if news.at is not None and news.since > latest + wish.tie:
        return ""
    return "upstream's act counts: Jira's is not surely later"


def _last_act(view: View, known: Agreement) -> Act | None:
    """The act that led to where the ticket stands; None where Jira does not tell of it."""
    parts = (Part.STATUS, Part.RESOLUTION)
    acts = [act for act in view.history.acts if act.part in parts]
    moves = [act for act in acts if act.part is Part.STATUS]
    if not acts or (moves and moves[-1].after != view.observed.status.id):
        return None
    if moves and known.status != view.place[0] and ignored(view.wish, acts[-1].who):
        # An account that the rule ignores may give a ticket its resolution after a person closed it.
        return moves[-1]
    return acts[-1]


def _agreed(view: View, known: Agreement) -> Agreement:
    """The agreement once both sides are dealt with as they stand."""
    marks = {str(one.ref): one.status.value for one in view.subjects}
    ours = {r: told for r, told in known.ours.items() if marks.get(r) == known.marks.get(r)}
    status, resolution = view.place
    return replace(known, status=status, resolution=resolution, marks=marks, ours=ours, seen=None)


def _upstream_alone(view: View, known: Agreement, acted: Sequence[SubjectState]) -> Telling:
    """Only upstream has news, or its news count."""
    after, stays = _agreed(view, known), not _ordinary(view, known)
    if not acted:
        return _acknowledged(view, Telling(known, after, stays=stays))
    fit = all(view.fits(one.ref.kind, one.status) for one in acted)
    # Of several subjects, one alone may bring the ticket nowhere.
    if fit or (view.wanted and view.fits(acted[0].ref.kind, view.wanted)):
        words = "the ticket stands where that mark belongs"
        return Telling(known, after, stays=stays, reasons=(words,))
    return _or_held(view, Telling(known, after.turned(view.now, Side.UPSTREAM), follows=True))


def _ordinary(view: View, known: Agreement) -> bool:
    """Whether there is something that ordinary rules deal with: a subject is new on the ticket, or
    something has ended or is back, and not because we told an incident so."""
    ours = any(one.ref.kind is Kind.INCIDENT and known.told_last(one) for one in view.subjects)
    news = any(_other_news(one, known) for one in view.subjects)
    return news or (view.over_or_back and not ours)


def _other_news(one: SubjectState, known: Agreement) -> bool:
    """Whether a subject is new on the ticket, has ended, or is back."""
    before = known.marks.get(str(one.ref))
    return before is None or Status(before).ended is not one.status.ended


def _or_held(view: View, told: Telling) -> Telling:
    """The telling, or a hold where the sides turn each other round and round."""
    turns = told.after.turns
    if len(turns) < TURNS or view.now - turns[0][0] > TURNING:
        return told
    held = replace(told.before, held=True)
    return Telling(held, held, stays=True, waits=True, reasons=(f"held: {HELD_BECAUSE}",))


def _jira_tells(view: View, known: Agreement, news: _News) -> Telling:
    """Only Jira has news, or its news count: the mark goes to every subject that is not over."""
    actions, words = [], []
    for one in view.subjects:
        wanted, why = _to_tell(view, known, one, news.since)
        if wanted is not None:
            actions.append(MarkUpstream(one.ref, wanted, news.who, news.since))
        elif why:
            words.append(why)
    after = _agreed(view, known)
    for mark in actions:
        after = after.marked(str(mark.ref), mark.status, view.now)
    if Status.NO_ACTION_NEEDED in {mark.status for mark in actions} and news.at is not None:
        window = news.at - REASON_BEFORE, news.at + REASON_AFTER
        after = replace(after, reason=(news.who.id, *window))
    stays = not _ordinary(view, known)
    told = Telling(known, after, tuple(actions), stays=stays, reasons=tuple(dict.fromkeys(words)))
    if not actions:
        return told
    return _or_held(view, replace(told, after=after.turned(view.now, Side.JIRA)))


def _nothing_new(view: View, one: SubjectState, wanted: Status | None) -> str:
    """Why the ticket's place, which stands for ``wanted``, says nothing new of a subject."""
    if wanted is not None:
        return f"the ticket's place stands for {wanted.value}, which upstream has already"
    if not view.wish.signs(one.ref.kind):
        return ""
    return f"no line of upstream.status names {view.observed.status.name!r}: nothing is told of it"


def _to_tell(
    view: View, known: Agreement, one: SubjectState, since: float
) -> tuple[Status | None, str]:
    """The status to tell of one subject, or None and why there is none to tell. ``since`` is when the
    act was."""
    wanted = view.stands_for(one.ref.kind)
    if wanted is None or wanted is one.status:
        return None, _nothing_new(view, one, wanted)
    if one.status.ended:
        reopened = wanted is Status.OPEN and _ended_with_its_ticket(one, known)
        return (wanted, "") if reopened else (None, "the subject is over: nothing is told of it")
    if str(one.ref) not in known.marks and one.joined_at > since:
        return None, "a subject that came after the act is not marked by it"
    if known.told_last(one):
        return wanted, ""
    if wanted is Status.OPEN:
        return None, "a mark that somebody set upstream is not taken off"
    if view.fits(one.ref.kind, one.status):
        return None, f"the ticket's place also fits {one.status.value}, which was set upstream"
    return wanted, ""


def _ended_with_its_ticket(one: SubjectState, known: Agreement) -> bool:
    """Whether an incident's end is agreed, so that its ticket can open it again."""
    before = known.marks.get(str(one.ref))
    return one.ref.kind is Kind.INCIDENT and before is not None and Status(before).ended


def _acknowledged(view: View, told: Telling) -> Telling:
    """The telling, with the mark of investigating that the rule asks for by itself."""
    wish, known = view.wish, told.after
    if known.acknowledged or wish.acknowledge is Acknowledge.NEVER:
        return told
    who, at = None, None
    if wish.acknowledge is Acknowledge.ASSIGNED:
        first = next((act for act in view.history.acts if act.part is Part.ASSIGNEE), None)
        if first is None:
            return told
        if not _takes_it_on(view, first):
            return replace(told, after=replace(known, acknowledged=True))
        who, at = first.who, min(first.at, view.now)
    marks = tuple(
        MarkUpstream(one.ref, Status.INVESTIGATING, who, at, only_unmarked=True)
        for one in view.subjects
        if one.ref.kind is Kind.ISSUE
        and one.status is Status.OPEN
        and not _cleared_since(view, one, at)
    )
    return replace(told, actions=marks, after=replace(known, acknowledged=True))


def _cleared_since(view: View, one: SubjectState, at: float | None) -> bool:
    """Whether somebody has taken the issue's mark off since the ticket was taken on, at ``at``. That an
    issue is new and has no mark does not count, whatever the clocks say."""
    if at is None or one.marked_at is None:
        return False
    return one.marked_at > max(at, one.joined_at + view.wish.tie)


def _takes_it_on(view: View, first: Act) -> bool:
    """Whether the first change of the assignee is a person's who assigns the ticket: not one that we
    wrote, and not one by which a ticket that was assigned from the start changes hands."""
    if not view.history.complete or first.before or first.after in ("", view.assigned):
        return False
    return not ignored(view.wish, first.who)


def _with_comments(view: View, told: Telling) -> Telling:
    """The telling, with what is said on either side and not on the other.

    What is said is told also while an act is not over yet."""
    wish, comments, address = view.wish, view.history.comments, view.history.address
    again_since = _heard_again_since(view, told.before)
    found = [said(wish, told.after, view.subjects, comments, view.now, again_since)]
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


def _heard_again_since(view: View, known: Agreement) -> float | None:
    """Since when those who can hear comments are open again, at the latest, if all of them were over;
    None where they were not. Clocks differ by the tie."""
    going = [one for one in view.subjects if not one.status.ended]
    over = [one for one in going if Status(known.marks.get(str(one.ref), "open")).ended]
    times = [one.at if one.marked_at is None else one.marked_at for one in over]
    return min(times) - view.wish.tie if times and len(times) == len(going) else None


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
