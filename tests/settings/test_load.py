"""From file, environment and defaults to settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from sync.settings import Secrets, Settings, SettingsError, lease_of, load, shipped

GOOD = """
[coalesce]
signing_secrets = ["one"]
[sites.main]
url = "https://jira.example.com/"
token = "pat"
project = "DATA"
"""


def written(text: str = GOOD, more: str = "", name: str = "config.toml") -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + more, "utf-8")
    return path


def test_the_file_is_found_in_the_working_directory(folder: Path) -> None:
    written()
    settings = load()
    assert settings.position(("sites", "main")).file == "config.toml"
    assert settings.sites["main"].url == "https://jira.example.com"
    assert settings.coalesce.signing_secrets[0].get_secret_value() == "one"


def test_a_variable_names_the_file_and_the_option_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    written(name="a/one.toml")
    two = written(more="[server]\nport = 2\n", name="b/two.toml")
    monkeypatch.setenv("TICKET_SYNC_CONFIG", "a/one.toml")
    assert load().server.port == 8080
    assert load(two).server.port == 2


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    written(more="[server]\nport = 2\n")
    monkeypatch.setenv("TICKET_SYNC_SERVER__PORT", "9000")
    monkeypatch.setenv("TICKET_SYNC_SITES__MAIN__TOKEN", "from-outside")
    monkeypatch.setenv("TICKET_SYNC_SITES__MAIN__READ_TIMEOUT", "1m")
    monkeypatch.setenv("TICKET_SYNC_DEFAULT_SITE", "main")
    settings = load()
    assert settings.server.port == 9000
    assert settings.sites["main"].token.get_secret_value() == "from-outside"
    assert settings.sites["main"].read_timeout == 60
    assert settings.sites["main"].project == "DATA"
    assert settings.default_site == "main"


@pytest.mark.parametrize(
    ("value", "secrets"),
    [("single", ["single"]), ('["a", "b"]', ["a", "b"]), ('{"env": "OTHER"}', ["elsewhere"])],
)
def test_secrets_from_the_environment_may_be_one_or_a_list(
    monkeypatch: pytest.MonkeyPatch, value: str, secrets: list[str]
) -> None:
    written()
    monkeypatch.setenv("OTHER", "elsewhere")
    monkeypatch.setenv("TICKET_SYNC_COALESCE__SIGNING_SECRETS", value)
    found = [secret.get_secret_value() for secret in load().coalesce.signing_secrets]
    assert found == secrets


def test_variables_that_an_orchestrator_sets_for_a_service_are_no_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written()
    monkeypatch.setenv("TICKET_SYNC_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("TICKET_SYNC_PORT", "tcp://10.0.0.1:80")
    monkeypatch.setenv("TICKET_SYNC_PORT_80_TCP_PROTO", "tcp")
    assert load().server.port == 8080


def test_secrets_come_from_variables_and_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "etc").mkdir()
    (folder / "etc" / "secret").write_text("from a file\r\n")
    monkeypatch.setenv("MY_TOKEN", "from-a-variable")
    path = written(
        """
        [coalesce]
        signing_secrets = [{ file = "secret" }]
        [sites.main]
        url = "https://jira.example.com"
        token = { env = "MY_TOKEN" }
        """,
        name="etc/config.toml",
    )
    settings = load(path)
    assert settings.coalesce.signing_secrets[0].get_secret_value() == "from a file"
    assert settings.sites["main"].token.get_secret_value() == "from-a-variable"


def test_secrets_never_show(monkeypatch: pytest.MonkeyPatch) -> None:
    written(GOOD.replace('"one"', '"hunter2"').replace('"pat"', '"hunter2"'))
    monkeypatch.setenv("TICKET_SYNC_STORE__URL", "postgresql://me:hunter2@db.example.com/x")
    monkeypatch.setenv("TICKET_SYNC_COALESCE__API__CLIENT_ID", "me")
    monkeypatch.setenv("TICKET_SYNC_COALESCE__API__CLIENT_SECRET", "hunter2")
    settings = load()
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_a_verb_that_needs_no_secrets_does_without(folder: Path) -> None:
    written(GOOD.replace('"one"', '{ env = "UNSET_1" }').replace('"pat"', '{ file = "unset" }'))
    assert load(secrets=Secrets.UNNEEDED).store.url.get_secret_value().startswith("sqlite:///")
    with pytest.raises(SettingsError):
        load()


def test_relative_paths_start_at_the_file(folder: Path) -> None:
    path = written(more='[mappings]\ndirectory = "rules"\n', name="etc/config.toml")
    (folder / "etc" / "rules").mkdir()
    settings = load(path)
    assert settings.rules_folder == folder / "etc" / "rules"
    assert settings.store.url.get_secret_value() == f"sqlite:///{folder}/etc/ticket-sync.db"


def test_without_a_folder_of_rules_those_that_come_with_the_program_hold(folder: Path) -> None:
    written()
    assert load().rules_folder == shipped("mappings")
    (folder / "mappings").mkdir()
    assert load().rules_folder == folder / "mappings"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("postgres://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql+psycopg://u@h/d", "postgresql+psycopg://u@h/d"),
        (
            "postgresql://u:p%40x:y@[::1]:5432/d?sslmode=require",
            "postgresql+psycopg://u:p%40x:y@[::1]:5432/d?sslmode=require",
        ),
        ("postgresql:///d?host=/run/postgresql", "postgresql+psycopg:///d?host=/run/postgresql"),
        ("sqlite:////var/lib/x.db", "sqlite:////var/lib/x.db"),
        ("sqlite:////var/50%/a%20b%3F.db", "sqlite:////var/50%25/a b%3F.db"),
    ],
)
def test_store_addresses_are_understood(given: str, url: str) -> None:
    written(more=f'[store]\nurl = "{given}"\n')
    assert load().store.url.get_secret_value() == url


@pytest.mark.parametrize(
    ("written_as", "seconds"),
    [
        ('"45m"', 2700),
        ('"10s"', 10),
        ('"7d"', 604800),
        ('"1h30m"', 5400),
        ('"1h 30m"', 5400),
        ('"0.5h"', 1800),
        ("90", 90),
        ("1.5", 1.5),
        ('"90"', 90),
        ('"250ms"', 0.25),
        ('"2w"', 1209600),
    ],
)
def test_durations(written_as: str, seconds: float) -> None:
    written(GOOD.replace("[sites.main]", f"replay_window = {written_as}\n[sites.main]"))
    assert load().coalesce.replay_window == seconds


@pytest.mark.parametrize(
    ("written_as", "size"), [('"1MiB"', 1048576), ('"2 MB"', 2000000), ("4096", 4096)]
)
def test_sizes(written_as: str, size: int) -> None:
    written(more=f"[server]\nmax_body = {written_as}\n")
    assert load().server.max_body == size


def test_the_default_site_is_the_only_one_or_the_named_one() -> None:
    written()
    assert load().site_by_default == "main"
    second = '[sites.eu]\nurl = "https://eu.example.com"\ntoken = "x"\n'
    written(more=second)
    assert load().site_by_default == ""
    written('default_site = "eu"\n' + GOOD, more=second)
    assert load().site_by_default == "eu"


def test_settings_are_frozen() -> None:
    written()
    settings = load()
    with pytest.raises(ValidationError):
        settings.server.port = 1  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.default_site = "x"  # type: ignore[misc]
    assert isinstance(settings, Settings)


def test_a_lease_is_long_enough_for_the_calls_of_every_site() -> None:
    written(more='[worker]\nlease = "40s"\n')
    assert lease_of(load()) == 5 + 30 + 20
    written(more='[worker]\nlease = "2m"\n')
    assert lease_of(load()) == 120
