"""The editor that is shipped is the one that its sources make, with the licences of all it holds."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import sync.web

ASSETS = Path(sync.web.__file__).parent / "assets"
SOURCES = ASSETS / "editor-src"
MADE = json.loads((SOURCES / "made.json").read_text("utf-8"))


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def test_the_bundle_is_the_one_that_was_recorded() -> None:
    assert _digest(ASSETS / "editor.js") == MADE["editor.js"]


def test_the_bundle_was_made_from_these_sources() -> None:
    names = ("build.mjs", "complete.js", "desk.js", "editor.js", "package-lock.json")
    assert _digest(*(SOURCES / name for name in names)) == MADE["sources"], "make it: npm run build"


def test_every_package_in_the_bundle_comes_with_its_licence() -> None:
    text = (ASSETS / "editor.licences.txt").read_text("utf-8")
    named = re.findall(r"^(@?[\w/-]+) \d+\.\d+\.\d+$", text, re.M)
    assert len(named) == text.count("Permission is hereby granted, free of charge") >= 14
    locked = json.loads((SOURCES / "package-lock.json").read_text("utf-8"))["packages"]
    assert all(f"node_modules/{name}" in locked for name in named)


def test_the_lock_names_no_registry_and_the_bundle_asks_nobody() -> None:
    assert '"resolved"' not in (SOURCES / "package-lock.json").read_text("utf-8")
    bundle = (ASSETS / "editor.js").read_text("utf-8")
    assert "eval(" not in bundle
    assert not re.search(r"""["'`]https?://""", bundle.replace("http://www.w3.org/2000/svg", ""))
