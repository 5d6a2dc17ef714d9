"""The folder of rules may vanish, be empty or hold other things: the last good rules stay in force."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sync.rules import RuleErrors
from sync.sandbox.memory import MemoryTracker
from sync.store.engine import Store
from sync.worker.rulebook.accept import accept
from sync.worker.rulebook.files import RuleFiles
from sync.worker.rulebook.in_force import Rulebook
from tests.walks.world import RULES
from tests.worker.conftest import Make
from tests.worker.edited import DEFAULTS, EditedWorld
from tests.worker.test_rulebook import opened

SHIPPED = RULES.replace('name = "everything"', 'name = "as shipped"').replace("Task", "Bug")


def _gone(folder: Path) -> None:
    shutil.rmtree(folder)


def _a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text(SHIPPED)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def _no_toml(folder: Path) -> None:
    _empty(folder)
    (folder / "RULES.TOML").write_text(SHIPPED)
    (folder / "rules.yaml").write_text("rules: []")


def _a_dead_link(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.symlink_to("/nowhere/rules")


def _hidden_only(folder: Path) -> None:
    _empty(folder)
    (folder / ".rules.toml").write_text(SHIPPED)


TROUBLES: list[Callable[[Path], None]] = [
    _gone,
    _a_file,
    _empty,
    _no_toml,
    _a_dead_link,
    _hidden_only,
]


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    folder = tmp_path / "shipped"
    folder.mkdir()
    (folder / "default.toml").write_text(SHIPPED)
    return folder


def started(world: EditedWorld, shipped: Path | None) -> Rulebook:
    """The rulebook of a daemon that starts now."""
    files = RuleFiles(world.folder, DEFAULTS, shipped)
    book = Rulebook(world.store, files, world.clock)
    book.open()
    world.files, world.book = files, book
    return book


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("set_by_name", [False, True])
def test_at_a_start_the_last_good_rules_stay_and_the_trouble_is_said(
    make: Make,
    jira: MemoryTracker,
    store: Store,
    shipped: Path,
    trouble: Callable[[Path], None],
    set_by_name: bool,
) -> None:
    world = make(store=store)
    opened(world, "a", "b")
    before = [dict(ticket.fields) for ticket in jira.alive]
    known = world.in_force()
    trouble(world.folder)
    book = started(world, None if set_by_name else shipped)
    world.notice()
    opened(world, "c")
    assert [rule.name for rule in book.current().rules] == ["everything"]
    assert [dict(ticket.fields) for ticket in jira.alive][:2] == before
    assert len(jira.alive) == 3
    assert world.in_force() == known
    assert "the rules on disk are not used" in book.detail()
    assert str(world.folder) in book.detail()


@pytest.mark.parametrize("trouble", TROUBLES)
def test_while_running_too_and_the_rules_are_taken_up_when_they_are_back(
    make: Make, jira: MemoryTracker, shipped: Path, trouble: Callable[[Path], None]
) -> None:
    world = make()
    book = started(world, shipped)
    opened(world, "a")
    trouble(world.folder)
    world.notice()
    assert [rule.name for rule in book.current().rules] == ["everything"]
    assert "the rules on disk are not used" in book.detail()
    if world.folder.is_file() or world.folder.is_symlink():
        world.folder.unlink()
    world.folder.mkdir(exist_ok=True)
    world.edit(RULES.replace('labels = ["data-quality"]', 'labels = ["back"]'))
    world.settle()
    assert book.detail() == ""
    assert "back" in jira.alive[0].fields["labels"]


def test_without_a_folder_from_the_first_the_shipped_rules_hold(
    store: Store, tmp_path: Path, shipped: Path, make: Make
) -> None:
    world = make(store=store)
    with store.write_connection() as connection:
        connection.exec_driver_sql("DELETE FROM rule_sets")
    _gone(world.folder)
    book = started(world, shipped)
    assert [rule.name for rule in book.current().rules] == ["as shipped"]
    assert book.notes() == [
        f"there is no folder {world.folder}: the rules that come with ticket-sync are used"
    ]
    # A new version of the program comes with other rules.
    (shipped / "default.toml").write_text(SHIPPED.replace("as shipped", "as shipped now"))
    again = started(world, shipped)
    assert [rule.name for rule in again.current().rules] == ["as shipped now"]
    assert again.detail() == ""


def test_accepting_by_hand_is_the_way_to_the_shipped_rules(make: Make, shipped: Path) -> None:
    world = make()
    _gone(world.folder)
    book = started(world, shipped)
    assert "run `ticket-sync rules accept`" in book.detail()
    accept(world.store, world.files, world.clock.time())
    world.notice()
    assert [rule.name for rule in book.current().rules] == ["as shipped"]
    assert started(world, shipped).detail() == ""


def test_rules_that_cannot_be_used_any_more_do_not_give_way_to_the_shipped_ones(
    make: Make, store: Store, shipped: Path
) -> None:
    world = make(store=store)
    world.write_rules(RULES)
    with store.write_connection() as connection:
        connection.exec_driver_sql('UPDATE rule_sets SET texts = \'{"a.toml": "[[rule"}\'')
    _gone(world.folder)
    with pytest.raises(RuleErrors, match="is not there, but the rules in force came from a folder"):
        started(world, shipped)


def test_what_looks_like_rules_and_is_not_read_is_named(make: Make) -> None:
    world = make()
    for name in ("B.TOML", "c.yaml", "d.toml~", "e.toml.bak", ".hidden.toml", "README.md"):
        (world.folder / name).write_text("")
    (world.folder / "rules.schema.json").write_text("{}")
    (world.folder / "team" / "inner").mkdir(parents=True)
    (world.folder / "team" / "inner" / "f.toml").write_text("")
    (world.folder / "notes").mkdir()
    (world.folder / "..data").mkdir()
    (world.folder / "..data" / "g.toml").write_text("")
    assert world.files.notes() == [
        f"not read in {world.folder}, where only *.toml are rules: "
        "B.TOML, c.yaml, d.toml~, e.toml.bak, team/"
    ]
