"""Comments between the ticket and upstream: which are told, which are copied, and in what words. Pure.

A comment of Jira's is told in a text that ends with the comment's address. By that the text is found
again after a lost reply, by another daemon, or with a new store. A comment from upstream is on the
ticket under a marker made of its id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sync.domain.actions import Comment, CommentUpstream, CopyComment
from sync.domain.agreement import Agreement
from sync.domain.history import Person, TicketComment
from sync.domain.rule import SubjectState, UpstreamWish
from sync.domain.subject import Kind
from sync.domain.subject_comments import UpstreamComment
from sync.domain.text import cut

# Upstream has a limit that is not published. Longer texts end with a note and the comment's address.
LONGEST = 20_000
_FOCUSED = "focusedCommentId="


def carries(text: str, sign: str) -> bool:
    """Whether a text upstream is the one that ends with this sign."""
    return text.rstrip().endswith(sign) and bool(sign)


def is_copy(text: str) -> bool:
    """Whether a text upstream is the copy of some Jira comment or announces a ticket, whoever made it
    and whatever became of the ticket's address since."""
    last = _ends(text)[1]
    # People put such an address among words of their own.
    copied = _FOCUSED in last and " " not in last
    return copied or is_announcement(text)


def is_announcement(text: str) -> bool:
    """Whether a text upstream announces a ticket."""
    first, last = _ends(text)
    return first == _announcing(last.rpartition("/")[2])


def _ends(text: str) -> tuple[str, str]:
    """The first line of a text and its last."""
    lines = text.rstrip().splitlines() or [""]
    return lines[0], lines[-1]


def _announcing(key: str) -> str:
    """The first line of the text that announces a ticket."""
    return f"Jira ticket {key}:"


