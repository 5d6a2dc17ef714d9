"""docs/reference.md names every verb, metric and setting, and nothing that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
from prometheus_client.metrics import MetricWrapperBase

from sync import telemetry
from sync.cli.main import app
from sync.settings import Settings
from tests.settings.test_example import settings_of

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference.md").read_text("utf-8")


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


def test_every_setting_is_on_the_page_with_a_description_and_nothing_else() -> None:
    known = [name.replace(".main.", ".NAME.") for name, _ in settings_of(Settings)]
    assert sorted(named("Settings")) == sorted(known)
    rows = re.findall(r"^\| `[^`]+` \| .*? \| (.*?) \|$", section("Settings"), re.M)
    assert len(rows) == len(known)
    assert all(rows)
