"""pyproject.toml names every package that the program imports, and bounds each."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
NEEDED = PROJECT["dependencies"] + [
    needed for extra in PROJECT["optional-dependencies"].values() for needed in extra
]
# Loaded by others, by name.
UNIMPORTED = {"uvloop"}
# Packages that share a namespace.
SHARED = {
    "opentelemetry.exporter": "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry.sdk": "opentelemetry-sdk",
    "opentelemetry.trace": "opentelemetry-api",
}
# Packages that another one pins to one version.
PINNED = {"pydantic-core": "pydantic"}


def _name(needed: str) -> str:
    return re.split(r"[\[>]", needed)[0].lower().replace("_", "-")


def _imported() -> set[str]:
    """The packages outside of the standard library that the program's code imports."""
    found: set[str] = set()
    for path in ROOT.glob("sync/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                shared = ".".join(node.module.split(".")[:2])
                found.add(SHARED.get(shared) or node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"sync"}


@pytest.mark.parametrize("needed", NEEDED)
def test_every_package_has_an_oldest_and_a_first_untested_version(needed: str) -> None:
    bounds = re.fullmatch(r"[\w.-]+(?:\[\w+\])?>=([\d.]+),<([\d.]+)(?:;.*)?", needed)
    assert bounds, "write it as name>=oldest,<first untested"
    oldest, untested = ([*map(int, bound.split("."))] for bound in bounds.groups())
    assert oldest < untested
    if oldest[0] == 0:
        # Any minor version may change the interface of a package whose major version is 0.
        assert untested[0] == 0


def test_every_package_that_is_imported_is_named_and_the_other_way_round() -> None:
    by_import = packages_distributions()
    imported = {
        next(iter(by_import.get(name, [name]))).lower().replace("_", "-") for name in _imported()
    }
    imported = {PINNED.get(name, name) for name in imported}
    named = {_name(needed) for needed in NEEDED}
    assert imported - named == set()
    assert named - imported == UNIMPORTED
