"""Every mistake is named: where, which key, what is wrong, what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync.settings import SettingsError, load

# A configuration without mistakes; a case replaces or adds lines.
GOOD = """\
[coalesce]
signing_secrets = ["s"]
[sites.main]
url = "https://jira.example.com"
token = "t"
"""


def mistakes(text: str) -> list[str]:
    Path("config.toml").write_text(text, "utf-8")
    with pytest.raises(SettingsError) as error:
        load()
    return [str(mistake) for mistake in error.value.mistakes]


CASES = {
    "a misspelt key": (
        GOOD + 'emial = "x"\n',
        "config.toml:6: [sites.main] emial: is not a setting here. Did you mean 'email'?",
    ),
    "a misspelt section": (
        GOOD + "[severs]\nport = 1\n",
        "config.toml:6: severs: is not a setting here. Did you mean 'server'?",
    ),
    "a key in the wrong section": (
        GOOD + "[server]\nallow_unsigned = true\n",
        "config.toml:7: [server] allow_unsigned: is not a setting here. It belongs in [coalesce].",
    ),
    "a key that nothing resembles": (
        GOOD + "[log]\ncolour = 1\n",
        "config.toml:7: [log] colour: is not a setting here. Known here: level, format.",
    ),
    "a word for a number": (
        GOOD + '[server]\nport = "http"\n',
        "config.toml:7: [server] port: must be a whole number, not 'http'.",
    ),
    "a number out of range": (
        GOOD + "[server]\nport = 70000\n",
        "config.toml:7: [server] port: must be at most 65535, not 70000.",
    ),
    "an address for people that is that of webhooks": (
        GOOD + "[server]\nport = 8080\nadmin_port = 8080\n",
        "config.toml:8: [server] admin_port: is the port that webhooks come to. "
        "Name another, or remove it: then one address serves all.",
    ),
    "an address for people without a port": (
        GOOD + '[server]\nadmin_host = "0.0.0.0"\n',
        "config.toml:7: [server] admin_host: is an address without a port. "
        "Set admin_port as well, or remove admin_host: then one address serves all.",
    ),
    "a port for people out of range": (
        GOOD + "[server]\nadmin_port = 70000\n",
        "config.toml:7: [server] admin_port: must be at most 65535, not 70000.",
    ),
    "a table for a number": (
        GOOD + "[server.port]\nx = 1\n",
        "config.toml:6: [server] port: must be a whole number, not { x = 1 }.",
    ),
    "a number for a table": (
        "server = 1\n" + GOOD,
        "config.toml:1: server: must be a table, not 1. Write its keys under [server].",
    ),
    "a word for a switch": (
        GOOD.replace("[sites", 'allow_unsigned = "perhaps"\n[sites'),
        "config.toml:3: [coalesce] allow_unsigned: must be true or false, not 'perhaps'. "
        "Write true or false, without quotes.",
    ),
    "a duration in prose": (
        GOOD.replace("[sites", 'replay_window = "3 quarters"\n[sites'),
        "config.toml:3: [coalesce] replay_window: '3 quarters' is not a duration. "
        'Write it as "45m", "10s", "7d", "1h30m", or as a number of seconds.',
    ),
    "a switch for a number": (
        GOOD + "[server]\nport = true\n",
        "config.toml:7: [server] port: must be a whole number, not true.",
    ),
    "a size that nothing has": (
        GOOD + '[server]\nmax_body = "9999999GiB"\n',
        "config.toml:7: [server] max_body: must be at most 33554432, not '9999999GiB'.",
    ),
    "a number of thousands of digits": (
        GOOD + f"[server]\nport = {'9' * 5000}\n",
        "config.toml:7: has a number of thousands of digits. No value is so large; correct it.",
    ),
    "lists in lists in lists": (
        GOOD + f"x = {'[' * 5000}{']' * 5000}\n",
        "config.toml: has lists or tables within each other, hundreds deep. "
        "Nothing here is nested so deep; remove them.",
    ),
    "a path with a NUL": (
        GOOD + '[store]\nurl = "sqlite:///a\\u0000b"\n',
        "config.toml:7: [store] url: has a NUL character in it, which no path has. "
        "Correct the path.",
    ),
    "settings for SQLite in the address": (
        GOOD + '[store]\nurl = "sqlite:///t.db?mode=ro"\n',
        "config.toml:7: [store] url: has settings after a '?', which are not taken for SQLite. "
        'Give the file alone: "sqlite:///ticket-sync.db". A ? in its name is written %3F.',
    ),
    "a size in prose": (
        GOOD + '[server]\nmax_body = "big"\n',
        "config.toml:7: [server] max_body: 'big' is not a size. "
        'Write it as "1MiB", "512KiB", or as a number of bytes.',
    ),
    "a choice that does not exist": (
        GOOD + '[log]\nlevel = "loud"\n',
        "config.toml:7: [log] level: cannot be 'loud'. Known here: debug, info, warning, error.",
    ),
    "a secret from a variable that is not set": (
        GOOD.replace('["s"]', '["s", { env = "NOT_SET" }]'),
        "config.toml:2: [coalesce] signing_secrets[1]: the environment variable NOT_SET is not set. "
        'Set NOT_SET, or give the secret as a file: { file = "path" }.',
    ),
    "a secret from a file that is not there": (
        GOOD.replace('"t"', '{ file = "/nowhere/token" }'),
        "config.toml:5: [sites.main] token: the file /nowhere/token cannot be read (No such file or "
        "directory). Put the secret in that file, readable by the account that runs ticket-sync.",
    ),
    "a secret in a form of its own": (
        GOOD.replace('"t"', '{ vault = "x" }'),
        "config.toml:5: [sites.main] token: { vault = … } is no way to give a secret. "
        'Write it as text, as { env = "NAME" } or as { file = "path" }.',
    ),
    "no signing secret": (
        GOOD.replace('signing_secrets = ["s"]', ""),
        "config.toml:1: [coalesce] signing_secrets: is not set, so no delivery could be trusted. "
        'Set signing_secrets = [{ env = "COALESCE_SIGNING_SECRET" }] to the secret of the webhook '
        "integration; to accept unsigned deliveries on purpose, set allow_unsigned = true.",
    ),
    "an empty signing secret": (
        GOOD.replace('["s"]', '["s", " "]'),
        "config.toml:2: [coalesce] signing_secrets[1]: is empty. "
        "Give the signing secret of the webhook integration.",
    ),
    "an empty secret of webhooks": (
        GOOD + 'webhook_secrets = ["s", ""]\n',
        "config.toml:6: [sites.main] webhook_secrets[1]: is empty. "
        "Give the secret that the webhook has in Jira, or remove the entry.",
    ),
    "an empty secret that is sent along": (
        GOOD + 'webhook_header_secrets = ""\n',
        "config.toml:6: [sites.main] webhook_header_secrets[0]: is empty. "
        "Give the secret that the webhook has in Jira, or remove the entry.",
    ),
    "a secret that signs and is sent": (
        GOOD + 'webhook_secrets = ["planted"]\nwebhook_header_secrets = ["other", "planted"]\n',
        "config.toml:7: [sites.main] webhook_header_secrets[1]: is also among webhook_secrets, whose "
        "secrets sign and are never sent. Make another secret for those who send it along.",
    ),
    "half of the API's credentials": (
        GOOD + '[coalesce.api]\nclient_id = "x"\n',
        "config.toml:6: [coalesce.api] client_secret: is missing beside client_id. "
        "Give both, or neither.",
    ),
    "no site": (
        GOOD.partition("[sites")[0],
        "config.toml: sites: names no Jira site. Add one: a table [sites.main] with "
        'url = "https://your-team.atlassian.net", email, token = { env = "JIRA_TOKEN" } and '
        'project = "KEY".',
    ),
    "a site without an address": (
        GOOD.replace('url = "https://jira.example.com"\n', ""),
        "config.toml:3: [sites.main] url: is missing. "
        'Set it to the address of the site: url = "https://your-team.atlassian.net".',
    ),
    "a site without a token": (
        GOOD.replace('token = "t"\n', ""),
        "config.toml:3: [sites.main] token: is missing; Jira wants an API token or personal access "
        'token. Set token = { env = "JIRA_TOKEN" }.',
    ),
    "Cloud with a user and a password": (
        GOOD.replace('token = "t"', 'user = "bot"\npassword = "p"') + 'deployment = "cloud"\n',
        "config.toml:5: [sites.main] user: is given, but Jira Cloud takes an API token. "
        "Set email and token instead, or token alone.",
    ),
    "Data Center with an email address": (
        GOOD + 'deployment = "datacenter"\nemail = "a@example.com"\n',
        "config.toml:7: [sites.main] email: is given, but Data Center takes a personal access token "
        "alone. Remove email; to log in by name, set user and password and remove token.",
    ),
    "a token over plain http": (
        GOOD.replace("https://jira", "http://jira"),
        "config.toml:4: [sites.main] url: would send the token unencrypted. "
        "Use an https:// address; if the way there is private, set allow_http = true.",
    ),
    "the address of a page": (
        GOOD.replace("example.com", "example.com/browse/DATA-1"),
        "config.toml:4: [sites.main] url: goes too far, into /browse/DATA-1. "
        'Give the site alone: "https://jira.example.com".',
    ),
    "an address without scheme": (
        GOOD.replace("https://", ""),
        "config.toml:4: [sites.main] url: 'jira.example.com' is not a web address. "
        'Write it as "https://host" or "http://host:port".',
    ),
    "a project's name for its key": (
        GOOD + 'project = "Data team"\n',
        "config.toml:6: [sites.main] project: 'Data team' is not a Jira project key. "
        "A key looks like DATA: the part before the dash in DATA-123, in capitals.",
    ),
    "a scoped token's address without one for people": (
        GOOD.replace("jira.example.com", "api.atlassian.com/ex/jira/1"),
        "config.toml:3: [sites.main] browse_url: is missing; people cannot open tickets at "
        'api.atlassian.com. Set browse_url = "https://your-team.atlassian.net".',
    ),
    "a site's name that cannot be one": (
        GOOD.replace("sites.main", 'sites."My Jira"'),
        "config.toml:3: [sites] My Jira: 'My Jira' cannot name a site. "
        "Use small letters and digits, with single - or _ between them.",
    ),
    "a default site that does not exist": (
        'default_site = "other"\n' + GOOD,
        "config.toml:1: default_site: names 'other', which is not under [sites]. Name one of: main.",
    ),
    "certificates that do not exist": (
        GOOD + 'ca_bundle = "/nowhere.pem"\n',
        "config.toml:6: [sites.main] ca_bundle: there is no file /nowhere.pem. "
        "Correct the path, or remove it.",
    ),
    "another database": (
        GOOD + '[store]\nurl = "mysql://x"\n',
        "config.toml:7: [store] url: is neither SQLite nor PostgreSQL. Write "
        '"sqlite:///ticket-sync.db" or "postgresql+psycopg://user:password@host/name".',
    ),
    "a database in memory": (
        GOOD + '[store]\nurl = "sqlite:///:memory:"\n',
        "config.toml:7: [store] url: a database in memory forgets everything at the end. "
        'Name a file: "sqlite:///ticket-sync.db".',
    ),
    "half a crontab line": (
        GOOD + '[sweeps.own]\ncron = "* *"\n',
        "config.toml:7: [sweeps.own] cron: '* *' does not have the five fields of cron. Write "
        'minute, hour, day, month, weekday: "*/15 * * * *". Times are UTC.',
    ),
    "text without quotes": (
        GOOD + "project = DATA\n",
        "config.toml:6: is not TOML: a value is missing, or text stands without "
        "quotes (column 11). Put text in quotes.",
    ),
    "a key twice": (
        GOOD + 'token = "u"\n',
        "config.toml:6: is not TOML: a key is written twice, first in line 5 (column 12). Keep one "
        "of them.",
    ),
}


@pytest.mark.parametrize(("text", "message"), CASES.values(), ids=CASES.keys())
def test_a_mistake_is_named_in_these_words(text: str, message: str) -> None:
    assert mistakes(text) == [message]


@pytest.mark.parametrize(
    "rest",
    [
        "user:se@cret@127.0.0.1:1/db",
        "user:se@cr:et@127.0.0.1:1/db",
        "user:se@cr/et@127.0.0.1:1/db",
        "us/er:secret@127.0.0.1/db",
        "us er:secret@127.0.0.1:port/db",
        "user:secret@host:99999/db",
        "user:secret@[bad/db",
        "user:secret@ho st/db",
        "user@host/db?password=secret",
    ],
)
def test_an_address_that_cannot_be_read_is_told_without_any_part_of_it(rest: str) -> None:
    (told,) = mistakes(GOOD + f'[store]\nurl = "postgresql://{rest}"\n')
    assert told.startswith("config.toml:7: [store] url: has a")
    assert "%40" in told
    for part in ("secret", "cret", "se@", "et@", "127.0.0.1"):
        assert part not in told


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file() -> None:
    found = mistakes(
        GOOD.replace("https", "http")
        + 'emial = "x"\nproject = "data"\n[server]\nport = "x"\nprot = 1\n[log]\nlevel = 3\n'
    )
    assert [line.partition(": ")[0] for line in found] == [
        f"config.toml:{line}" for line in (4, 6, 7, 9, 10, 12)
    ]


def test_a_mistake_in_the_environment_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKET_SYNC_SERVER__PORT", "x")
    monkeypatch.setenv("TICKET_SYNC_SERVR__PORT", "1")
    monkeypatch.setenv("TICKET_SYNC_SERVER__PROT", "1")
    assert mistakes(GOOD) == [
        "environment variable TICKET_SYNC_SERVER__PORT: [server] port: must be a whole number, "
        "not 'x'.",
        "environment variable TICKET_SYNC_SERVER__PROT: [server] prot: is not a setting here. "
        "Did you mean 'port'?",
        "environment variable TICKET_SYNC_SERVR__PORT: servr: is not a section. "
        "Did you mean TICKET_SYNC_SERVER__…?",
    ]


def test_a_missing_file_says_how_to_make_one() -> None:
    with pytest.raises(SettingsError) as error:
        load()
    assert str(error.value) == (
        "config.toml: does not exist. Make one with `ticket-sync init`, "
        "which asks for your Jira site, or name another with --config. To look around without one: "
        "`ticket-sync demo`."
    )


def test_plain_http_is_fine_to_this_machine_or_when_allowed() -> None:
    for address in ("http://127.0.0.1:8080", "http://localhost", "http://[::1]:1"):
        Path("config.toml").write_text(GOOD.replace("https://jira.example.com", address))
        assert load().sites["main"].url == address
    Path("config.toml").write_text(GOOD.replace("https", "http") + "allow_http = true\n")
    assert load().sites["main"].allow_http


def test_a_file_that_is_not_text_is_named() -> None:
    Path("config.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="is not UTF-8 text"):
        load()


def test_a_lease_shorter_than_a_call_is_refused_with_the_least_that_will_do() -> None:
    assert mistakes(GOOD + '[worker]\nlease = "20s"\n') == [
        f"config.toml:{len(GOOD.splitlines()) + 2}: [worker] lease: is shorter than a call to the site "
        "'main' may take; another worker would take the ticket while the call is under way. "
        'Write at least "40s", or shorten the timeouts of [sites.main].'
    ]
