"""What noise leaves out is said: what is not kept any more, and what there was no time for."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import delete, select
from typer.testing import CliRunner

from sync.adapters.coalesce import CoalesceSource
from sync.cli.main import app
from sync.operations.errors import Refused
from sync.operations.noise import Noise, NoiseQuery, noise
from sync.operations.rules import quieter as search
from sync.operations.rules.quieter import Quieter, Replay, quieter, take_over
from sync.operations.rules.save import Expected, save
from sync.store import noise as kept
from sync.store.engine import Store
from sync.store.tables import DeliveryRow, JournalRow
from sync.worker.rulebook.files import RuleFiles
from tests.operations.rules.conftest import Bench
from tests.operations.rules.noisy import DAY, HOUR, LENGTH, MINUTE, Heard, life, live
from tests.walks.world import RULES
from tests.worker.edited import DEFAULTS

SOURCES = {"coalesce": CoalesceSource()}


def flaps(times: int, apart: float = HOUR) -> list[Heard]:
    about = ("freshness", "orders", "Sales")
    return sorted(
        one for n in range(times) for one in life(80 * DAY + n * apart, 6 * MINUTE, "flaps", about)
    )


def seen(bench: Bench, since: str = "90d") -> Noise:
    return noise(bench.world.store, NoiseQuery(since), bench.world.clock.time())


def tried(bench: Bench, files: RuleFiles | None = None, rule: str = "everything") -> Quieter:
    world = bench.world
    replay = Replay(world.store, files or world.files, SOURCES, world.clock.time())
    return quieter(replay, rule, LENGTH)


def forget(store: Store, rows: type[DeliveryRow] | type[JournalRow], words: str = "") -> None:
    with store.write() as session:
        session.exec(delete(rows))


def said(notes: Iterable[str]) -> str:
    return " ".join(notes)


def test_the_numbers_are_the_same_on_every_database(bench_on_each: Bench) -> None:
    live(bench_on_each.world, flaps(2))
    found = seen(bench_on_each)
    (line,) = found.lines
    assert (line.name, line.made, line.reopened, line.unattended) == ("freshness", 1, 1, 2)
    assert (
        noise(bench_on_each.world.store, NoiseQuery(by="owner"), bench_on_each.world.clock.time())
        .lines[0]
        .name
        == "Sales"
    )
    assert "The journal begins at" in said(found.notes)


def test_a_ticket_that_its_subject_has_left_still_counts_for_its_monitor(
    bench_on_each: Bench,
) -> None:
    bench = bench_on_each
    bench.world.edit(RULES.replace("issue_type", 'reopen_within = "10m"\nissue_type', 1))
    live(bench.world, flaps(3))
    (line,) = seen(bench).lines
    # Each came back too late to be opened again.
    assert (line.name, line.made, line.reopened, line.closed) == ("freshness", 3, 0, 3)
    assert line.between == 3240.0


def test_what_a_hold_spared_is_counted(bench: Bench) -> None:
    bench.world.edit(RULES.replace("issue_type", 'hold = "10m"\nissue_type', 1))
    live(bench.world, flaps(3))
    (line,) = seen(bench).lines
    assert (line.name, line.made, line.spared) == ("freshness", 0, 3)


def test_issues_that_opened_a_moment_ago_are_not_spared_by_any_hold(bench: Bench) -> None:
    about = ("freshness", "orders", "Sales")
    opened = [life(LENGTH - MINUTE, HOUR, f"open{n}", about)[0] for n in range(3)]
    live(bench.world, opened)
    found = tried(bench)
    held = [one for one in found.trials if one.key == "hold"]
    assert held
    assert {(one.made, one.fewer) for one in held} == {(3, 0)}


def no_line(found: Quieter) -> bool:
    """Whether a line would make fewer tickets, and is not recommended for all that."""
    fewer = any(one.fewer > 0 for one in found.trials)
    return fewer and found.best is None and "so no line is recommended" in found.words


def test_no_line_is_recommended_against_issues_that_are_all_open(bench: Bench) -> None:
    about = ("freshness", "orders", "Sales")
    live(bench.world, [life(LENGTH - MINUTE, HOUR, f"open{n}", about)[0] for n in range(7)])
    found = tried(bench)
    assert (found.made, found.noisy) == (7, False)
    assert no_line(found)


def test_no_line_is_recommended_against_tickets_that_people_act_on(bench: Bench) -> None:
    about = ("freshness", "orders", "Sales")
    acted = [
        one
        for n in range(3)
        for one in life(80 * DAY + n * DAY, 20 * MINUTE, f"right{n}", about, person=True)
    ]
    live(bench.world, acted)
    assert no_line(tried(bench))
    # One that nobody acts on is noise.
    unattended = life(LENGTH + DAY, 20 * MINUTE, "unattended", about)
    live(bench.world, unattended, until=LENGTH + 2 * DAY)
    assert tried(bench).best is not None


def test_a_line_is_recommended_against_tickets_that_open_again_though_people_act_on_them(
    bench: Bench,
) -> None:
    about = ("freshness", "orders", "Sales")
    acted = [
        one
        for n in range(3)
        for one in life(80 * DAY + n * HOUR, 20 * MINUTE, "again", about, person=True)
    ]
    live(bench.world, acted)
    found = tried(bench)
    assert (found.made, found.reopened, found.best is None) == (1, 2, False)


def test_a_long_journal_is_counted_from_its_newest_entries_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(bench.world, flaps(3))
    monkeypatch.setattr(kept, "MOST_ENTRIES", 6)
    monkeypatch.setattr(kept.begins, "__defaults__", (6,))
    found = seen(bench)
    assert "Only the newest 6 entries of the journal are counted" in said(found.notes)
    assert 0 < found.total.closed < 3


def test_moves_of_an_earlier_version_are_not_counted_and_that_is_said(bench: Bench) -> None:
    live(bench.world, flaps(2))
    with bench.world.store.write() as session:
        for entry in session.exec(select(JournalRow)):
            entry.detail = {}
            session.add(entry)
    found = seen(bench)
    assert (found.total.made, found.total.closed, found.total.reopened) == (1, 0, 0)
    assert "3 moves of an earlier version of ticket-sync" in said(found.notes)


def test_without_deliveries_no_line_is_tried(bench: Bench) -> None:
    live(bench.world, flaps(2))
    forget(bench.world.store, DeliveryRow)
    found = tried(bench)
    assert found.words == "No deliveries are kept from that time, so no line can be tried."
    assert (found.trials, found.best) == ((), None)


def test_many_deliveries_are_replayed_from_the_newest_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(bench.world, flaps(4))
    monkeypatch.setattr(search, "MOST_DELIVERIES", 4)
    monkeypatch.setattr(search, "SECONDS", -1.0)
    found = tried(bench)
    assert "Only the newest 4 deliveries are replayed" in said(found.notes)
    assert found.deliveries <= 5


def test_lines_for_which_there_is_no_time_are_named(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(bench.world, flaps(2))
    monkeypatch.setattr(search, "SECONDS", -1.0)
    found = tried(bench)
    assert found.trials == ()
    assert 'Not tried for want of time: hold = "10m"' in said(found.notes)
    assert found.words.startswith("No line that was tried makes fewer than 1 ticket, opened again")


def test_the_rules_that_come_with_the_program_are_tried_and_saving_makes_a_folder_of_them(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_GROUPS", ())
    shipped = Path("mappings")
    files = RuleFiles(tmp_path / "nowhere", DEFAULTS, shipped)
    rule = files.load().rules.rules[0].name
    bench.world.edit(RULES.replace('"everything"', f'"{rule}"'))
    live(bench.world, flaps(2))
    found = tried(bench, files, rule)
    assert found.best is not None
    at = replace(bench(), files=files)
    draft, line = take_over(at, rule, found.best.key, found.best.value)
    assert line.file == "default.toml"
    # Saving makes the folder.
    save(at, draft.id, Expected(None, 1000))
    assert found.best.text in (tmp_path / "nowhere" / "default.toml").read_text().splitlines()


def test_rules_that_do_not_load_are_told_with_the_first_mistake(bench: Bench) -> None:
    live(bench.world, flaps(2))
    bench.on_disk("rules.toml", '[[rule]]\nname = "everything"\nhold = "soon"\n')
    with pytest.raises(Refused, match=r"The rules cannot be read: mend .* first") as refused:
        tried(bench)
    assert "rules.toml:3" in str(refused.value)


def test_the_verb_reads_the_store_and_prints_the_line_to_write(
    bench: Bench, tmp_path: Path
) -> None:
    world = bench.world
    # The verb looks back from now.
    world.clock.set(time.time() - world.clock.time() - LENGTH)
    config = tmp_path / "config.toml"
    address = world.store.engine.url.render_as_string()
    config.write_text(
        f'[store]\nurl = "{address}"\n[mappings]\ndirectory = "{world.folder}"\n'
        '[coalesce]\nallow_unsigned = true\n[sites.main]\nurl = "https://jira.example.com"\n'
        'token = "t"\nemail = "robot@example.com"\nproject = "DATA"\n'
    )
    done = CliRunner().invoke(app, ["noise", "--config", str(config)])
    assert done.exit_code == 0, done.output
    assert "No ticket came or went in the last 30d." in done.stdout
    for option, words in (
        ("--since=soon", "'soon' is no span of time."),
        ("--by=colour", "There is no 'colour' to go by."),
        ("--rule=nope", "No rule 'nope' has made a ticket. No rule has one yet."),
    ):
        done = CliRunner().invoke(app, ["noise", "--config", str(config), option])
        assert (done.exit_code, words in done.stderr) == (2, True), done.output
