"""``init``: the files it writes fit the site, each further choice in their comments too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sync.bootstrap.rules import rule_files
from sync.bootstrap.simulated import SimulatedJira, start_coalesce, start_jira
from sync.bootstrap.site_check import check_sites
from sync.cli.main import app
from sync.settings import Secrets, load


@pytest.fixture(scope="module", params=["cloud", "datacenter"])
def jira(request: pytest.FixtureRequest) -> Iterator[SimulatedJira]:
    started = start_jira(datacenter=request.param == "datacenter", index_lag=0.0)
    yield started
    started.stop()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jira: SimulatedJira) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOT_TOKEN", jira.settings()["token"])
    monkeypatch.setenv("COALESCE_SIGNING_SECRET", "s")


def call(*args: str, typed: str = "") -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(args), input=typed)
    return result.exit_code, result.stdout, result.stderr


def flags(jira: SimulatedJira, project: str = "DATA") -> list[str]:
    site = jira.settings()
    email = ["--email", site["email"]] if "email" in site else []
    return ["--site", site["url"], *email, "--token-env", "BOT_TOKEN", "--project", project]


@pytest.mark.parametrize("project", ["DATA", "OPS", "FLOW", "GOV", "STRICT", "TEAM"])
def test_what_it_writes_passes_the_check(jira: SimulatedJira, project: str) -> None:
    code, out, err = call("init", *flags(jira, project), "--yes")
    assert code == 0, err
    assert f"wrote mappings/{project.lower()}.toml" in out
    code, out, _ = call("check")
    assert "All that could be checked is well: " in out, out
    assert code == 0


def test_each_further_choice_in_the_comments_passes_the_check_too(
    jira: SimulatedJira, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("init", *flags(jira), "--yes")
    rules = Path("mappings/data.toml")
    # Of the two ways to say when, one; the parent is an example.
    text = re.sub(r"(?m)^#(when|parent|upstream\..*) = .*\n", "", rules.read_text())
    more, count = re.subn(r'(?m)^#(?=[\w"])(?=[^#\n]* = )', "", text)
    assert count > 15
    rules.write_text(more)
    code, out, _ = call("check")
    assert code == 1
    assert "asks for which issues belong to an incident" in out, "the comment says what that needs"
    # Check asks the sender whether the credentials may read what these rules ask for.
    upstream = start_coalesce("http://127.0.0.1:9")
    for key, value in upstream.settings()["coalesce.api"].items():
        monkeypatch.setenv(f"TICKET_SYNC_COALESCE__API__{key.upper()}", value)
    code, out, _ = call("check")
    upstream.stop()
    assert (code, "could be checked is well: " in out) == (0, True), out


@pytest.mark.parametrize("project", ["DATA", "OPS", "FLOW", "GOV", "STRICT", "TEAM"])
def test_the_lines_that_tell_upstream_name_places_that_the_project_has(
    jira: SimulatedJira, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("init", *flags(jira, project), "--yes")
    rules = Path(f"mappings/{project.lower()}.toml")
    more, count = re.subn(r"(?m)^#(?=upstream\.)", "", rules.read_text())
    assert count >= 10
    rules.write_text(more)
    code, out, _ = call("check")
    assert code == 1
    assert "[coalesce.api] actor_email is not set" in out, "the comment says what that needs"
    for name in ("CLIENT_ID", "CLIENT_SECRET", "ACTOR_EMAIL"):
        monkeypatch.setenv(f"TICKET_SYNC_COALESCE__API__{name}", "us@example.com")
    settings = load()
    found = rule_files(settings).load().rules
    assert [rule.tells for rule in found.rules] == [True, True]
    assert not found.warnings
    (report,) = check_sites(settings, found)
    assert not report.trouble
    assert [str(one) for one in report.findings] == []
    assert not [words for words in report.remarks if "no line of" in words], "each is named"


def test_the_real_names_are_in_it(jira: SimulatedJira) -> None:
    call("init", *flags(jira), "--yes", "--issue-type", "Task")
    text = Path("mappings/data.toml").read_text()
    assert text.startswith("#:schema ./rules.schema.json\n")
    assert 'issue_type = "Task"' in text
    assert "# Highest, High, Medium, Low, Lowest" in text
    assert "To Do (new), In Progress (indeterminate), Done (done)" in text
    assert Path("mappings/rules.schema.json").is_file()


def test_the_configuration_reads_the_token_from_the_variable_and_never_holds_it(
    jira: SimulatedJira,
) -> None:
    call("init", *flags(jira), "--yes")
    text = Path("config.toml").read_text()
    assert text.startswith("#:schema ./config.schema.json\n")
    assert Path("config.schema.json").is_file()
    assert 'token = { env = "BOT_TOKEN" }' in text
    assert jira.settings()["token"] not in text
    assert "CHANGE" not in text.replace("# CHANGE: the signing secret", "")
    settings = load(Path("config.toml"))
    assert settings.sites["main"].project == "DATA"
    assert settings.sites["main"].url == jira.url


def test_files_that_are_there_are_not_overwritten_without_force(jira: SimulatedJira) -> None:
    Path("config.toml").write_text("mine")
    code, _, err = call("init", *flags(jira), "--yes")
    assert code == 2
    assert err.startswith("There is already config.toml. Move what is there away")
    assert Path("config.toml").read_text() == "mine"
    assert not Path("mappings").exists()
    assert call("init", *flags(jira), "--yes", "--force")[0] == 0
    assert Path("config.toml").read_text() != "mine"


def test_it_asks_for_what_is_missing(jira: SimulatedJira) -> None:
    site = jira.settings()
    typed = f"{site['url']}\n{site.get('email', '')}\nDATA\n"
    code, out, err = call("init", "--token-env", "BOT_TOKEN", typed=typed)
    assert code == 0, err
    assert "The address of the Jira site" in out


def test_a_project_that_is_not_there_is_answered_with_the_nearest(jira: SimulatedJira) -> None:
    code, _, err = call("init", *flags(jira, "DATO"), "--yes")
    assert code == 1
    assert err.startswith(
        "There is no project 'DATO', or Ticket Sync may not see it. Did you mean 'DATA'? It may be: "
    )
    assert not Path("config.toml").exists()


def test_with_yes_what_is_missing_is_a_mistake(
    jira: SimulatedJira, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = call("init", *flags(jira)[:-2], "--yes")
    assert (code, err) == (2, "--project is missing, and with --yes nothing is asked.\n")
    monkeypatch.delenv("BOT_TOKEN")
    code, _, err = call("init", *flags(jira), "--yes")
    assert code == 2
    assert err.startswith("The variable BOT_TOKEN is not set.")


def test_a_wrong_answer_is_asked_for_again(jira: SimulatedJira) -> None:
    site = jira.settings()
    email = site.get("email", "")
    typed = "\n".join(("jira.example", email, "DATA", "http://127.0.0.1:9", site["url"]))
    code, out, err = call("init", "--token-env", "BOT_TOKEN", typed=f"{typed}\n")
    assert code == 0, err
    assert "'jira.example' is not the address of a site" in err
    assert "no connection" in err
    assert out.count("The address of the Jira site") == 3
    assert out.count("The key of the project") == 1


def test_a_wrong_project_and_a_wrong_token_are_asked_for_again(
    jira: SimulatedJira, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = jira.settings()
    monkeypatch.delenv("BOT_TOKEN")
    email = site.get("email", "")
    typed = "\n".join((email, "wrong", "DATO", email, site["token"], "DATA"))
    code, out, err = call(
        "init", "--site", site["url"], "--token-env", "BOT_TOKEN", typed=f"{typed}\n"
    )
    assert code == 0, err
    assert "There is no project 'DATO', or Ticket Sync may not see it. Did you mean 'DATA'?" in err
    assert out.count("The key of the project") == 2
    assert "The address" not in out
    assert site["token"] not in out + err
    assert load(Path("config.toml"), secrets=Secrets.UNNEEDED).sites["main"].project == "DATA"


def test_what_an_option_gave_is_not_asked_for(jira: SimulatedJira) -> None:
    code, out, err = call("init", *flags(jira, "DATO"), typed="\nDATA\n")
    assert code == 1
    assert "Did you mean 'DATA'?" in err
    assert "project that" not in out


def test_rules_that_are_there_and_do_not_go_with_the_new_ones_are_named(
    jira: SimulatedJira,
) -> None:
    Path("mappings").mkdir()
    Path("mappings/default.toml").write_text('[[rule]]\nname = "issues"\n')
    code, _, err = call("init", *flags(jira), "--yes", "--force")
    assert code == 2
    assert "the new ones cannot stand beside them" in err
    assert "Move default.toml away, or choose another --directory." in err
    assert not Path("config.toml").exists()


def test_rules_that_are_there_and_go_with_the_new_ones_are_told_of(jira: SimulatedJira) -> None:
    Path("mappings").mkdir()
    Path("mappings/10-mine.toml").write_text('[[rule]]\nname = "mine"\nwhen = { owner = "me" }\n')
    code, out, err = call("init", *flags(jira), "--yes")
    assert code == 0, err
    assert "The rules of 10-mine.toml are there already, and hold beside them." in out
    assert call("check")[0] == 0


def test_what_nobody_mended_gets_a_resolution_that_says_so(jira: SimulatedJira) -> None:
    call("init", *flags(jira), "--yes")
    lines = dict(
        line.split(" = ", 1)
        for line in Path("mappings/data.toml")
        .read_text()
        .split("[defaults.status]")[1]
        .splitlines()
        if " = " in line
    )
    first = {
        word: line.partition("resolution = [")[2].split('"')[1]
        for word, line in lines.items()
        if "done" in line
    }
    assert first["fixed"] == first["closed"] == "Done"
    assert first["expected"] == first["no_action_needed"] == "Won't Do"
    assert first["cancelled"] == "Cancelled"
