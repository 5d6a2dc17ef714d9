"""The lock file of the image: current with pyproject.toml, and every package with its hashes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def needed() -> list[str]:
    table = project()["project"]
    return [
        *table["dependencies"],
        *(one for of in table["optional-dependencies"].values() for one in of),
    ]


def pins(text: str) -> dict[str, list[Requirement]]:
    """What a lock file pins, by name. A package may be pinned once for each of several Pythons."""
    found: dict[str, list[Requirement]] = {}
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if line and not line.startswith("#"):
            pinned = Requirement(line.partition(" --hash=")[0])
            found.setdefault(canonicalize_name(pinned.name), []).append(pinned)
    return found


def outdated(text: str, wanted: Iterable[str]) -> list[str]:
    """The requirements that a lock file does not meet."""
    locked = pins(text)
    missed = []
    for requirement in map(Requirement, wanted):
        versions = [
            Version(spec.version)
            for one in locked.get(canonicalize_name(requirement.name), ())
            for spec in one.specifier
        ]
        if not versions or not all(requirement.specifier.contains(one) for one in versions):
            missed.append(str(requirement))
    return missed


def test_the_lock_file_meets_what_the_project_needs() -> None:
    text = (ROOT / "deploy" / "lock.txt").read_text("utf-8")
    assert outdated(text, needed()) == [], "run `make lock`"


def test_the_lock_file_of_the_build_meets_what_the_build_needs() -> None:
    text = (ROOT / "deploy" / "build-lock.txt").read_text("utf-8")
    assert outdated(text, project()["build-system"]["requires"]) == [], "run `make lock`"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("other==1 --hash=sha256:00", "some>=1"),
        ("some==0.9 --hash=sha256:00", "some>=1"),
        ("some==2.0 --hash=sha256:00", "Some>=1,<2"),
    ],
)
def test_what_is_not_locked_or_locked_elsewhere_is_found(text: str, wanted: str) -> None:
    assert outdated(text, [wanted]) == [str(Requirement(wanted))]


@pytest.mark.parametrize("name", ["lock.txt", "build-lock.txt"])
def test_each_package_is_pinned_with_hashes_and_no_address(name: str) -> None:
    text = (ROOT / "deploy" / name).read_text("utf-8")
    assert "://" not in text
    lines = [one for one in re.sub(r"\\\n\s*", " ", text).splitlines() if one[:1] not in ("", "#")]
    assert lines
    for line in lines:
        assert re.search(r"==\S+ .*--hash=sha256:[0-9a-f]{64}", line), line
