"""Comments and links, made once however often the reply is lost."""

from __future__ import annotations

import re

import pytest

from sync.domain.errors import Missing, Rejected, Unknown
from sync.domain.rule import RemoteLink, TicketLink
from sync.sandbox.jira.board.rich_text import rich as shown_by_jira
from tests.adapters.jira import reading
from tests.adapters.jira.test_text import LIVE, OURS, nodes
from tests.adapters.jira.world import LINK, World


def test_a_comment_is_found_again_by_its_marker(world: World) -> None:
    ref = world.make()
    for number in range(3):
        world.tracker.comment(ref, f"Number **{number}**", f"mark-{number}")
    world.jira.person.comment(ref.key, "A person speaks")
    comments = world.jira.ticket(ref.id).comments
    assert world.tracker.find_comment(ref, "mark-1") == comments[1].id
    assert world.tracker.find_comment(ref, "mark-9") == ""


def test_a_comment_whose_reply_was_lost_is_unknown_and_can_be_found(world: World) -> None:
    ref = world.make()
    world.jira.faults.add("drop", method="POST", path="comment", after=True, count=1)
    with pytest.raises(Unknown):
        world.tracker.comment(ref, "Once", "mark")
    (comment,) = world.jira.ticket(ref.id).comments
    assert world.tracker.find_comment(ref, "mark") == comment.id


def test_comments_are_searched_through_all_pages(world: World) -> None:
    ref = world.make()
    wanted = world.tracker.comment(ref, "first", "mark-first")
    for number in range(120):
        world.jira.person.comment(ref.key, f"talk {number}")
    assert world.tracker.find_comment(ref, "mark-first") == wanted


def test_a_running_comment_is_rewritten_until_somebody_deletes_it(world: World) -> None:
    ref = world.make()
    comment = world.tracker.comment(ref, "before", "mark")
    world.tracker.edit_comment(ref, comment, "after")
    assert "after" in world.jira.ticket(ref.id).comments[0].text
    world.jira.person.delete_comment(ref.key, comment)
    with pytest.raises(Missing):
        world.tracker.edit_comment(ref, comment, "again")


def test_an_empty_comment_still_says_something(world: World) -> None:
    ref = world.make()
    world.tracker.comment(ref, " \n ", "mark")
    assert world.jira.ticket(ref.id).comments[0].text.strip()


def test_a_remote_link_is_put_once_however_often_it_is_sent(world: World) -> None:
    ref = world.make()
    world.tracker.link_remote(ref, LINK)
    world.jira.faults.add("drop", method="POST", path="remotelink", after=True, count=1)
    world.tracker.link_remote(ref, RemoteLink(LINK.global_id, LINK.url, "New title" * 60))
    (link,) = world.jira.ticket(ref.id).remote_links
    assert link["title"].startswith("New title")
    assert link["url"] == LINK.url


def test_only_web_addresses_are_linked(world: World) -> None:
    ref = world.make()
    with pytest.raises(Rejected, match="cannot be linked"):
        world.tracker.link_remote(ref, RemoteLink("x", "javascript:alert(1)", "x"))
    assert world.jira.ticket(ref.id).remote_links == ()


@pytest.mark.parametrize("outward, words", [(True, "blocks"), (False, "is blocked by")])
def test_tickets_are_linked_in_the_direction_asked_for(
    world: World, outward: bool, words: str
) -> None:
    one, other = world.make("one"), world.make("other")
    link = TicketLink("Blocks", other.key, outward=outward)
    world.tracker.link_tickets(one, link)
    posts = world.calls().count("POST issueLink")
    world.tracker.link_tickets(one, link, again=True)
    assert world.calls().count("POST issueLink") == posts == 1
    assert world.jira.ticket(one.id).issue_links == ((words, other.key),)
    world.tracker.unlink_tickets(one, link)
    world.tracker.unlink_tickets(one, link)
    assert world.jira.ticket(one.id).issue_links == ()


def test_an_unknown_link_type_is_named_with_the_nearest(world: World) -> None:
    one, other = world.make("one"), world.make("other")
    with pytest.raises(Rejected, match="no link type 'Block'") as fault:
        world.tracker.link_tickets(one, TicketLink("Block", other.key))
    assert "'Blocks'" in fault.value.remedy


def test_a_link_permission_that_is_missing_does_not_stop_the_site(world: World) -> None:
    one, other = world.make("one"), world.make("other")
    world.jira.deny("DATA", "LINK_ISSUES")
    with pytest.raises(Rejected):
        world.tracker.link_tickets(one, TicketLink("Blocks", other.key))
    assert world.tracker.health.down() == ""


# What a person upstream may write, to call somebody or by chance, and what means something to Jira.
CALLING = [
    "@here @channel @admin",
    "[~admin] [~accountid:5b1] [x|~admin]",
    "{code} {html}<b>x</b>{html} {include:secret} {jira:project=X}",
    "!x! !https://evil.example/x.png! [^file] ^up^",
    "![p](https://evil.example/p.png) <https://evil.example> <script>x</script>",
    "`[~admin]` and\n\n    {html}\n\n> [~admin]\n\n- !x!\n\n| [~admin] |\n|---|\n| {code} |",
]


@pytest.mark.parametrize("text", CALLING)
def test_a_comment_from_upstream_calls_nobody_and_runs_nothing(world: World, text: str) -> None:
    ref = world.make()
    world.tracker.comment(ref, f"**Mia** upstream:\n\n{text}", "mark")
    (comment,) = world.jira.ticket(ref.id).comments
    if world.cloud:
        kinds = {one["type"] for one in nodes(comment.raw)}
        assert not kinds & {"mention", "media", "mediaSingle", "inlineCard", "extension", "emoji"}
    else:
        raw = comment.raw.replace("\r\n", "\n")
        outside = re.sub(r"(?s)\{(code|noformat)[^}\n]*\}\n.*?\n?\{\1\}", "", raw)
        assert not LIVE.search(OURS.sub(" ", outside)), comment.raw
    shown = reading.seen(str(shown_by_jira(comment.raw)))
    assert shown.words == reading.of_markdown(f"**Mia** upstream:\n\n{text}").words
