"""Errors as one paragraph: what and where, what to do. Exit code 2 for usage and configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sync.toml import MistakesFound

RUNTIME = 1
USAGE = 2


class Problem(Exception):
    """Something a verb cannot go on with, in words for the person who called it."""

    def __init__(self, words: str, code: int = RUNTIME) -> None:
        super().__init__(words)
        self.code = code


def explained(error: Exception) -> tuple[str, int]:
    """The paragraph and the exit code for any error that ends a verb."""
    # Loaded only now: none of them is needed for --help.
    from sync.bootstrap.errors import CannotStart
    from sync.domain.errors import Fault
    from sync.operations.errors import OperationError, Refused
    from sync.rules import RuleErrors
    from sync.rules.tests import RuleTestErrors
    from sync.settings import SettingsError
    from sync.store.errors import StoreMisconfigured, StoreUnavailable
    from sync.web.server import CannotListen

    if isinstance(error, Problem):
        return str(error), error.code
    if isinstance(error, SettingsError):
        return _listed("The configuration cannot be used", error), USAGE
    if isinstance(error, RuleErrors):
        return _listed("The mapping rules cannot be used", error), USAGE
    if isinstance(error, RuleTestErrors):
        return _listed("The tests of the rules cannot be used", error), USAGE
    if isinstance(error, CannotStart | CannotListen | StoreMisconfigured):
        return sentence(str(error)), USAGE
    if isinstance(error, OperationError):
        return sentence(str(error)), USAGE if isinstance(error, Refused) else RUNTIME
    if isinstance(error, StoreUnavailable | Fault):
        return sentence(str(error)), RUNTIME
    if isinstance(error, OSError) and error.strerror:
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        return what, RUNTIME
    return (
        f"ticket-sync failed in a way it did not expect: {type(error).__name__}: {error}\n"
        "This is a defect. The same command with --debug shows where; please report it with that.",
        RUNTIME,
    )


def sentence(words: str) -> str:
    """The words with a capital at their beginning and a full stop at their end."""
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "?", "!")) else ".")


def _listed(what: str, found: MistakesFound) -> str:
    lines = [str(mistake) for mistake in found.mistakes]
    if len(lines) == 1:
        return f"{what}. {lines[0]}"
    return "\n".join([f"{what}: {len(lines)} mistakes.", *(f"  {line}" for line in lines)])
