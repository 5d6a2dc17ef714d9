"""What a release is made of: its version from git, its changelog, a wheel with all that it needs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.version import Version

import sync
from tests.deploy.changelog import TEXT, released

ROOT = Path(__file__).parents[2]


def run(folder: Path, *arguments: str, **environment: str) -> str:
    """What a program prints to stdout, by someone without settings of git and of builds."""
    known = {
        key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "SETUP"))
    }
    names = {
        f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        arguments,
        cwd=folder,
        env={**known, **names, "GIT_CONFIG_GLOBAL": os.devnull, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture
def version_in() -> Callable[..., str]:
    def version(folder: Path, **environment: str) -> str:
        return run(folder, sys.executable, "-m", "hatchling", "version", **environment)

    return version


def test_the_version_is_that_of_the_tag_and_a_copy_without_git_has_one_too(
    tmp_path: Path, version_in: Callable[..., str]
) -> None:
    checkout, archive = tmp_path / "checkout", tmp_path / "archive"
    for folder in (checkout, archive):
        folder.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", ".git_archival.txt", ".gitattributes"):
        shutil.copy(ROOT / name, checkout / name)
    assert version_in(checkout) == "0.dev0"
    run(checkout, "git", "init", "--quiet")
    run(checkout, "git", "add", ".")
    run(checkout, "git", "commit", "--quiet", "--message", "first")
    assert re.fullmatch(r"0\.dev\d+\+g[0-9a-f]+", version_in(checkout))
    run(checkout, "git", "tag", "--no-sign", "v1.2.3")
    assert version_in(checkout) == "1.2.3"
    run(checkout, "git", "archive", "--output", str(tmp_path / "archive.tar"), "HEAD")
    shutil.unpack_archive(tmp_path / "archive.tar", archive)
    assert version_in(archive) == "1.2.3"
    run(checkout, "git", "commit", "--quiet", "--allow-empty", "--message", "second")
    assert re.fullmatch(r"1\.2\.4\.dev1\+g[0-9a-f]+", version_in(checkout))


def test_the_program_knows_the_version_that_the_build_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "__file__", str(tmp_path / "__init__.py"))
    assert sync._version() == "0.dev0"
    (tmp_path / "version.txt").write_text("1.2.3\n")
    assert sync._version() == "1.2.3"


def test_the_changelog_keeps_its_form_and_begins_with_what_is_unreleased() -> None:
    headings = re.findall(r"^## (.+)$", TEXT, re.M)
    assert headings[0] == "[Unreleased]"
    for heading in headings[1:]:
        assert re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading), heading
    versions = [Version(one) for one in released()]
    assert versions == sorted(set(versions), reverse=True)
    kinds = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
    for section in re.split(r"^## .+$", TEXT, flags=re.M)[1:]:
        found = re.findall(r"^### (.+)$", section, re.M)
        assert found == [kind for kind in kinds if kind in found]
        assert all(re.findall(rf"^### {kind}\n\n- \S", section, re.M) for kind in found)


@pytest.mark.proof
def test_a_wheel_carries_all_that_the_program_looks_for(tmp_path: Path) -> None:
    """Built of a copy without git, with a version from outside, as the image's."""
    source, unpacked = tmp_path / "source", tmp_path / "unpacked"
    source.mkdir()
    for name in ("sync", "mappings", "docs"):
        shutil.copytree(
            ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "version.txt")
        )
    for name in (
        "pyproject.toml",
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        "config.example.toml",
        "config.schema.json",
    ):
        shutil.copy(ROOT / name, source / name)
    build = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    run(source, *build, SETUPTOOLS_SCM_PRETEND_VERSION="1.2.3")
    zipfile.ZipFile(tmp_path / "ticket_sync-1.2.3-py3-none-any.whl").extractall(unpacked)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def verb(*arguments: str) -> str:
        code = f"import sys; sys.path.insert(0, {str(unpacked)!r}); import sync.cli.main as m; m.main()"
        return run(elsewhere, sys.executable, "-c", code, *arguments)

    assert verb("--version") == "ticket-sync 1.2.3"
    for listed in (
        json.loads(verb("docs", "--json")),
        json.loads(verb("recipes", "list", "--json")),
    ):
        assert all(
            Path(one["file"]).is_relative_to(unpacked / "sync" / "_shipped") for one in listed
        )
        assert len(listed) >= 8
    assert verb("config", "example") == (ROOT / "config.example.toml").read_text("utf-8").strip()
