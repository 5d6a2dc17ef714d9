"""Commenting: one comment at a time, made once, and only of what was done.

A comment is put on record before what it tells of is carried out, and its call before it is made. Jira
has no dedupe for comments but our marker: after a call without an answer it is looked for, and made
again only once Jira cannot be at it any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import structlog

from sync.domain.actions import Comment
from sync.domain.backoff import search_delay
from sync.domain.errors import Fault, Missing, Unknown
from sync.domain.ticket import Base, TicketRef
from sync.ports import Clock, Tracker
from sync.store.journal import Entry
from sync.store.tables import TicketRow
from sync.telemetry import ACTIONS
from sync.worker.walk.facts import Facts
from sync.worker.walk.record import NotYet, Record

log = structlog.get_logger("worker")

_NOTHING_TO_WAIT_FOR = 0.0


class Commenting:
    """One walk's hand on the comments of one ticket."""

    def __init__(self, facts: Facts, tracker: Tracker, record: Record, clock: Clock) -> None:
        self._tracker = tracker
        self._record = record
        self._clock = clock
        # {"marker", "text", "edit": id of the comment to rewrite, "begun": when its call was, "tries"}
        self._open: dict[str, str] = dict(facts.comment_intent or {})

    def settle_earlier(self, ref: TicketRef, base: Base, wanted: Comment | None) -> Base:
        """Deal with the comment that an earlier walk left open, where it is not the one wanted now.

        Once its call was begun, what it tells of is done: it is owed, and goes first. Before that,
        what it was to tell of was never carried out, and now is not wanted any more.
        """
        if not self._open or (wanted is not None and wanted.marker == self._open["marker"]):
            return base
        if self._open["begun"]:
            return self.carry_out(ref, base)
        self._open = {}
        self._record.note(_with_intent(None))
        return base

    def intend(self, comment: Comment) -> None:
        """Have the comment put on record together with the intent of what it tells of."""
        if not self._open:
            self._open = {
                "marker": comment.marker,
                "text": comment.text,
                "edit": comment.edit,
                "begun": "",
                "tries": "0",
            }
            self._record.note(_with_intent(self._open))

    def carry_out(self, ref: TicketRef, base: Base) -> Base:
        """Make the open comment, if there is one. Raises NotYet while an earlier call may make it."""
        if not self._open:
            return base
        marker, text, edit = self._open["marker"], self._open["text"], self._open["edit"]
        comment_id = self._edited(ref, edit, text) if edit else ""
        if not comment_id and self._open["begun"]:
            comment_id = self._tracker.find_comment(ref, marker)
            if not comment_id:
                self._wait()
        if not comment_id:
            comment_id = self._post(ref, text, marker)
        self._open = {}
        after = replace(base, commented=marker, running=comment_id)
        action = Comment(text, marker, edit)

        def change(row: TicketRow) -> None:
            row.base = after.to_json()
            row.comment_intent = None

        self._record.note(change, Entry("comment", str(action)))
        ACTIONS.labels(self._tracker.site, "comment", "ok").inc()
        log.info("comment", ticket=ref.key, what=str(action), rule=self._record.rule)
        return after

    def _edited(self, ref: TicketRef, comment_id: str, text: str) -> str:
        try:
            self._tracker.edit_comment(ref, comment_id, text)
        except Missing:
            return ""
        return comment_id

    def _post(self, ref: TicketRef, text: str, marker: str) -> str:
        self._open["begun"] = str(self._clock.time())
        self._record.step(_with_intent(self._open))
        try:
            return self._tracker.comment(ref, text, marker)
        except Unknown as fault:
            # The call has ended on our side; unless Jira said so itself, it may go on with it.
            late = self._clock.time() + self._tracker.afterwork - self._tracker.longest_call
            self._ended(_NOTHING_TO_WAIT_FOR if fault.over else late)
            raise
        except Fault:
            self._ended(_NOTHING_TO_WAIT_FOR)
            raise

    def _ended(self, begun: float) -> None:
        self._open["begun"] = str(begun)
        self._record.note(_with_intent(self._open))

    def _wait(self) -> None:
        tracker, now = self._tracker, self._clock.time()
        # After a crash nobody knows when the call went out, only when it was begun.
        proven_at = float(self._open["begun"]) + tracker.longest_call
        if now >= proven_at:
            return
        tries = int(self._open["tries"])
        self._open["tries"] = str(tries + 1)
        self._record.note(_with_intent(self._open))
        raise NotYet(
            "a comment's call was not answered; looking for it",
            min(now + search_delay(tries), proven_at + 0.05),
        )


def _with_intent(intent: dict[str, str] | None) -> Callable[[TicketRow], None]:
    kept = dict(intent) if intent is not None else None

    def change(row: TicketRow) -> None:
        row.comment_intent = kept

    return change
