"""Settings without a file: everything from the environment, and secrets that systemd hands over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.settings import Secrets, SettingsError, load
from sync.settings.show import as_toml, secret_from

ALL = {
    "COALESCE__SIGNING_SECRETS": "one",
    "SITES__MAIN__URL": "https://jira.example.com",
    "SITES__MAIN__TOKEN": "pat",
    "SITES__MAIN__PROJECT": "DATA",
}


def put(monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    for name, value in {**ALL, **more}.items():
        monkeypatch.setenv(f"TICKET_SYNC_{name}", value)


def mistakes(chosen: Path | None = None) -> list[str]:
    with pytest.raises(SettingsError) as error:
        load(chosen)
    return [str(mistake) for mistake in error.value.mistakes]


@pytest.fixture
def pipe() -> Iterator[int]:
    """The end of a pipe from which a short configuration can be read."""
    reading, writing = os.pipe()
    os.write(writing, b"[server]\nport = 9000\n[store]\nurl = 'sqlite:///here.db'\n")
    os.close(writing)
    yield reading
    os.close(reading)


def test_the_environment_alone_is_enough(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, MAPPINGS__DIRECTORY="rules")
    settings = load()
    assert settings.file is None
    assert settings.sites["main"].project == "DATA"
    assert settings.rules_folder == folder / "rules"
    assert settings.store.url.get_secret_value() == f"sqlite:///{folder}/ticket-sync.db"
    assert "# environment variable TICKET_SYNC_SITES__MAIN__URL" in as_toml(settings)


def test_an_empty_device_and_an_empty_file_say_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(monkeypatch, CONFIG="/dev/null")
    assert load().sites["main"].project == "DATA"
    (folder / "empty.toml").write_text("\n")
    put(monkeypatch, CONFIG="empty.toml")
    assert load().sites["main"].project == "DATA"


def test_a_configuration_may_come_through_a_pipe(
    folder: Path, monkeypatch: pytest.MonkeyPatch, pipe: int
) -> None:
    put(monkeypatch)
    settings = load(Path(f"/dev/fd/{pipe}"))
    assert settings.server.port == 9000
    assert settings.store.url.get_secret_value() == f"sqlite:///{folder}/here.db"
    assert settings.file is None


def test_paths_in_a_file_that_was_opened_for_the_program_start_where_it_was_started(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(monkeypatch)
    (folder / "etc").mkdir()
    (folder / "etc" / "some.toml").write_text("[store]\nurl = 'sqlite:///here.db'\n")
    with (folder / "etc" / "some.toml").open() as opened:
        settings = load(Path(f"/dev/fd/{opened.fileno()}"))
    assert settings.store.url.get_secret_value() == f"sqlite:///{folder}/here.db"
    assert not settings.lasting


def test_what_is_missing_is_named_by_key_and_by_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKET_SYNC_SITES__MAIN__PROJECT", "DATA")
    assert mistakes() == [
        "environment variable TICKET_SYNC_COALESCE__SIGNING_SECRETS: [coalesce] signing_secrets: is "
        "not set, so no delivery could be trusted. Set the variable. In a configuration file: Set "
        'signing_secrets = [{ env = "COALESCE_SIGNING_SECRET" }] to the secret of the webhook '
        "integration; to accept unsigned deliveries on purpose, set allow_unsigned = true.",
        "environment variable TICKET_SYNC_SITES__MAIN__URL: [sites.main] url: is missing. Set the "
        "variable. In a configuration file: Set it to the address of the site: url = "
        '"https://your-team.atlassian.net".',
    ]


def test_without_a_site_the_variables_of_one_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKET_SYNC_COALESCE__SIGNING_SECRETS", "one")
    assert mistakes() == [
        "environment variable TICKET_SYNC_SITES: sites: names no Jira site. Set "
        "TICKET_SYNC_SITES__MAIN__URL, TICKET_SYNC_SITES__MAIN__EMAIL, TICKET_SYNC_SITES__MAIN__TOKEN "
        "and TICKET_SYNC_SITES__MAIN__PROJECT, or make a file with `ticket-sync init`."
    ]


def test_variables_that_are_no_settings_do_not_stand_in_for_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TICKET_SYNC_PORT", "tcp://10.0.0.1:80")
    monkeypatch.setenv("TICKET_SYNC_TOKEN", "of-the-api")
    assert mistakes()[0].startswith("config.toml: does not exist. Make one with")


def test_a_file_that_is_named_has_to_be_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(monkeypatch)
    assert mistakes(Path("other.toml"))[0].startswith("other.toml: does not exist.")
    # A file that is not mounted yet, say.
    (folder / "config.toml").symlink_to("elsewhere/config.toml")
    assert mistakes()[0].startswith("config.toml: does not exist.")


def test_a_variable_may_name_the_file_of_a_secret(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "token").write_text("from a file\n".replace(" ", "-"))
    put(monkeypatch)
    monkeypatch.delenv("TICKET_SYNC_SITES__MAIN__TOKEN")
    monkeypatch.setenv("TICKET_SYNC_SITES__MAIN__TOKEN__FILE", "token")
    settings = load()
    assert settings.sites["main"].token.get_secret_value() == "from-a-file"
    monkeypatch.setenv("TICKET_SYNC_SITES__MAIN__TOKEN__FILE", "gone")
    assert mistakes()[0].startswith(
        "environment variable TICKET_SYNC_SITES__MAIN__TOKEN__FILE: [sites.main] token: the file "
    )


def test_the_place_of_a_secret_in_the_environment_replaces_that_in_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "token").write_text("from-a-file")
    (folder / "config.toml").write_text('[sites.main]\ntoken = { env = "UNSET" }\n')
    put(monkeypatch)
    monkeypatch.delenv("TICKET_SYNC_SITES__MAIN__TOKEN")
    monkeypatch.setenv("TICKET_SYNC_SITES__MAIN__TOKEN__FILE", "token")
    assert load().sites["main"].token.get_secret_value() == "from-a-file"


def test_a_secret_may_be_a_credential_of_systemd(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "jira-token").write_text("handed-over\n")
    put(monkeypatch)
    monkeypatch.delenv("TICKET_SYNC_SITES__MAIN__TOKEN")
    (folder / "config.toml").write_text('[sites.main]\ntoken = { credential = "jira-token" }\n')
    assert mistakes() == [
        "config.toml:2: [sites.main] token: the credential jira-token cannot be read "
        "(CREDENTIALS_DIRECTORY is not set). Have systemd load it: write LoadCredential=NAME:/path "
        "into the unit, and NAME here."
    ]
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    settings = load()
    assert settings.sites["main"].token.get_secret_value() == "handed-over"
    assert (
        secret_from(settings, ("sites", "main", "token")) == "set, from the credential jira-token"
    )
    (folder / "config.toml").write_text('[sites.main]\ntoken = { credential = "../token" }\n')
    assert "'../token' is a path" in mistakes()[0]
    load(secrets=Secrets.UNNEEDED)