def marker_of(comment_id: str) -> str:
    """The marker, on the ticket, of the copy of a comment from upstream."""
    return hashlib.sha256(f"from upstream\n{comment_id}".encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Said:
    """What is said on one side and is to be told to the other, and what is agreed then. ``again_at`` is
    when a comment that was only just written is to be looked at again."""

    after: Agreement
    actions: tuple[CommentUpstream | CopyComment, ...] = ()
    again_at: float | None = None


def said(
    wish: UpstreamWish,
    known: Agreement,
    subjects: Sequence[SubjectState],
    comments: Sequence[TicketComment],
    now: float,
    again_since: float | None = None,
) -> Said:
    """The comments of the ticket that upstream is to be told, oldest first.

    ``again_since``: what was said before that time was said while all who could hear it were over.
    """
    # What was deleted in Jira stays as it is upstream, and is remembered no more.
    heard = {one.id: known.heard[one.id] for one in comments if one.id in known.heard}
    actions, again_at = list[CommentUpstream](), None
    for one in comments:
        if unwanted(wish, known, one) or heard.get(one.id, -1.0) >= one.updated:
            continue
        if one.updated <= now < one.updated + wish.settle:
            again_at = min(again_at or one.updated + wish.settle, one.updated + wish.settle)
            continue
        to, edited = _hearers(known, subjects, one), one.id in heard
        if not to:
            # Nothing is told of what is over. It may be open again, without our knowing so yet.
            continue
        if again_since is not None and one.updated < again_since:
            to = []
        actions += [_told(subject, one, edited=edited, now=now) for subject in _meant(to, one)]
        heard[one.id] = one.updated
    return Said(replace(known, heard=heard), tuple(actions), again_at)


def _hearers(
    known: Agreement, subjects: Sequence[SubjectState], one: TicketComment
) -> list[SubjectState]:
    """The subjects that are told a comment: those that are not over and, where an incident is among
    them, the incidents alone, for it speaks for its issues.

    Whoever ends an incident from Jira often says why at the same time: what was said until then is
    told to the incident that we have ended by that."""
    going = [
        subject
        for subject in subjects
        if not subject.status.ended
        or (known.told_last(subject) and one.created <= known.ours[str(subject.ref)][0])
    ]
    return [subject for subject in going if subject.ref.kind is Kind.INCIDENT] or going


def _meant(subjects: Sequence[SubjectState], one: TicketComment) -> list[SubjectState]:
    """Those that were on the ticket already when this was said. Who was put there later is not meant."""
    return [subject for subject in subjects if subject.placed_at <= one.updated]


def unwanted(wish: UpstreamWish, known: Agreement, one: TicketComment) -> str:
    """Why a comment of the ticket is not told, in words; "" where it is."""
    if one.marker:
        return "it is a comment of ours"
    if one.restricted:
        return "not everybody who sees the ticket sees it"
    if _from_before(known, one):
        return "it is from before the rule told anything"
    if ignored(wish, one.who):
        return "the rule ignores that account"
    if one.id in known.heard or wish.comments == "all" or _says_why(known, one):
        return ""
    if wish.comments == "none":
        return "the rule tells no comments"
    mentioned = wish.comments.casefold() in one.text.casefold()
    return "" if mentioned else f"it does not mention {wish.comments!r}"


def _from_before(known: Agreement, one: TicketComment) -> bool:
    """Whether a comment was there when it was agreed that nothing from before is told."""
    return one.id not in known.heard and one.id.isdigit() and int(one.id) <= known.floor


def _says_why(known: Agreement, one: TicketComment) -> bool:
    """Whether a comment says why the ticket was declined: by whoever declined it, and about then."""
    if known.reason is None:
        return False
    who, since, until = known.reason
    return bool(who) and one.who.id == who and since <= one.created <= until


def ignored(wish: UpstreamWish, who: Person) -> bool:
    """Whether the rule ignores what this account does."""
    names = {text.casefold() for text in (who.id, who.name, who.email) if text}
    return any(one.casefold() in names for one in wish.ignore)


def _told(
    subject: SubjectState, one: TicketComment, *, edited: bool, now: float
) -> CommentUpstream:
    sign = f"{one.url}#edited-{one.updated:.0f}" if edited else one.url
    name = _plain(one.who.name)
    head = f"{name} edited a comment in Jira:" if edited else f"{name} in Jira:"
    note = "\n\n… (cut: the whole comment is in Jira)"
    text = f"{head}\n\n{cut(one.text, LONGEST, note)}\n\n{sign}"
    at = min(one.updated if edited else one.created, now)
    return CommentUpstream(subject.ref, text, sign, one.who, at, (one.id, one.updated))


def announcements(known: Agreement, subjects: Sequence[SubjectState], address: str) -> Said:
    """The ticket's address for each subject that was not told it yet."""
    new = [one for one in subjects if str(one.ref) not in known.announced and not one.status.ended]
    key = address.rstrip("/").rpartition("/")[2]
    text = f"{_announcing(key)}\n\n{address}"
    announced = (*known.announced, *(str(one.ref) for one in new))
    actions = tuple(CommentUpstream(one.ref, text, address) for one in new)
    return Said(replace(known, announced=announced), actions)


def copies(
    known: Agreement,
    subjects: Sequence[SubjectState],
    address: str,
    made: Mapping[str, TicketComment],
    *,
    public: bool,
) -> Said:
    """Upstream's comments that are to go onto the ticket, oldest first. ``made`` are the ticket's
    comments by their markers."""
    actions, copied = list[CopyComment](), list(known.copied)
    # What was said upstream before is on the ticket that the subject had then.
    before = {said.id for one in subjects for said in one.comments if said.at <= one.placed_at}
    for one in _in_order(subjects):
        if one.id in copied:
            continue
        copied.append(one.id)
        marker = marker_of(one.id)
        ours = is_copy(one.text) or carries(one.text, address)
        if ours or marker in made or one.at <= known.began or one.id in before:
            continue
        text = f"**{_plain(one.author)}** upstream:\n\n{one.text}"
        actions.append(CopyComment(one.id, Comment(text, marker, public=public)))
    return Said(replace(known, copied=tuple(copied)), tuple(actions))


def _in_order(subjects: Sequence[SubjectState]) -> Iterator[UpstreamComment]:
    found = {comment.id: comment for one in subjects for comment in one.comments}
    yield from sorted(found.values(), key=lambda comment: (comment.at, comment.id))


def _plain(name: str) -> str:
    """A name that no markup is read in."""
    kept = "".join(c for c in name if c.isalnum() or c in " .,'-@()")
    return " ".join(kept.split()) or "Somebody"
