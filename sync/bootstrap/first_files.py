"""The first files of an installation: config.toml and mappings, made to fit a Jira site."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sync.adapters.jira import JiraSite, JiraTracker
from sync.adapters.jira.starter import quoted, rules_text, survey
from sync.bootstrap.errors import CannotStart
from sync.domain.errors import Rejected
from sync.ports import SystemClock
from sync.rules import Defaults, RuleErrors, parse, texts_of
from sync.rules.json_schema import json_schema
from sync.settings import shipped
from sync.settings.json_schema import json_schema as config_schema


@dataclass(frozen=True, slots=True)
class Answers:
    """A person's answers about their site. The token is used for calls and never written; ``token_env``
    names the variable that the daemon reads the token from."""

    url: str
    email: str
    token: str
    token_env: str
    project: str
    issue_type: str = ""


def tracker_of(answers: Answers) -> JiraTracker:
    """The tracker of the site."""
    site = JiraSite(name="main", url=answers.url, email=answers.email, token=answers.token)
    return JiraTracker(site, SystemClock())


def first_files(answers: Answers, folder: Path) -> dict[Path, str]:
    """The files and their texts. Calls the site; writes nothing. Raises the tracker's faults."""
    if not re.match(r"https?://[^/\s]", answers.url):
        raise Rejected(
            f"{answers.url!r} is not the address of a site",
            remedy="Write it as https://your-team.atlassian.net.",
        )
    start = survey(tracker_of(answers), answers.project, answers.issue_type)
    mappings = folder / "mappings"
    return {
        folder / "config.toml": config_text(answers),
        folder / "config.schema.json": json.dumps(config_schema(), indent=2) + "\n",
        mappings / f"{answers.project.lower()}.toml": rules_text(start),
        mappings / "rules.schema.json": json.dumps(json_schema(), indent=2) + "\n",
    }


def config_text(answers: Answers) -> str:
    """The example configuration with this site in it."""
    text = shipped("config.example.toml").read_text("utf-8")
    # The part before the first setting explains how to write this file by hand.
    text = text[text.index("# A line ") :]
    for key, value in (
        ("url", quoted(answers.url)),
        ("email", quoted(answers.email) if answers.email else ""),
        ("token", f"{{ env = {quoted(answers.token_env)} }}"),
        ("project", quoted(answers.project)),
    ):
        line = f"{key} = {value}" if value else ""
        text, count = re.subn(rf"(?m)^{key} = .*$\n?", f"{line}\n" if line else "", text, count=1)
        assert count == 1, key
    text = re.sub(r"(?m)^# CHANGE: (.)", lambda m: f"# {m[1].upper()}", text)
    return "#:schema ./config.schema.json\n# Configuration of ticket-sync.\n#\n" + text


def other_rules(files: Collection[Path]) -> list[str]:
    """The rule files that are there already beside the new one, by name."""
    return sorted(_beside(_rule_file(files)))


def _rule_file(files: Collection[Path]) -> Path:
    (rules,) = (path for path in files if path.parent.name == "mappings" and path.suffix == ".toml")
    return rules


def _beside(rules: Path) -> dict[str, str]:
    """The texts of the other rule files in the folder of this one, by name."""
    texts = texts_of(rules.parent).by_name if rules.parent.is_dir() else {}
    return {name: text for name, text in texts.items() if name != rules.name}


def write(files: dict[Path, str], *, force: bool) -> None:
    """Write the files. Raises CannotStart, and writes none, if one exists already and not ``force``, or
    if the new rules cannot stand beside the rules that are there."""
    there = [path for path in files if path.exists()]
    if there and not force:
        raise CannotStart(
            f"There is already {', '.join(map(str, there))}. Move what is there away, choose another "
            "--directory, or overwrite with --force."
        )
    rules = _rule_file(files)
    if others := _beside(rules):
        try:
            parse(
                others | {rules.name: files[rules]}, Defaults({"main": rules.stem.upper()}, "main")
            )
        except RuleErrors as error:
            raise CannotStart(
                f"{rules.parent} has rules already, and the new ones cannot stand beside them: "
                f"{error.mistakes[0]}\nMove {', '.join(others)} away, or choose another --directory."
            ) from error
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
