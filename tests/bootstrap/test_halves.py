"""``serve --only``: a half of the daemon needs a store that several daemons can share."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sync.cli.main import app


@pytest.mark.parametrize("half", ["receiver", "worker"])
def test_a_half_alone_on_an_sqlite_file_is_refused_before_anything_is_made(
    half: str, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        '[coalesce]\nsigning_secrets = ["a signing secret"]\n[sites.main]\n'
        'url = "http://127.0.0.1:9"\ntoken = "t"\nemail = "bot@example.com"\nproject = "DATA"\n'
    )
    done = CliRunner().invoke(app, ["serve", "--only", half, "--config", str(config)])
    assert done.exit_code == 2
    assert f"--only {half} needs a store that several daemons can share" in " ".join(
        done.output.split()
    )
    assert not (tmp_path / "ticket-sync.db").exists()
