"""docs/architecture.md shows the house as it is: every room, table, state and file, and nothing else."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
from sqlmodel import SQLModel

import sync.store.admin_tables  # noqa: F401  (fills the metadata)
from sync.domain import errors
from sync.domain.actions import Action
from sync.domain.intent import IntentKind
from sync.domain.ticket import Base
from sync.store.tables import DeliveryState, RunResult, TicketState

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
NOT_ROOMS = {"sync", "sync/store/migrations/versions"}


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.S | re.M)
    assert found, f"docs/architecture.md has no section {title!r}"
    return found[1]


def named(title: str) -> list[str]:
    """What stands in the first column of the tables of a section."""
    return re.findall(r"^\| `([^`]+)` \|", section(title), re.M)


def quoted(text: str) -> set[str]:
    without_diagrams = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    return set(re.findall(r"`([^`\n]+)`", without_diagrams))


def test_every_room_is_on_the_page_and_nothing_else() -> None:
    packages = {str(path.parent.relative_to(ROOT)) for path in ROOT.glob("sync/**/__init__.py")}
    modules = {str(path.relative_to(ROOT)) for path in ROOT.glob("sync/*.py")} - {
        "sync/__init__.py"
    }
    assert sorted(named("Rooms")) == sorted((packages - NOT_ROOMS) | modules)


def test_every_table_is_on_the_page_and_nothing_else() -> None:
    tables, members = set(SQLModel.metadata.tables), {field.name for field in fields(Base)}
    assert set(named("Where state lives")) == tables | members
    assert len(named("Where state lives")) == len(tables) + len(members)


def test_every_state_of_a_ticket_is_in_its_table_and_in_the_diagram() -> None:
    states = {state.value for state in TicketState}
    assert set(named("A ticket's states")) == states
    diagram = re.search(r"stateDiagram-v2\n(.*?)```", section("A ticket's states"), re.S)
    assert diagram
    drawn = set(re.findall(r"^\s+(\S+) --> (\S+):", diagram[1], re.M))
    assert {end for arrow in drawn for end in arrow} - {"[*]"} == states


@pytest.mark.parametrize("kinds", [DeliveryState, RunResult])
def test_every_state_of_deliveries_and_of_runs_is_named(
    kinds: type[DeliveryState] | type[RunResult],
) -> None:
    assert {kind.value for kind in kinds} <= quoted(section("A ticket's states"))


def test_every_kind_of_intent_is_named() -> None:
    assert {kind.value for kind in IntentKind} <= quoted(section("Where state lives"))


def test_every_action_and_every_fault_is_named_and_nothing_else() -> None:
    actions = {action.__name__ for action in get_args(Action)}
    faults = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.Fault) and value is not errors.Fault
    }
    capital = {word for word in quoted(section("A walk")) if re.fullmatch(r"[A-Z][A-Za-z]+", word)}
    assert capital == actions | faults


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/**/*.md")) + sorted(ROOT.glob("*.md")))
def test_each_file_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    for name in re.findall(r"`((?:sync|tests|docs|proof|benchmarks)/[\w./-]*)`", text):
        assert (ROOT / name).exists(), name
    for link in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text):
        assert (page.parent / link).exists(), link


def test_each_decision_is_in_the_list_of_decisions() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"^\| \[\d+\]\(([^)]+)\)", (folder / "README.md").read_text("utf-8"), re.M)
    assert listed == sorted(path.name for path in folder.glob("0*.md"))
    for name in listed:
        headings = re.findall(r"^## (.+)$", (folder / name).read_text("utf-8"), re.M)
        assert headings == ["Context", "Decision", "Consequences", "What was tried"], name
