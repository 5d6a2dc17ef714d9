"""What an operation says where it cannot be done. The text of each error is a sentence for people."""

from __future__ import annotations


class OperationError(Exception):
    """An operation was not done."""


class NotFound(OperationError):
    """What was named is not there."""


class Refused(OperationError):
    """What was asked for is wrong, or cannot be done as things are."""


class NotAllowed(OperationError):
    """The account's role does not suffice."""


class Unanswered(OperationError):
    """Another program, which had to answer for this, did not."""


class Changed(OperationError):
    """What the person saw is no longer so: it has to be looked at again before the act."""
