"""``check`` as it is called: configuration, rules and a Jira on a socket; exit codes for CI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sync.bootstrap.simulated import SimulatedJira, start_jira
from sync.cli.main import app
from sync.sandbox.jira.ready_site import BOT
from tests.adapters.coalesce.served import serving

ROOT = Path(__file__).parents[2]
RULES = '[[rule]]\nname = "all"\n[rule.fields]\npriority = "High"\n'


@pytest.fixture(scope="module")
def jira() -> Iterator[SimulatedJira]:
    started = start_jira(index_lag=0.0)
    yield started
    started.stop()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jira: SimulatedJira) -> None:
    monkeypatch.chdir(tmp_path)
    configure(jira.settings())
    Path("mappings").mkdir()
    rules(RULES)


def configure(site: dict[str, str]) -> None:
    lines = [f'{name} = "{value}"' for name, value in site.items()]
    Path("config.toml").write_text(
        '[coalesce]\nsigning_secrets = ["x"]\n[sites.main]\n' + "\n".join(lines) + "\n"
    )


def rules(text: str) -> None:
    Path("mappings/rules.toml").write_text(text)


def call(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["check", *args])
    return result.exit_code, result.stdout


def test_a_correct_set_ends_with_0() -> None:
    code, out = call()
    assert code == 0
    assert "we are Ticket Sync" in out
    assert "Not checked: the transitions of Bug in DATA: there is no Bug in DATA yet" in out
    assert out.endswith(
        "All that could be checked is well: the configuration, the rules and site 'main'. "
        "Not checked: the transitions of Bug in DATA.\n"
    )


def test_where_nothing_is_left_out_all_is_well(jira: SimulatedJira) -> None:
    configure({**jira.settings(), "project": "TEAM"})
    rules('[[rule]]\nname = "all"\nissue_type = "Task"\n')
    jira.site.person.create("TEAM", "Task", "One")
    code, out = call()
    assert (code, out.splitlines()[-1]) == (0, "All is well.")


def test_a_name_that_jira_does_not_know_is_told_with_its_line_and_ends_with_1() -> None:
    rules(RULES.replace("High", "Hihg"))
    code, out = call()
    assert code == 1
    assert (
        "rules.toml:4: rule 'all': fields.priority: 'Hihg' is not a value of this field. "
        "Did you mean 'High' or 'Highest'?"
    ) in out
    assert out.endswith("1 mistake. Not checked: the transitions of Bug in DATA.\n")


def test_mistakes_of_the_files_are_told_without_asking_jira() -> None:
    rules(RULES.replace("priority", "prioriti"))
    code, out = call("--offline")
    assert code == 1
    assert "rules.toml:4: fields.prioriti" in out
    assert "Did you mean 'priority'?" in out


def test_what_only_the_api_knows_is_told_of_until_there_are_credentials() -> None:
    rules(RULES.replace("[rule.fields]", 'when = { severity = "fatal" }\n[rule.fields]'))
    code, out = call("--offline")
    assert code == 1
    assert "rules.toml:3: when.severity: asks for the severity of an issue, which only" in out
    # The secret itself may be absent: that there is one is enough.
    with Path("config.toml").open("a") as file:
        file.write('[coalesce.api]\nclient_id = "us"\nclient_secret = { env = "NOT_SET_HERE" }\n')
    code, out = call("--offline")
    assert (code, "severity" in out) == (0, False)


def test_scopes_that_are_missing_for_what_rules_ask_are_named_with_the_rules() -> None:
    rules(
        '[[rule]]\nname = "all"\nwhen = { kind = "issue", impact = { count = ">= 1" } }\n'
        "[rule.fields]\nsummary = \"{{ severity }} {{ issue.owners | sum(attribute='emails', "
        'start=[]) | join }} {{ impact.count }}"\n'
    )
    with serving() as upstream:
        access = upstream.access()
        with Path("config.toml").open("a") as file:
            file.write(f'[coalesce.api]\nclient_id = "{access.client_id}"\nurl = "{access.base}"\n')
            file.write(f'client_secret = "{access.client_secret}"\n')
        code, out = call()
        assert (code, "credentials may not" in out) == (0, False)
        upstream.rest.scopes -= {"lineage:read", "owners:read"}
        code, out = call()
        assert code == 1
        assert (
            "rules.toml:3: when.impact: asks for what an issue has an impact on, and the API "
            "credentials may not read impact (403: the token lacks lineage:read). Give the API client "
            "the scope to read entities and lineage (ENTITY_READ and LINEAGE_READ)"
        ) in out
        assert "rules.toml:5: fields.summary: asks for the addresses of owners, and the API" in out
        assert "OWNERS_READ" in out
        assert "severity" not in out
        assert call("--offline")[0] == 0
        upstream.rest.scopes |= {"lineage:read", "owners:read"}
        upstream.rest.limited, upstream.rest.retry_after = 1, 60
        code, out = call()
        assert (code, "source 'coalesce' could not be asked: " in out) == (2, True)
        asked = upstream.rest.asked.total()
        rules(RULES)
        assert call()[0] == 0
        assert upstream.rest.asked.total() == asked, "what no rule asks for is not asked for"


def test_a_table_by_which_nothing_is_told_upstream_is_not_taken_for_telling() -> None:
    with Path("config.toml").open("a") as file:
        file.write('[coalesce.api]\nclient_id = "us"\nclient_secret = "x"\n')
        file.write('actor_email = "jira@example.com"\n')
    nothing = "no rule has anything to tell"
    rules(RULES + '[rule.upstream]\nwins = "jira"\n')
    assert nothing in call("--offline")[1]
    rules(RULES + '[rule.upstream]\ncomments = "all"\n')
    assert nothing not in call("--offline")[1]


def test_offline_needs_no_secrets_and_leaves_jira_alone() -> None:
    rules(RULES.replace("High", "Hihg"))
    text = Path("config.toml").read_text()
    Path("config.toml").write_text(
        "\n".join(
            'token = { env = "NOT_SET_HERE" }' if line.startswith("token") else line
            for line in text.splitlines()
        )
    )
    code, out = call("--offline")
    assert (code, out.splitlines()) == (
        0,
        [
            "Not checked: config.toml:6: [sites.main] token: the environment variable NOT_SET_HERE is "
            'not set. Set NOT_SET_HERE, or give the secret as a file: { file = "path" }.',
            "All that could be checked is well: the configuration and the rules. "
            "Not checked: Jira and 1 absent secret.",
        ],
    )


def test_the_projects_place_is_the_line_of_the_configuration(jira: SimulatedJira) -> None:
    configure({**jira.settings(), "project": "DATUM"})
    code, out = call()
    assert code == 1
    assert "config.toml:7: rule 'all': project: there is no project 'DATUM'" in out


def test_a_site_that_cannot_be_asked_ends_with_2_and_is_told_of_once(jira: SimulatedJira) -> None:
    configure({**jira.settings(), "token": "expired"})
    # A process of its own, because its log is set up as a person gets it.
    done = subprocess.run(
        [sys.executable, "-m", "sync.cli.main", "check"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stderr) == (2, "")
    assert "Not checked: site 'main' could not be asked:" in done.stdout
    assert done.stdout.count("does not accept our credentials") == 1
    assert ".;" not in done.stdout


def test_the_webhook_that_the_settings_speak_of_is_looked_for(jira: SimulatedJira) -> None:
    with Path("config.toml").open("a") as file:
        file.write('webhook_secrets = "planted-5e1f"\n')
    code, out = call()
    assert code == 0
    assert "Not checked: the webhook of site 'main': only administrators of Jira may list" in out
    assert "the URL https://HOST/webhooks/jira/main, where HOST is the name by which" in out
    assert "planted" not in out
    administrators = jira.site.site.administrators
    administrators.add(BOT.account_id)
    try:
        code, out = call()
        assert code == 1
        assert "config.toml:8: webhook: site 'main' has no webhook to /webhooks/jira/main. " in out
        webhook = jira.site.add_webhook(
            "https://sync.example.com/webhooks/jira/main", name="to sync", secret="planted-5e1f"
        )
        code, out = call()
        assert (code, "Site 'main': its webhook 'to sync' is there." in out) == (0, True)
        del jira.site.site.webhooks[webhook.id]
    finally:
        administrators.discard(BOT.account_id)


def test_without_a_configuration_it_cannot_be_checked() -> None:
    Path("config.toml").unlink()
    assert call()[0] == 2


def test_for_machines_each_finding_is_an_object() -> None:
    rules(RULES.replace("High", "Hihg"))
    code, out = call("--json")
    # Logs go to stderr; in this process they precede the JSON.
    (finding,) = json.loads(out[out.index("{\n") :])["sites"][0]["findings"]
    assert code == 1
    assert (finding["place"], finding["key"]) == ("rules.toml:4", "fields.priority")
