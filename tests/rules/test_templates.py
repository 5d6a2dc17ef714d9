from __future__ import annotations

import threading
from typing import Any

import pytest

from sync.domain.errors import Cause, Rejected
from sync.rules.templates import Template
from sync.toml import Wrong
from tests.rules.build import desired, entity, issue, owner

CONTEXT: dict[str, Any] = {
    "subject": {"title": "Orders *late*", "owners": [{"title": "Data", "id": "d1"}, {"id": "d2"}]},
    "tables": {"priority": {"Data": "High"}},
    "began": "2024-09-06T12:34:56.123456789Z",
    "ended": "2024-09-06T14:40:00Z",
}


def render(text: str) -> Any:
    return Template(text).render(CONTEXT)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ subject.title }}!", "Orders *late*!"),
        ("{{ subject.title | md }}", "Orders \\*late\\*"),
        ("{{ '- a | b <c> {{d}}' | md }}", "\\- a \\| b \\<c\\> \\{\\{d\\}\\}"),
        ("{{ '1. x' | md }}", "1\\. x"),
        ("{{ 'a\n b' | md }}", "a b"),
        (
            "{{ 'Orders' | link('https://example.com/a b)') }}",
            "[Orders](https://example.com/a%20b%29)",
        ),
        ("{{ 'Orders' | link('javascript:alert(1)') }}", "Orders"),
        ("{{ 'Orders' | link('') }}", "Orders"),
        ("{{ subject.title | truncate(8) }}", "Orders…"),
        ("{{ subject.title | slug }}", "orders-late"),
        ("{{ subject.owners | lookup_each('priority') }}", ["High"]),
        ("{{ ['data', 'x', '', ['x', 'y']] | lookup_each('priority') }}", ["High", "x", "y"]),
        ("{{ '' | lookup_each('priority') }}", []),
        ("{{ 'data' | lookup_each('priority') }}", ["High"]),
        ("{{ 'Zażółć Größe' | slug }}", "zazoc-groe"),
        ("{{ began | local_time('Europe/Prague') }}", "2024-09-06 14:34 CEST"),
        ("{{ began | date }}", "2024-09-06"),
        ("{{ '' | local_time }}", ""),
        ("{{ began | plus('36h') | date }}", "2024-09-08"),
        ("{{ began | duration(ended) }}", "2h 5m"),
        ("{{ began | duration('') }}", ""),
        ("{{ 90061 | duration }}", "1d 1h"),
        ("{{ 'a@example.com' | jira_user }}", "a@example.com"),
        ("{{ subject.owners | lookup('priority') }}", "High"),
        ("{{ subject.owners[0].title | lookup('priority') }}", "High"),
        ("{{ 'x' | lookup('priority', 'Low') }}", "Low"),
        ("{{ tables.priority['Data'] }}", "High"),
        ("{{ subject.owners | map(attribute='id') | list }}", ["d1", "d2"]),
        ("{{ subject.owners | map(attribute='id') | join('+') }}", "d1+d2"),
        ("{{ subject.owners | length }}", 2),
        ("n={{ subject.owners | length }}", "n=2"),
        ("{{ 1 + 2 * 3 }}", 7),
        ("{{ 'a' ~ 1 ~ none ~ true }}", "a1true"),
        ("{% for o in subject.owners %}{{ loop.index }}{{ o.id }} {% endfor %}", "1d1 2d2 "),
        ("{{ '```\ncode' | markdown }}.", "```\ncode\n```."),
        ("{{ '```\ncode\n```' | markdown }}.", "```\ncode\n```."),
    ],
)
def test_a_template_gives(text: str, value: Any) -> None:
    assert render(text) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ subject.titel }}", "needs what is not there: there is no 'titel'"),
        ("{{ subject.owners[5].id }}", "needs what is not there: there is no item 5"),
        ("{{ subject.title.__class__ }}", "needs what is not there"),
        ("{{ subject['__class__'] }}", "needs what is not there"),
        ("{{ subject.items }}", "needs what is not there"),
        ("{{ subject.owners }} x", "puts a list into text"),
        ("{{ subject }} x", "puts a table into text"),
        ("{{ 'x' | lookup('priority') }}", "[tables.priority] has nothing for 'x'"),
        ("{{ 'x' | local_time }}", "'x' is not a time"),
        ("{{ 'me' | jira_user }}", "'me' is not an email address"),
        ("{{ 'a' * 100000000 }}", "multiplies something that is no number"),
        ("{{ '%1000000000s' % 'a' }}", "formats text with %"),
        ("{{ [1] * 100000000 }}", "multiplies something that is no number"),
        ("{{ range(1000000000) | length }}", "counts further than 10,000"),
        ("{{ 1 / 0 }}", "fails: division by zero"),
        ("{{ 'a' + 1 }}", "fails: can only concatenate str"),
        ("{{ 999999999999 * 999999999999 }}", "makes a number that is too large"),
        ("{% set x = 'aaaaaaaaaa' %}" + "{% set x = x ~ x %}" * 40 + "{{ x }}", "makes more than"),
        ("{% set x = 'aaaaaaaaaa' %}" + "{% set x = x + x %}" * 40 + "{{ x }}", "makes more than"),
        ("{% set x = [1] %}" + "{% set x = x + x %}" * 40 + "{{ x }}", "makes a list that is too"),
        (
            "{{ 'aaaa' | replace('a', 'b' ~ 'c' | replace('c', 'd')) | replace('', 'x') }}",
            "nothing",
        ),
        ("{% for a in range(9999) %}aaaaaaaaaaaaaaaaaaaa{% endfor %}", "makes more than"),
        (
            "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
            "takes too long",
        ),
        ("{% for c in subject.title %}{{ c }}{% endfor %}", "`for` goes through a list"),
    ],
)
def test_a_template_that_cannot_go_on_says_why(text: str, words: str) -> None:
    with pytest.raises(Wrong) as caught:
        render(text)
    assert words in caught.value.problem


