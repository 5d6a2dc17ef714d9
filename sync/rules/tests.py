"""Tests of rules, as people write them beside the rules: this delivery, that ticket.

A folder ``tests`` in the folder of rules has them, in TOML files:

    [[test]]
    name = "a stale finance table goes to finance"
    sample = "issue_created"
    owner = "Finance data"
    expect = { rule = "finance", project = "FIN", fields = { summary = "*is stale*" } }
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from sync.domain.surroundings import Impact, Product
from sync.rules.load import TESTS
from sync.rules.patterns import pattern
from sync.rules.vocabulary import SEVERITIES, STATUSES
from sync.toml import Mistakes, MistakesFound, Position, Wrong, cannot_be, read, said, text_of
from sync.toml.findings import Language, in_words, path_of

SAMPLES = (
    "ping",
    "issue_created",
    "issue_updated",
    "issue_status_updated",
    "issue_closed",
    "incident_open",
    "incident_closed",
    "incident_cancelled",
)


class RuleTestErrors(MistakesFound):
    """The files of tests have mistakes."""


def _one_of(*known: str) -> BeforeValidator:
    def check(value: Any) -> Any:
        if value not in known:
            raise cannot_be(value, known)
        return value

    return BeforeValidator(check)


def _patterns(value: Any) -> Any:
    texts = value if isinstance(value, list) else [value]
    for text in texts:
        if not isinstance(text, str):
            raise Wrong(
                f"must be text, not {said(text)}", 'Write "High", or several as ["a", "b"].'
            )
        pattern(text)
    return value


_Text = Annotated[str, BeforeValidator(_patterns)]
_Texts = Annotated[str | list[str], BeforeValidator(_patterns)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Expected(_Table):
    """What the ticket must be; what is not named may be anything. Texts are patterns as in ``when``.
    Of a list, each pattern must fit a value of the field. ``made = false``: there must be no ticket."""

    made: bool = True
    rule: _Text | None = None
    site: _Text | None = None
    project: _Text | None = None
    issue_type: _Text | None = None
    status: Annotated[str, _one_of(*STATUSES)] | None = None
    target: _Text | None = None
    rejected: _Text | None = None
    fields: dict[str, _Texts] = Field(default_factory=dict)


class SupposedImpact(_Table):
    """An impact that a test supposes: one data product, one owner, and how much is downstream."""

    product: str = ""
    product_priority: str = ""
    owner: str = ""
    count: int = Field(0, ge=0)

    def impact(self) -> Impact:
        """The impact as the API would tell it."""
        there = self.product or self.product_priority
        product = Product(self.product or "A data product", "", "", self.product_priority, True)
        owners = (self.owner,) if self.owner else ()
        return Impact((product,) if there else (), owners, count=self.count)


class Written(_Table):
    """A test: the delivery, what is supposed of it, and what is expected."""

    name: str = Field(min_length=1)
    sample: Annotated[str, _one_of(*SAMPLES)] | None = None
    file: str | None = None
    title: str = ""
    owner: str = ""
    severity: Annotated[str, _one_of(*SEVERITIES)] | None = None
    impact: SupposedImpact | None = None
    expect: Expected


class TestFile(_Table):
    """A file of tests."""

    test: list[Written] = Field(min_length=1)


_LANGUAGE = Language(TestFile, "key", {}, {})


@dataclass(frozen=True, slots=True)
class RuleTest:
    """A test with its place. ``body`` is that of its file, None for a sample."""

    written: Written
    where: Position
    body: bytes | None

    def fits(self, wanted: str, text: str) -> bool:
        """Whether a text is as a pattern wants it. Raises Undecided."""
        return pattern(wanted, str(self.where)).test(text)


def load_tests(folder: Path, files: Iterable[Path] = ()) -> list[RuleTest]:
    """The tests of these files, or of the folder ``tests`` in a folder of rules, in the order of their
    names. Raises RuleTestErrors with every mistake."""
    paths = sorted(files) or sorted((folder / TESTS).glob("*.toml"))
    mistakes = Mistakes()
    if not paths:
        mistakes.add(
            Position(str(folder / TESTS)),
            "",
            "has no tests",
            "Put a file such as default.toml there, with a [[test]].",
        )
    found = [one for path in paths for one in _of_file(path, mistakes)]
    if mistakes:
        raise RuleTestErrors(mistakes.listed())
    return found


def _of_file(path: Path, mistakes: Mistakes) -> list[RuleTest]:
    text = text_of(path, str(path), mistakes)
    file = read(str(path), text, mistakes) if text is not None else None
    if file is None:
        return []
    try:
        shape = TestFile.model_validate(file.data)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            at = path_of(one)
            key = ".".join(str(step) for step in at[2:] if not isinstance(step, int))
            mistakes.wrong(file.position(at), key or "test", in_words(_LANGUAGE, one))
        return []
    tests = []
    for number, written in enumerate(shape.test):
        where = file.position(("test", number))
        try:
            tests.append(RuleTest(written, where, _body(path, written)))
        except Wrong as wrong:
            mistakes.wrong(where, "file" if written.file else "sample", wrong)
    return tests


def _body(path: Path, written: Written) -> bytes | None:
    """The body that a test names. Raises Wrong."""
    if (written.sample is None) == (written.file is None):
        raise Wrong("needs one delivery", "Give either sample or file.")
    if written.file is None:
        return None
    try:
        return (path.parent / written.file).read_bytes()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise Wrong(f"{written.file} cannot be read: {why}", "") from None
