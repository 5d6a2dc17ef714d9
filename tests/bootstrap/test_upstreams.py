"""How the settings have a source told of acts, and what ``check`` makes of that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlmodel import select

from sync.bootstrap.adapters import newest_callbacks, sources_of, upstreams_of
from sync.bootstrap.stores import ready_store
from sync.bootstrap.upstream_check import check_upstreams, is_told
from sync.domain.acts import Ability, Actor
from sync.domain.errors import Rejected
from sync.domain.subject import Status
from sync.sandbox.coalesce.webhook_body import render
from sync.settings import Settings, load
from sync.store.tables import DeliveryRow, DeliveryState
from tests.adapters.coalesce.served import serving
from tests.adapters.coalesce.test_upstream_simulated import issue_of

ANN = Actor("Ann", "ann@example.com")


def settings(more: str) -> Settings:
    Path("config.toml").write_text(
        '[coalesce]\nsigning_secrets = ["s"]\n'
        f'{more}\n[sites.main]\nurl = "https://jira.example.com"\ntoken = "t"\n'
    )
    return load()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_callback_of_the_newest_delivery_marks_the_issue_while_the_delivery_is_kept() -> None:
    with serving() as upstream:
        host = upstream.server.url.removeprefix("http://")
        chosen = settings(f'[coalesce.callbacks]\nhosts = ["{host}"]\nprivate = ["127.0.0.0/8"]\n')
        store = ready_store(chosen)
        upstream.sandbox.callbacks.base = "http://127.0.0.1:9"
        ref = issue_of(upstream)
        upstream.sandbox.callbacks.base = upstream.server.url
        upstream.sandbox.update_issue(ref.id)
        bodies = [json.dumps(render(event)).encode() for event in upstream.sandbox.events]
        with store.write() as session:
            for number, body in enumerate([*bodies, b"no JSON"]):
                session.add(
                    DeliveryRow(
                        id=f"d{number}", source="coalesce", received_at=0.0, body=body,
                        state=DeliveryState.TRIAGED, subject=str(ref),
                    )
                )  # fmt: skip
        way = upstreams_of(chosen, upstream.clock, {}, store)["coalesce"]
        assert way.way == "callbacks"
        way.mark(ref, Status.FIXED, ANN, upstream.clock.now)
        way.comment(ref, "we know", ANN, upstream.clock.now)
        [found] = upstream.api.issues([ref.id])
        assert found.status is Status.FIXED
        assert found.payload["status_actor"]["name"] == "Ann"
        assert [one.text for one in found.comments] == ["we know"]
        with store.write() as session:
            for row in session.exec(select(DeliveryRow)):
                session.delete(row)
        assert newest_callbacks(store, sources_of(chosen)["coalesce"], ref) == ()
        with pytest.raises(Rejected):
            way.mark(ref, Status.EXPECTED, ANN, upstream.clock.now)
        store.close()


def test_check_names_what_is_missing_for_callbacks() -> None:
    chosen = settings('[coalesce.callbacks]\nhosts = ["api.example.com"]')
    [report] = check_upstreams(chosen)
    assert (report.way, report.trouble) == ("callbacks", "")
    notes = list(report.notes())
    assert any("callbacks go with the delivery that offers them" in words for words in notes)
    assert "coalesce: callbacks cannot clear the status of issues." in notes
    assert set(report.unable) == {
        Ability.CLEAR.value, Ability.MOVE_INCIDENT.value, Ability.COMMENT_INCIDENT.value
    }  # fmt: skip
    assert ["actor_email" in one for one in report.absent] == [True]
    assert is_told(chosen)


def test_check_says_that_there_is_no_way_and_that_nobody_asked_for_one() -> None:
    chosen = settings("")
    [report] = check_upstreams(chosen)
    assert report.way == ""
    assert len(report.absent) == 2
    assert "[coalesce.callbacks] no hosts" in report.absent[1]
    assert not is_told(chosen)


def test_check_finds_scopes_that_are_missing_without_a_change_upstream() -> None:
    with serving() as upstream:
        access = upstream.access()
        chosen = settings(
            f'[coalesce.api]\nclient_id = "{access.client_id}"\nurl = "{access.base}"\n'
            f'client_secret = "{access.client_secret}"\nactor_email = "bot@example.com"'
        )
        issue_of(upstream)
        upstream.rest.scopes.discard("incidents:edit")
        upstream.rest.scopes.discard("mcp:write")
        before = list(upstream.sandbox.events)
        [report] = check_upstreams(chosen)
        assert (report.way, report.absent, report.trouble) == ("the API", (), "")
        assert set(report.unable) == {
            Ability.MOVE_INCIDENT.value, Ability.COMMENT_INCIDENT.value
        }  # fmt: skip
        assert upstream.sandbox.events == before
        [unasked] = check_upstreams(chosen, ask=False)
        assert unasked.unable == {}
