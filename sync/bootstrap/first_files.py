"""The first files of an installation: config.toml and mappings, made to fit a Jira site."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from sync.adapters.jira import JiraSite, JiraTracker
from sync.adapters.jira.starter import quoted, rules_text, survey
from sync.bootstrap.errors import CannotStart
from sync.ports import SystemClock
from sync.rules.json_schema import json_schema
from sync.settings import shipped


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
    start = survey(tracker_of(answers), answers.project, answers.issue_type)
    mappings = folder / "mappings"
    return {
        folder / "config.toml": config_text(answers),
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
    return "# Configuration of ticket-sync.\n#\n" + text


def write(files: dict[Path, str], *, force: bool) -> None:
    """Write the files. Raises CannotStart, and writes none, if one exists already and not ``force``."""
    there = [path for path in files if path.exists()]
    if there and not force:
        raise CannotStart(
            f"There is already {', '.join(map(str, there))}. Move what is there away, choose another "
            "--directory, or overwrite with --force."
        )
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
