"""What a person gets from the command line: help, one paragraph for an error, never a traceback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from sync import __version__
from sync.cli.main import app
from sync.cli.send import Sample
from sync.sandbox.coalesce import SAMPLES
from sync.store import deliveries
from sync.store.engine import open_store
from sync.store.inbox import Accepted, Inbox
from sync.store.migrations import upgrade

ROOT = Path(__file__).parents[2]

GOOD = """
[coalesce]
signing_secrets = ["s"]
[sites.main]
url = "https://jira.example.com"
token = "t"
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("TICKET_SYNC_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def call(*args: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    result = CliRunner().invoke(app, list(args))
    return result.exit_code, result.stdout, result.stderr


def test_without_arguments_the_verbs_are_shown() -> None:
    _, out, err = call()
    for verb in ("serve", "demo", "send", "sandbox", "status", "db", "config"):
        assert f" {verb} " in out + err


@pytest.mark.parametrize(
    "verb",
    ["serve", "demo", "send", "sandbox", "status", "db upgrade", "config example", "config show"],
)
def test_the_help_of_every_verb_teaches_with_an_example(verb: str) -> None:
    code, out, _ = call(*verb.split(), "--help")
    assert code == 0
    assert "Example" in out
    assert f"ticket-sync {verb}" in out


@pytest.mark.proof
@pytest.mark.parametrize(
    "locale",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
    ids=["ascii", "POSIX", "latin-1"],
)
@pytest.mark.parametrize("verb", ["preview --sample issue_created", "dead list", "dead show"])
def test_a_terminal_without_unicode_gets_the_rest_escaped(
    tmp_path: Path, locale: dict[str, str], verb: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(GOOD.replace("token", 'project = "DATA"\ntoken'), "utf-8")
    store = open_store(f"sqlite:///{tmp_path / 'ticket-sync.db'}")
    upgrade(store)
    body = '{"title": "Überfällig → ⏰"}'.encode()
    inbox = Inbox(store)
    row = inbox.accept(Accepted("coalesce", "e", "TYPE_→", body, 1.0)).result(10).id
    inbox.close()
    with store.write() as session:
        deliveries.mark_dead(session, deliveries.next_batch(session, 1)[0], "no ⏰ in it")
    store.close()
    words = [*verb.split(), *([row] if verb == "dead show" else [])]
    ran = subprocess.run(
        [sys.executable, "-m", "sync.cli.main", *words, "--config", str(file)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), **locale},
        capture_output=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert ran.stdout.strip()
    if verb == "dead list":
        assert rb"no \u23f0 in it" in ran.stdout


def test_the_version_is_that_of_the_package() -> None:
    code, out, _ = call("--version")
    assert (code, out) == (0, f"ticket-sync {__version__}\n")


@pytest.mark.proof
def test_help_loads_neither_web_nor_store_and_a_store_without_need_no_migrations() -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from sync.cli.main import app; "
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0; "
        "print({'litestar', 'sqlalchemy', 'jira', 'pydantic', 'jinja2'} & set(sys.modules)); "
        "import sync.bootstrap.stores; print({'alembic'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\nset()\n"


def test_a_misspelt_verb_is_met_with_the_right_one() -> None:
    code, _, err = call("serv")
    assert code == 2
    assert "serve" in err


@pytest.mark.parametrize(
    "verb", ["serve", "status", "db upgrade", "config show", "send --sample ping"]
)
def test_without_a_configuration_it_says_how_to_make_one(verb: str) -> None:
    code, out, err = call(*verb.split())
    assert (code, out) == (2, "")
    assert "config.toml: does not exist. Make one with" in err
    assert "Traceback" not in err


def test_a_single_mistake_is_one_paragraph() -> None:
    Path("config.toml").write_text(GOOD + "[server]\nport = 0.5\n")
    assert call("serve") == (
        2,
        "",
        "The configuration cannot be used. config.toml:8: [server] port: must be a whole number, "
        "not 0.5.\n",
    )


def test_several_mistakes_are_listed_together() -> None:
    Path("config.toml").write_text(GOOD + "[server]\nport = -1\nprot = 1\n")
    assert call("serve") == (
        2,
        "",
        "The configuration cannot be used: 2 mistakes.\n"
        "  config.toml:8: [server] port: must be at least 0, not -1.\n"
        "  config.toml:9: [server] prot: is not a setting here. Did you mean 'port'?\n",
    )


def test_debug_shows_where_an_error_comes_from_wherever_it_stands() -> None:
    for args in (("--debug", "serve"), ("serve", "--debug")):
        result = CliRunner().invoke(app, args)
        assert result.exit_code == 2
        assert result.stderr.startswith("Traceback (most recent call last):")
        assert "sync.settings.load.SettingsError: " in result.stderr


def test_a_defect_of_ours_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("sync.settings.load", broken)
    code, _, err = call("config", "show")
    assert code == 1
    assert err == (
        "ticket-sync failed in a way it did not expect: ZeroDivisionError: division by zero\n"
        "This is a defect. The same command with --debug shows where; please report it with that.\n"
    )


def test_completion_can_be_installed() -> None:
    _, out, _ = call("--help")
    assert "--install-completion" in out


def test_there_is_a_sample_of_every_kind() -> None:
    assert tuple(kind.value for kind in Sample) == SAMPLES


def _commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, (*path, name))


def test_the_help_shows_what_stands_in_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    bracketed = 0
    for path, command in _commands(typer.main.get_command(app)):
        written = " ".join(
            [command.help or "", *(getattr(p, "help", "") or "" for p in command.params)]
        )
        shown = CliRunner().invoke(app, [*path, "--help"]).output
        for part in re.findall(r"\\?(\[[^\]\\]+\])", written):
            assert part in shown, f"{' '.join(path)}: {part}"
            bracketed += 1
    assert bracketed > 10
