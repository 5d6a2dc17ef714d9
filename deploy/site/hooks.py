"""What mkdocs asks while it makes the site. Files of the repository that pages link to are part of it.

A link of a page that leads out of docs/, such as ``../config.example.toml``, holds in the repository.
In the site the file stands below ``repository/``, and the link leads there.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

BELOW = "repository"
# Pages that the site has whether or not another page links to them.
PAGES = ("README.md", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md")
# A link inside of code is none: the first alternative takes code away.
_LINK = re.compile(r"^```.*?^```|`[^`\n]+`|(?<=\]\()(?![a-z]+:|#|/)(?P<link>[^)#\s]+)", re.S | re.M)

# What follows the language of a code block says to the tests what the block is. With it, the site would
# not see the block.
_FENCE = re.compile(r"^(```[a-z]+) .*$", re.M)


def in_repository(place: str) -> str:
    """Where a file of the site, named from docs/, is in the repository."""
    if place.startswith(f"{BELOW}/"):
        return place.removeprefix(f"{BELOW}/")
    return f"docs/{place}"


def in_site(path: str) -> str:
    """The reverse: where a file of the repository is in the site, from docs/."""
    return path.removeprefix("docs/") if path.startswith("docs/") else f"{BELOW}/{path}"


def linked(text: str, place: str) -> list[str]:
    """The files of the repository, outside of docs/, that the links of a page lead to."""
    folder = posixpath.dirname(in_repository(place))
    links = (one["link"] for one in _LINK.finditer(text) if one["link"])
    found = (posixpath.normpath(posixpath.join(folder, link)) for link in links)
    return [path for path in found if not path.startswith(("docs/", "../"))]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put each page of a folder in the place of the folder's name in the navigation."""
    docs = Path(config.docs_dir)

    def unfolded(entry: Any) -> Any:
        if isinstance(entry, dict):
            return {title: unfolded(inner) for title, inner in entry.items()}
        if isinstance(entry, list):
            return [unfolded(inner) for inner in entry]
        if not entry.endswith("/"):
            return entry
        # The folder's README.md stands before its numbered pages, as a folder's first page.
        pages = sorted(
            (docs / entry).glob("*.md"), key=lambda one: (one.stem != "README", one.stem)
        )
        return [f"{entry}{page.name}" for page in pages]

    config.nav = unfolded(config.nav)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of the repository that the pages link to."""
    root = Path(config.config_file_path or "mkdocs.yml").absolute().parent
    texts = {one.src_uri: one.content_string for one in files.documentation_pages()}
    waiting = {*PAGES} | {path for place, text in texts.items() for path in linked(text, place)}
    done: set[str] = set()
    while waiting:
        path = waiting.pop()
        done.add(path)
        if not (root / path).is_file():
            continue  # mkdocs finds the broken link itself
        content = (root / path).read_bytes()
        added = File.generated(config, in_site(path), content=content)
        files.append(added)
        if path.endswith(".md"):
            waiting |= {*linked(content.decode(), added.src_uri)} - done
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links that lead in or out of docs/ to where their files are in the site, and leave the
    language alone at the head of code blocks."""
    place = page.file.src_uri
    folder = posixpath.dirname(place)

    def moved(found: re.Match[str]) -> str:
        if not found["link"]:
            return found[0]
        path = posixpath.join(posixpath.dirname(in_repository(place)), found["link"])
        return posixpath.relpath(in_site(posixpath.normpath(path)), folder or ".")

    return _LINK.sub(moved, _FENCE.sub(r"\1", markdown))
