"""What the daemon warns of at each start."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sync.bootstrap import daemon
from sync.settings import load

HASH = "$argon2id$v=19$m=19456,t=2,p=1$DPLggeoOmD4ikIZKlZ3S7A$jIxSLGv/QcfPqnvnUQOLGhN2+zCnnvmx"
CONFIG = f"""
[coalesce]
allow_unsigned = true
[sites.main]
url = "https://jira.example.com"
token = "t"
[web.users.dana]
password_hash = "{HASH}"
"""
USERS = 'login = "users"'


@pytest.mark.parametrize(
    ("server", "web", "warned"),
    [
        ('host = "0.0.0.0"', USERS, True),
        ('host = "::"', USERS, True),
        ('host = "0.0.0.0"', f'{USERS}\nurl = "https://t.example.com"', False),
        ('host = "0.0.0.0"\nadmin_port = 8081', USERS, False),
        ('host = "127.0.0.1"', USERS, False),
        ('host = "::1"', USERS, False),
        ('host = "0.0.0.0"', "", False),
    ],
)
def test_passwords_that_may_travel_unencrypted_are_warned_of(
    tmp_path: Path, server: str, web: str, warned: bool
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f"[server]\n{server}\n[web]\n{web}\n{CONFIG}", "utf-8")
    with capture_logs() as said:
        daemon._warn_of_unencrypted(load(config), None)
    assert [one["event"] for one in said] == ([daemon.UNENCRYPTED] if warned else [])