def test_what_upstream_sends_is_never_evaluated() -> None:
    hostile = "{{ 7 * 7 }}{% for x in range(9) %}{{ x }}{% endfor %}"
    found = desired(
        '[[rule]]\nname = "x"\nfields.summary = "{{ subject.title }} {{ subject.title | md }}"\n',
        issue(title=hostile, description=hostile, owners=[owner(hostile)]),
    )
    assert found.fields["summary"].value.startswith(hostile)
    assert "49" not in found.fields["description"].value


def test_a_failing_template_leaves_its_field_out_with_key_place_and_remedy() -> None:
    text = '[[rule]]\nname = "x"\nwhen.kind = "issue"\n[rule.fields]\n'
    text += 'summary = """\n\n\n{{ issue.owners[0].title }}"""\n'
    made = desired(text, issue(owners=[]))
    (failed,) = made.failed.values()
    assert (failed.cause, failed.key, failed.where) == (Cause.RULE, "fields.summary", "10.toml:8")
    assert str(failed) == (
        "the template of fields.summary needs what is not there: there is no item 0; the list is "
        "shorter (rule 'x', 10.toml:8). Guard it with {% if … %}, or give a `default`."
    )
    assert made.fields["description"].value


def test_a_failing_template_of_a_group_rejects_with_its_place() -> None:
    text = '[[rule]]\nname = "x"\nwhen.kind = "issue"\ngroup_by = "{{ issue.owners[0].title }}"\n'
    with pytest.raises(Rejected) as caught:
        desired(text, issue(owners=[]))
    assert "the template of group_by (10.toml:4) needs what is not there" in str(caught.value)


def test_what_upstream_left_out_reads_as_empty() -> None:
    found = desired(
        '[[rule]]\nname = "x"\nwhen.kind = "issue"\n[rule.fields]\n'
        'summary = "[{{ issue.trigger_entity.name }}{{ issue.trigger_entity.identifier.schema }}'
        "{{ issue.status_actor.name }}{{ issue.trigger_name }}]"
        '{{ issue.monitored_entities[0].identifier.dataset }}"\n',
        issue(trigger_entity=None, trigger_name=None, monitored_entities=[entity()]),
    )
    assert found.fields["summary"].value == "[]"


def test_a_table_shows_entities_with_links_and_is_cut_when_long() -> None:
    table = Template("{{ e | table(2) }}").render({"e": [entity(f"a|{n}") for n in range(5)]})
    assert table == (
        "| Entity | Type | Folder |\n| --- | --- | --- |\n"
        "| [a\\|0](https://app.example.com/e/a%7C0) | Table | /analytics/mart |\n"
        "| [a\\|1](https://app.example.com/e/a%7C1) | Table | /analytics/mart |\n"
        "\n… and 3 more.\n"
    )
    assert Template("{{ [] | table }}").render({}) == ""


def test_one_template_is_rendered_by_many_threads_at_once() -> None:
    made = Template("{% for i in range(200) %}{{ n }} {% endfor %}")
    wrong: list[int] = []

    def work(n: int) -> None:
        for _ in range(20):
            if made.render({"n": n}) != f"{n} " * 200:
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_table_of_subjects_says_when_they_started_as_people_read_it() -> None:
    subjects = [
        {
            "kind": "issue",
            "title": "late",
            "url": "",
            "state": "no_action_needed",
            "started_at": when,
        }
        for when in ("2024-09-06T12:34:56.123456789Z", "", "last | week")
    ]
    rows = Template("{{ s | table }}").render({"s": subjects}).splitlines()
    assert rows[2:] == [
        "| late | no action needed | 2024-09-06 12:34 UTC |",
        "| late | no action needed |   |",
        "| late | no action needed | last \\| week |",
    ]
