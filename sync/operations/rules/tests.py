"""Running the tests that stand beside the rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sync.operations.errors import Refused
from sync.operations.rules.preview import EventPreview, FieldPreview, previewed
from sync.ports import Source
from sync.rules import RuleSet, Undecided
from sync.rules.tests import RuleTest
from sync.sandbox.coalesce import sample_body
from sync.settings.sections import Site
from sync.worker.foresight.preview import Variation

_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Failure:
    """What is not as a test expects it: the key of ``expect``, in words."""

    key: str
    words: str


@dataclass(frozen=True, slots=True)
class Tested:
    """A test that was run. It passed where there are no ``failures``."""

    name: str
    file: str
    line: int
    failures: tuple[Failure, ...]


def run_tests(
    tests: Iterable[RuleTest], sources: Sequence[Source], rules: RuleSet, sites: Mapping[str, Site]
) -> list[Tested]:
    """Each test held against the rules. Asks nobody."""
    return [
        Tested(
            one.written.name,
            one.where.file,
            one.where.line,
            tuple(_failures(one, sources, rules, sites)),
        )
        for one in tests
    ]


def _failures(
    test: RuleTest, sources: Sequence[Source], rules: RuleSet, sites: Mapping[str, Site]
) -> Iterator[Failure]:
    written = test.written
    body = test.body if test.body is not None else sample_body(written.sample or "")
    impact = written.impact.impact() if written.impact else None
    supposed = Variation(written.title, written.owner, written.severity or "", impact=impact)
    try:
        events = previewed(sources, rules, sites, body, supposed)
        if not events:
            yield Failure("made", "the delivery has no event")
            return
        yield from _differences(test, events[0])
    except Refused as error:
        yield Failure("file" if written.file else "sample", str(error))
    except Undecided as error:
        yield Failure("expect", str(error))


def _differences(test: RuleTest, event: EventPreview) -> Iterator[Failure]:
    expect = test.written.expect
    if expect.made is not event.made:
        wanted = "a ticket is expected" if expect.made else "no ticket is expected"
        yield Failure("made", f"{wanted}, and: {event.words}{_why(event)}")
    for key, value in _found(event).items():
        wanted = getattr(expect, key)
        if wanted is not None and not test.fits(wanted, value):
            more = _why(event, wanted) if key == "rule" else ""
            yield Failure(key, f"{_said(wanted)} is expected, and it is {_said(value)}{more}")
    for name, texts in expect.fields.items():
        yield from _of_field(test, event, name, texts)


def _found(event: EventPreview) -> dict[str, str]:
    """What became of a delivery, by the keys of ``expect``; "" where there is none."""
    ticket = event.ticket
    found = {"rule": event.rule, "rejected": event.rejected}
    for key in ("site", "project", "status", "target"):
        found[key] = getattr(ticket, key) if ticket else ""
    found["issue_type"] = " or ".join(ticket.issue_type) if ticket else ""
    return found


def _of_field(
    test: RuleTest, event: EventPreview, name: str, wanted: str | list[str]
) -> Iterator[Failure]:
    called = name.casefold()
    field = next((f for f in event.fields if called in (f.id.casefold(), f.name.casefold())), None)
    values = _values(field)
    for one in wanted if isinstance(wanted, list) else [wanted]:
        if not any(test.fits(one, value) for value in values):
            is_ = " and ".join(map(_said, values))
            problem = f" ({field.problem})" if field is not None and field.problem else ""
            yield Failure(f"fields.{name}", f"{_said(one)} is expected, and it is {is_}{problem}")


def _values(field: FieldPreview | None) -> list[str]:
    """The texts of a field: of a list each, else the one that people see."""
    if field is None:
        return [""]
    if field.value and isinstance(field.value, list):
        texts = [one for one in field.value if isinstance(one, str)]
        return texts if len(texts) == len(field.value) else [field.shown]
    return [field.shown]


def _why(event: EventPreview, rule: str = "") -> str:
    """Why the rule that was expected does not match, or why none does."""
    said = [f"{one.name}: {one.reason}" for one in event.rules if not one.matched]
    named = [words for words in said if rule and words.startswith(f"{rule}: ")]
    chosen = named or ([] if event.rule else said)
    return f" ({'; '.join(chosen)})" if chosen else ""


def _said(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…") if text else "nothing"
