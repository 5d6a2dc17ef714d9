"""Pictures that people put into a description stay, whoever owns the description."""

from __future__ import annotations

import pytest

from tests.options.stage import Stage, minimal

OWNED = '\n[rule.ownership]\ndescription = "OWNERSHIP"\n'
TEXT = "Rows of {{ subject.title }} are missing.\\n\\nSee the runbook."


def rule(stage: Stage, ownership: str, text: str = TEXT) -> None:
    told = minimal(tables=OWNED.replace("OWNERSHIP", ownership))
    stage.write_rules(told.replace('description = ""', f'description = "{text}"'))


def shown(stage: Stage) -> str:
    """The description as it is kept, with the pictures in it."""
    return str(stage.ticket.description_raw)


def pictures(stage: Stage) -> list[str]:
    """The files that the description shows, in order."""
    raw = shown(stage)
    issue = stage.sandbox.site.find(stage.ticket.key)
    assert issue is not None
    names = {
        (id_ if stage.is_cloud else f"!{name}"): name for id_, name in issue.attachments.items()
    }
    return [names[at] for at in sorted(filter(raw.__contains__, names), key=raw.index)]


@pytest.mark.parametrize("ownership", ["source", "shared"])
@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("words", ["", "See this:"])
def test_a_picture_stays_when_the_text_around_it_changes(
    stage: Stage, ownership: str, at: int, words: str
) -> None:
    rule(stage, ownership)
    stage.tell("issue_created", "orders")
    stage.settle()
    stage.sandbox.person.put_picture(stage.ticket.key, "a chart.png", words, at=at)
    for title in ("orders and customers", "orders"):
        stage.tell("issue_updated", "orders", title=title)
        stage.settle()
        assert f"Rows of {title} are missing." in stage.ticket.description
        assert "See the runbook." in stage.ticket.description
        assert (pictures(stage), stage.ticket.attachments) == (["a chart.png"], ("a chart.png",))
    before = [change for change in stage.ticket.history if change.field == "description"]
    stage.tell("issue_updated", "orders", title="orders")
    stage.settle()
    assert [c for c in stage.ticket.history if c.field == "description"] == before


@pytest.mark.parametrize("ownership", ["source", "shared"])
def test_pictures_stay_where_all_of_our_text_goes(stage: Stage, ownership: str) -> None:
    rule(stage, ownership)
    stage.tell("issue_created", "orders")
    stage.settle()
    stage.sandbox.person.put_picture(stage.ticket.key, "first.png", at=0)
    stage.sandbox.person.put_picture(stage.ticket.key, "last.png")
    rule(stage, ownership, "{{ '' }}")
    stage.tell("issue_updated", "orders", title="orders, again")
    stage.settle()
    assert "missing" not in stage.ticket.description
    assert pictures(stage) == ["first.png", "last.png"]


def test_a_picture_that_a_person_takes_away_stays_away(stage: Stage) -> None:
    rule(stage, "source")
    stage.tell("issue_created", "orders")
    stage.settle()
    key, before = stage.ticket.key, stage.ticket.description_raw
    stage.sandbox.person.put_picture(key, "chart.png")
    stage.tell("issue_updated", "orders", title="orders, again")
    stage.settle()
    assert pictures(stage) == ["chart.png"]
    stage.sandbox.person.edit(key, description=before)
    stage.tell("issue_updated", "orders", title="orders")
    stage.settle()
    assert pictures(stage) == []
