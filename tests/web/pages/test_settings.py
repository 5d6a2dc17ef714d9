"""What is set, and where each value comes from."""

from __future__ import annotations

from tests.web.pages.conftest import Pages


def test_given_settings_come_first_with_their_line_and_no_secret_is_shown(pages: Pages) -> None:
    found = pages.json("/settings")
    given = {(one["table"], one["name"]): one for one in found["given"]}
    assert given["sites.main", "url"]["value"] == '"https://jira.example.com"'
    assert given["sites.main", "url"]["origin"].endswith("config.toml:5")
    assert given["sites.main", "token"]["value"] == "set"
    assert given["sites.main", "token"]["secret"] is True
    assert {"port", "threads"} <= {one["name"] for one in found["defaults"]}
    said = pages.words("/settings")
    assert "settings are given" in said
    assert "https://jira.example.com" in said
