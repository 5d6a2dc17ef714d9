"""``recipes`` and ``docs``: what comes with the program is found and printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sync.cli.main import app
from sync.rules import Defaults, parse
from sync.settings import shipped


def ran(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_all_recipes_are_listed_with_what_they_are_for_and_where_they_are() -> None:
    done = ran("recipes")
    assert done.exit_code == 0
    assert str(shipped("mappings") / "recipes") in done.stdout
    listed = json.loads(ran("recipes", "list", "--json").stdout)
    files = sorted((shipped("mappings") / "recipes").glob("*.toml"))
    assert [Path(one["file"]) for one in listed] == files
    for one in listed:
        assert one["purpose"].endswith("."), one
        assert f"{one['name']} " in done.stdout
        assert one["purpose"] in done.stdout


@pytest.mark.parametrize("file", sorted((shipped("mappings") / "recipes").glob("*.toml")))
def test_a_recipe_that_is_shown_is_a_file_of_rules_with_its_schema_beside_it(file: Path) -> None:
    done = ran("recipes", "show", file.stem)
    assert done.exit_code == 0
    assert done.stdout.startswith("#:schema ./rules.schema.json\n")
    sites = {"main": "DATA", "datacenter": "DQ"}
    assert parse({file.name: done.stdout}, Defaults(sites, "main")).rules
    assert done.stdout.splitlines()[1:] == file.read_text("utf-8").splitlines()[1:]


def test_a_recipe_and_a_page_that_are_not_there_are_told_from_those_that_are() -> None:
    for verb in (("recipes", "show", "nothing"), ("docs", "nothing")):
        done = ran(*verb)
        assert done.exit_code == 1
        assert "'nothing'" in done.stderr
        assert done.stdout == ""


def test_every_page_of_the_docs_is_listed_by_name_and_heading() -> None:
    done = ran("docs")
    assert done.exit_code == 0
    assert str(shipped("docs")) in done.stdout
    listed = json.loads(ran("docs", "--json").stdout)
    assert {Path(one["file"]) for one in listed} >= {*shipped("docs").rglob("*.md")}
    assert len({one["name"] for one in listed}) == len(listed)
    for one in listed:
        assert Path(one["file"]).read_text("utf-8").startswith(f"# {one['title']}\n")
        assert one["title"] in done.stdout


@pytest.mark.parametrize("name", ["rules", "docs/rules.md", "Rules"])
def test_a_page_is_printed_as_it_stands(name: str) -> None:
    assert ran("docs", name).stdout == (shipped("docs") / "rules.md").read_text("utf-8")
