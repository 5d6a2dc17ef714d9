"""The verbs about who may: users, tokens, and the log of acts."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sync.bootstrap.http import Background
from sync.cli.main import app
from sync.cli.server import TOKEN_VARIABLE, Server
from sync.operations import tokens
from sync.operations.accounts import Account, Role
from sync.operations.passwords import fits
from sync.operations.tokens import Made
from sync.settings import load
from sync.store.engine import Store, open_store
from sync.web.app import create_admin
from sync.web.gate.local import LocalGate
from sync.web.health import Insight
from sync.web.pages.frame import Desk
from sync.web.server import listen
from tests.walks.conftest import clock, jira, world  # noqa: F401
from tests.web.pages.conftest import Pages, pages  # noqa: F401

CONFIG = """
[coalesce]
allow_unsigned = true
[sites.main]
url = "https://jira.example.com"
token = "t"
"""
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration and an empty store."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(CONFIG, "utf-8")
    shutil.copy(sqlite_template, tmp_path / "ticket-sync.db")
    return tmp_path


@pytest.fixture
def kept(folder: Path) -> Iterator[Store]:
    """The store that the verbs use."""
    store = open_store(f"sqlite:///{folder / 'ticket-sync.db'}")
    yield store
    store.close()


def run(*args: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, list(args), input=typed)


@pytest.mark.parametrize("name", ["dana", "dana@example.com"])
def test_a_user_is_printed_as_the_configuration_takes_it(folder: Path, name: str) -> None:
    done = run("user", "add", name, "--role", "editor", typed=f"{PASSWORD}\n")
    assert done.exit_code == 0, done.output
    assert PASSWORD not in done.output
    user = tomllib.loads(done.stdout)["web"]["users"][name]
    assert user["role"] == "editor"
    assert fits(PASSWORD, user["password_hash"])
    assert not fits(f"{PASSWORD} ", user["password_hash"])
    config = folder / "config.toml"
    config.write_text(f'{CONFIG}[web]\nlogin = "users"\n{done.stdout}', "utf-8")
    assert load(config).web.users[name].role == "editor"


@pytest.mark.parametrize(
    ("args", "typed", "words"),
    [
        (["dana"], "short", "A password has at least 10 characters."),
        (["dana"], "x" * 1001, "A password has at most 1000 characters."),
        (["dana", "--role", "admin"], PASSWORD, "'admin' is no role. There are: viewer, operator"),
        (["token ci"], PASSWORD, "'token ci' cannot name a user."),
    ],
)
def test_a_user_that_cannot_be_is_refused_in_words(args: list[str], typed: str, words: str) -> None:
    done = run("user", "add", *args, typed=typed)
    assert done.exit_code == 2
    assert words in done.stderr


def test_a_token_is_made_listed_used_and_revoked(kept: Store) -> None:
    assert "There are no tokens." in run("token", "list").stdout
    done = run("token", "add", "ci", "--role", "operator", "--days", "30")
    secret = done.stdout.strip()
    assert "it is not shown again" in done.stderr
    account = tokens.account_of(kept, secret, 0.0)
    assert account == Account("token ci", Role.OPERATOR, "token")
    again = run("token", "add", "ci")
    assert (again.exit_code, "There is a token ci already" in again.stderr) == (2, True)
    endless = json.loads(run("token", "add", "other", "--days", "0", "--json").stdout)
    assert endless["until"] is None
    listed = run("token", "list").stdout
    assert secret not in listed
    for part in ("ci", "operator", "command line on", "no end"):
        assert part in listed
    assert "Revoked the token ci." in run("token", "revoke", "ci").stdout
    gone = run("token", "revoke", "ci")
    assert (gone.exit_code, "There is no token ci." in gone.stderr) == (1, True)
    assert tokens.account_of(kept, secret, 0.0) is None
    assert [one["name"] for one in json.loads(run("token", "list", "--json").stdout)] == ["other"]


def test_what_verbs_do_is_in_the_log_with_the_machine_that_did_it() -> None:
    assert "Nobody has done anything yet." in run("log").stdout
    run("token", "add", "ci")
    run("upstream", "accept", "--rule", "stale tables")
    done = run("log", "--json")
    found = json.loads(done.stdout)
    assert [(one["act"], one["about"]) for one in found] == [
        ("upstream accept", "stale tables"),
        ("token add", "ci"),
    ]
    assert all(one["account"].startswith("command line on ") for one in found)
    assert found[0]["words"] == "Nothing of rule 'stale tables' waits."
    assert "upstream accept stale tables" in run("log", "--act", "upstream accept").stdout
    assert "No act fits." in run("log", "--who", "nobody").stdout
    assert len(json.loads(run("log", "--limit", "1", "--json").stdout)) == 1


def test_the_log_and_an_act_by_a_daemon_without_a_token(
    pages: Pages,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    desk = Desk(pages.desk.deployment, LocalGate())
    server = Background(
        create_admin(Insight(desk=desk)), listen("127.0.0.1", 0), name="admin", grace=1.0
    )
    server.start()
    try:
        made = Server(server.url).post("/tokens", Made, {"name": "ci"})
        assert made.role == "viewer"
        done = run("log", "--server", server.url, "--json")
        assert [one["account"] for one in json.loads(done.stdout)] == ["local"]
    finally:
        server.stop(5)
