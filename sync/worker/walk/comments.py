"""Commenting: one comment at a time, made once, and only about what was done.

The comment goes on record before the changes that it speaks of, and once more when its own call is
begun. Jira itself does not keep a comment from being made twice: after a call without an answer the
comment is looked for by its marker, and made again only once that call cannot be carried out any more.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

import structlog

from sync.domain.actions import Comment
from sync.domain.errors import Fault, Missing, Rejected, Unknown
from sync.domain.intent import Intent, IntentKind
from sync.domain.ticket import TicketRef
from sync.store.journal import Entry
from sync.telemetry import ACTIONS
from sync.worker.walk.intents import IntentLog

log = structlog.get_logger("worker")


class Commenting:
    """The comments of one walk. ``unsure``: they may have been made by a call that is not on record."""

    def __init__(self, intent_log: IntentLog, *, unsure: bool = False) -> None:
        self._unsure = unsure
        self._intent_log = intent_log
        self._tracker = intent_log.tracker
        self._record = intent_log.record

    def intend(self, ref: TicketRef, wanted: Comment | None) -> None:
        """Put the comment wanted on record, with the intent of the change that it speaks of.

        First comes the comment that an earlier walk left open. If its call was begun, what it speaks of
        was done: it is made now. If not, what it speaks of was not done, and it is dropped; so is one
        that went along with a change, for it was made if the change was.
        """
        record = self._record
        earlier = record.intents.of(IntentKind.COMMENT)
        if earlier is not None and (wanted is None or wanted.marker != earlier.about):
            if earlier.begun is not None and not earlier.payload.get("along"):
                try:
                    self.carry_out(ref)
                except Rejected:
                    if wanted is None:
                        raise
                    # Jira takes no comment for now. The newer comment waits in place of the earlier.
            record.intents = record.intents.without(IntentKind.COMMENT)
            earlier = None
        if earlier is None and wanted is not None:
            payload = {"text": wanted.text, "edit": wanted.edit, "public": wanted.public}
            intent = Intent(IntentKind.COMMENT, wanted.marker, payload=payload)
            record.intents = record.intents.put(intent)
        elif earlier is not None:
            record.intents = record.intents.put(_alone(earlier))

    def carry_out(self, ref: TicketRef) -> None:
        """Make the open comment, if there is one. Raises NotYet while an earlier call may make it."""
        record = self._record
        intent = record.intents.of(IntentKind.COMMENT)
        if intent is None:
            return
        comment = _comment_of(intent)
        along = intent.begun is not None and intent.payload.get("along")
        made = self._edit if comment.edit and not along else self._made_before
        comment_id = made(ref, intent, comment)
        if not comment_id:
            comment = replace(comment, edit="")
            comment_id = self._post(ref, intent, comment)
        self._done(ref, comment, comment_id)

    def _done(self, ref: TicketRef, comment: Comment, comment_id: str) -> None:
        record = self._record
        record.intents = record.intents.without(IntentKind.COMMENT)
        record.base = replace(record.base, commented=comment.marker, running=comment_id)
        words = str(comment)
        record.note(Entry("comment", words))
        ACTIONS.labels(self._tracker.site, "comment", "ok").inc()
        log.info("comment", ticket=ref.key, what=words, rule=record.rule)

    def owed(self) -> bool:
        """Whether a comment is on record that is to be made."""
        return self._record.intents.of(IntentKind.COMMENT) is not None

    def free(self) -> bool:
        """Whether a comment is on record that surely no call has been begun for."""
        intent = self._record.intents.of(IntentKind.COMMENT)
        return intent is not None and intent.begun is None and not self._unsure

    def along(
        self,
        ref: TicketRef,
        make: Callable[[Comment | None], None],
        now: float,
        *,
        kept: bool = False,
    ) -> None:
        """Make a change with the open comment along, both on record before. Raises the tracker's faults.

        Jira may drop the comment; ``carry_out`` looks for it, and makes it where it is not there.
        ``kept``: Jira said that it takes the comment, so there is nothing to look for.
        """
        record = self._record
        intent = record.intents.of(IntentKind.COMMENT)
        if intent is None:
            make(None)
            return
        gone = replace(intent, begun=now, until=None, payload={**intent.payload, "along": True})
        record.intents = record.intents.put(gone)
        try:
            make(_comment_of(intent))
        except Unknown:
            raise
        except Fault:
            record.intents = record.intents.put(intent)
            raise
        if kept:
            self._done(ref, _comment_of(intent), "")
        else:
            record.intents = record.intents.put(replace(gone, until=0.0))

    def _edit(self, ref: TicketRef, intent: Intent, comment: Comment) -> str:
        """Rewrite the running comment; its id, "" where it was deleted."""
        edit = partial(self._tracker.edit_comment, ref, comment.edit, comment.text)
        with suppress(Missing):
            self._intent_log.make(intent, partial(edit, public=comment.public))
            return comment.edit
        return ""

    def _made_before(self, ref: TicketRef, intent: Intent, comment: Comment) -> str:
        """The id of the comment that an earlier call made, "" where none did."""
        find = partial(self._tracker.find_comment, ref, comment.marker)
        if intent.begun is None:
            return find() if self._unsure else ""
        return self._intent_log.settle(intent, find)

    def _post(self, ref: TicketRef, intent: Intent, comment: Comment) -> str:
        # From here on there is no comment to rewrite: after a lost reply the new one is looked for.
        intent = replace(intent, payload={**intent.payload, "edit": "", "along": False})
        post = partial(self._tracker.comment, ref, comment.text, comment.marker)
        return self._intent_log.make(intent, partial(post, public=comment.public))


def _alone(intent: Intent) -> Intent:
    """The intent of a comment that is wanted again, because the change that it went along with is made
    again, perhaps without it: from now on the comment is looked for and made by itself."""
    if not intent.payload.get("along") or intent.payload["edit"]:
        return intent
    return replace(intent, payload={**intent.payload, "along": False})


def _comment_of(intent: Intent) -> Comment:
    given = intent.payload
    # An intent of an earlier version does not say who sees the comment.
    return Comment(given["text"], intent.about, given["edit"], given.get("public", False))
