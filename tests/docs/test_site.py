"""The documentation site: made without the network, no link leads nowhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OFFLINE = """
import socket

def refused(*arguments, **named):
    raise AssertionError("the site asks for something from elsewhere")

socket.socket.connect = socket.getaddrinfo = refused
"""


def built(config: Path, site: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """The site, made by a Python that cannot reach anything."""
    offline = tmp_path / "offline"
    offline.mkdir()
    (offline / "sitecustomize.py").write_text(OFFLINE)
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", config, "--site-dir", site],
        env=os.environ | {"PYTHONPATH": str(offline), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = built(ROOT / "mkdocs.yml", folder / "site", folder)
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    assert "WARNING" not in told
    return folder / "site"


def test_every_page_of_the_docs_is_a_page_of_the_site(site: Path) -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        name = "index.html" if page.name == "README.md" else f"{page.stem}.html"
        assert (site / page.parent.relative_to(ROOT / "docs") / name).is_file(), page


def test_files_of_the_repository_that_pages_link_to_are_in_the_site(site: Path) -> None:
    example = site / "repository" / "config.example.toml"
    assert example.read_bytes() == (ROOT / "config.example.toml").read_bytes()
    assert 'href="repository/config.example.toml"' in (site / "reference.html").read_text("utf-8")
    assert 'href="../rules.html"' in (site / "repository" / "index.html").read_text("utf-8")


def test_no_page_of_the_site_loads_anything_from_elsewhere(site: Path) -> None:
    loads = re.compile(
        r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=\"?((?:https?:)?//[^\s\">]+)"
    )
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        assert loads.findall(page.read_text("utf-8")) == [], page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(?:https?:)?//", sheet.read_text("utf-8")), sheet


def test_every_block_of_code_is_shown_as_one(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert "```" not in page.read_text("utf-8"), page


def test_links_that_lead_nowhere_make_no_site(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    links = "[a page](elsewhere.md), [a heading](#nowhere), [a file](../elsewhere.toml)"
    (tmp_path / "docs" / "index.md").write_text(f"# Start here\n\n{links}\n\n`[code](code.md)`\n")
    (tmp_path / "mkdocs.yml").write_text(
        f"INHERIT: {ROOT}/mkdocs.yml\nhooks: [{ROOT}/deploy/site/hooks.py]\nnav: [index.md]\n"
    )
    done = built(tmp_path / "mkdocs.yml", tmp_path / "site", tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("WARNING")]
    assert len(told) == 3, told
    for name in ("elsewhere.md", "#nowhere", "elsewhere.toml"):
        assert any(name in line for line in told), name
