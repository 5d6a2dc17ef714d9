"""docs/reference.md names every verb, metric, event, call and setting, and nothing that is not there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
from prometheus_client.metrics import MetricWrapperBase

from sync import telemetry
from sync.cli.main import app
from sync.domain.subject import EventType
from sync.settings import Settings
from sync.settings.json_schema import json_schema
from tests.docs import api_calls
from tests.settings.test_example import settings_of

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference.md").read_text("utf-8")


def section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.S | re.M)
    assert found, f"docs/reference.md has no section {title!r}"
    return found[1]


def named(title: str) -> list[str]:
    """What stands in the first column of the section's table."""
    return re.findall(r"^\| `([^`]+)` \|", section(title), re.M)


def verbs(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    for name, below in command.commands.items():
        if hasattr(below, "commands"):
            yield from verbs(below, (*path, name))
        else:
            yield " ".join((*path, name))


def by_server(command: Any) -> Iterator[str]:
    """The first words of the verbs that can ask a daemon."""
    for name, below in command.commands.items():
        inner = list(getattr(below, "commands", {name: below}).values())
        if any("--server" in param.opts for one in inner for param in one.params):
            yield name


def test_the_verbs_that_can_ask_a_daemon_are_named_with_the_pages() -> None:
    text = (ROOT / "docs" / "pages.md").read_text("utf-8")
    (sentence,) = re.findall(r"^(`status`.*?) take `--server URL`", text, re.S | re.M)
    told = re.findall(r"`([a-z-]+)`", sentence)
    assert sorted(told) == sorted(by_server(typer.main.get_command(app)))


def test_every_verb_is_on_the_page_and_nothing_else() -> None:
    assert sorted(named("Verbs")) == sorted(verbs(typer.main.get_command(app)))


def test_every_metric_is_on_the_page_with_its_kind_and_labels_and_nothing_else() -> None:
    told = {}
    for name, kind, labels in re.findall(
        r"^\| `([^`]+)` \| (\w+) \| (.*?) \|", section("Metrics"), re.M
    ):
        told[name] = (kind, tuple(re.findall(r"`(\w+)`", labels)))
    known = {}
    for metric in vars(telemetry).values():
        if isinstance(metric, MetricWrapperBase):
            name = metric._name + ("_total" if metric._type == "counter" else "")
            known[name] = (metric._type, tuple(metric._labelnames))
    assert told == known


def test_every_event_is_on_the_page_and_nothing_else() -> None:
    assert named("Events") == [event.value for event in EventType]


def test_every_call_of_the_api_is_on_the_page_as_its_document_has_it() -> None:
    assert api_calls.table() in section("Calls of the API"), "python -m tests.docs.api_calls"
    assert section("Calls of the API").count("| `") == api_calls.table().count("| `")


def test_every_setting_is_on_the_page_with_a_description_and_nothing_else() -> None:
    known = [name.replace(".main.", ".NAME.") for name, _ in settings_of(Settings)]
    assert sorted(named("Settings")) == sorted(known)
    rows = re.findall(r"^\| `[^`]+` \| .*? \| (.*?) \|$", section("Settings"), re.M)
    assert len(rows) == len(known)
    assert all(rows)


def test_the_schema_for_editors_is_of_these_settings() -> None:
    written = json.loads((ROOT / "config.schema.json").read_text("utf-8"))
    assert written == json_schema(), "ticket-sync config schema > config.schema.json"
