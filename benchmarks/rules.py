"""How long it takes to load rules, to match subjects, and to project a ticket.

The same subjects are matched against sets of growing size. All but one rule in a set are for owners
that no subject has, so they cannot match: the rate should stay the same as their number grows.
"""

from __future__ import annotations

import argparse
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import sync.rules
from benchmarks.rows import Row
from sync.domain.subject import EventType, Kind, Snapshot, Status, SubjectRef
from sync.rules import Defaults, RuleSet, parse
from sync.rules.context import context_of
from sync.rules.templates import template

OWNERS = 40
_BUILTIN = Path(sync.rules.__file__).with_name("builtin.toml")
BUILTIN_FIELDS = tomllib.loads(_BUILTIN.read_text("utf-8"))["defaults"]["fields"]


def rule_text(number: int) -> str:
    """Rules of several kinds: by owner, by table, by trigger."""
    conditions = (
        f'owner = "Other Team {number}", title = "*stale*"',
        f'entity = {{ platform = "snowflake_table", schema = "other_{number}", name = "*" }}',
        f'trigger = ["other {number}", "another {number}"], not = {{ owner = "Nobody" }}',
    )
    return f"""
[[rule]]
name = "rule {number}"
when = {{ kind = "issue", {conditions[number % 3]} }}
project = "P{number % 50}"
fields.priority = "High"
fields.labels = ["data", "{{{{ issue.trigger_name | slug }}}}"]
"""


def rules_text(count: int) -> str:
    """``count`` rules, of which only the last can match."""
    last = '\n[[rule]]\nname = "last"\nwhen = { kind = "issue", title = "*stale*" }\n'
    return "".join(rule_text(number) for number in range(count - 1)) + last


def subject(number: int) -> Snapshot:
    """An issue as upstream sends it."""
    entity = {
        "name": f"table_{number % 5000}",
        "type_name": "Table",
        "folder": "/analytics/mart",
        "entity_url": f"https://app.example.com/e/{number}",
        "identifier": {
            "platform": "snowflake_table",
            "account": "example",
            "database": "ANALYTICS",
            "schema": f"mart_{number % 20}",
            "table": f"TABLE_{number % 5000}",
        },
    }
    payload = {
        "issue_id": str(number),
        "issue_url": f"https://app.example.com/i/{number}",
        "title": f"Table table_{number % 5000} is stale",
        "description": "No new rows since noon.",
        "trigger_entity": entity,
        "directly_affected_entities": [entity],
        "monitored_entities": [entity],
        "started_at": "2026-01-01T00:00:00Z",
        "ended_at": "",
        "trigger_name": f"freshness {number % 7}",
        "trigger_message": "3 hours late",
        "owners": [{"id": f"o{number % OWNERS}", "title": f"Team {number % OWNERS}", "url": ""}],
    }
    return Snapshot(
        ref=SubjectRef("coalesce", Kind.ISSUE, str(number)),
        workspace="acme",
        status=Status.OPEN,
        event_type=EventType.ISSUE_CREATED,
        event_time=1_767_225_600_000_000_000 + number,
        event_id=str(number),
        payload=payload,
    )


def timed(work: Callable[[], object]) -> float:
    """CPU seconds that ``work`` takes."""
    began = time.process_time()
    work()
    return time.process_time() - began


def match_all(rules: RuleSet, subjects: Sequence[Snapshot]) -> None:
    """Match every subject; each must find the last rule."""
    last = rules.rules[-1]
    for snapshot in subjects:
        if rules.match(snapshot) is not last:
            raise SystemExit("A subject matched another rule than it should.")


def rows() -> Iterator[Row]:
    """Matching beside the one condition that holds, projecting beside the templates alone."""
    subjects, defaults = (
        [subject(number) for number in range(20_000)],
        Defaults({"main": "DATA"}, "main"),
    )
    for count in (10, 1000):
        rules = parse({"r.toml": rules_text(count)}, defaults)
        when = rules.rules[-1].when
        limit = timed(lambda when=when: [when.holds(one) for one in subjects]) / len(subjects)
        each = timed(lambda rules=rules: match_all(rules, subjects)) / len(subjects)
        yield Row(f"rules: match among {count}", each * 1e6, "µs", limit * 1e6, each * 1e3)
    rule, some = rules.rules[-1], subjects[:2000]
    templates = [template(BUILTIN_FIELDS[name]) for name in ("summary", "description")]
    contexts = [context_of([one], {}) for one in some]
    limit = timed(lambda: [each.render(seen) for seen in contexts for each in templates]) / len(
        some
    )
    each = timed(lambda: [rule.project_ticket(str(one.ref), [one]) for one in some]) / len(some)
    yield Row("rules: project a ticket", each * 1e6, "µs", limit * 1e6, each * 1e3)


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--subjects", type=int, default=100_000)
    parser.add_argument("--rules", default="10,100,1000")
    arguments = parser.parse_args(argv)
    subjects = [subject(number) for number in range(arguments.subjects)]
    defaults = Defaults({"main": "DATA"}, "main")
    parse({"warm.toml": rules_text(2)}, defaults)
    print(f"{'rules':>7} {'load':>10} {'match':>12} {'each':>10} {'project':>12}")
    for count in map(int, arguments.rules.split(",")):
        text = rules_text(count)
        found: list[RuleSet] = []
        load = timed(lambda text=text, found=found: found.append(parse({"r.toml": text}, defaults)))
        rules = found[0]
        match = timed(lambda rules=rules: match_all(rules, subjects))
        some, rule = subjects[:1000], rules.rules[-1]
        project = timed(
            lambda rule=rule, some=some: [rule.project_ticket(str(s.ref), [s]) for s in some]
        )
        print(
            f"{count:>7} {load:>8.2f} s {len(subjects) / match:>10,.0f}/s "
            f"{match / len(subjects) * 1e6:>7.1f} µs {len(some) / project:>10,.0f}/s"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
