"""Mistakes in conditions. What is written, and the exact message a person gets."""

X = '[[rule]]\nname = "x"\n'

CASES = {
    "an unknown condition": (
        X + 'when = { titel = "a" }\n',
        "10.toml:3: when.titel: is not a key here. Did you mean 'title'?",
    ),
    "when as text": (
        X + 'when = "title"\n',
        "10.toml:3: when: must be a table, not 'title'. Write conditions as when = { title = \"…\" "
        "} or under [rule.when].",
    ),
    "an unknown kind": (
        X + 'when = { kind = "isue" }\n',
        "10.toml:3: when.kind: cannot be 'isue'. Did you mean 'issue'?",
    ),
    "an unknown status": (
        X + 'when = { status = ["open", "close"] }\n',
        "10.toml:3: when.status: cannot be 'close'. Did you mean 'closed'?",
    ),
    "an unknown severity": (
        X + 'when = { severity = "critical" }\n',
        "10.toml:3: when.severity: cannot be 'critical'. Known here: info, warn, error, fatal.",
    ),
    "a number for a pattern": (
        X + "when = { title = 5 }\n",
        '10.toml:3: when.title: must be a pattern, not 5. Write one as "orders*", or several as '
        '["orders*", …].',
    ),
    "an empty pattern": (
        X + 'when = { title = "" }\n',
        '10.toml:3: when.title: is empty text. Write one as "orders*", or several as ["orders*", '
        "…].",
    ),
    "an empty list of patterns": (
        X + "when = { owner = [] }\n",
        '10.toml:3: when.owner: an empty list holds for nothing. Write one as "orders*", or '
        'several as ["orders*", …].',
    ),
    "an unknown field of an entity": (
        X + 'when = { entity = { databse = "A" } }\n',
        "10.toml:3: when.entity.databse: is not a key here. Did you mean 'database'?",
    ),
    "an entity without conditions": (
        X + "when = { entity = {} }\n",
        "10.toml:3: when.entity: has no condition. Give one, or remove it.",
    ),
    "an any that is no list": (
        X + 'when = { any = { title = "a" } }\n',
        "10.toml:3: when.any: must be a list, not { title = 'a' }. Write it as any = [{ title = "
        '"…" }, { owner = "…" }].',
    ),
    "an empty any": (
        X + "when = { any = [] }\n",
        "10.toml:3: when.any: is an empty list. Give at least one condition, or remove it.",
    ),
    "an unknown condition within any and not": (
        X + 'when = { any = [{ title = "a" }, { not = { ower = "b" } }] }\n',
        "10.toml:3: when.any[2].not.ower: is not a key here. Did you mean 'owner'?",
    ),
    "an empty not": (
        X + "when = { not = {} }\n",
        "10.toml:3: when.not: has no condition. Give one, or remove it.",
    ),
    "a broken regex": (
        X + 'when = { title = "/orders(/" }\n',
        "10.toml:3: when.title: '/orders(/' is not a regular expression: missing ), unterminated "
        "subpattern at character 7. Correct it, or leave out the slashes for plain text with * "
        "and ?.",
    ),
    "a regex with unknown flags": (
        X + 'when = { title = "/orders/gi" }\n',
        "10.toml:3: when.title: '/orders/gi' ends with 'gi'. After the last / only i may stand.",
    ),
    "a broken regex for an entity": (
        X + 'when = { entity = { schema = "/[/" } }\n',
        "10.toml:3: when.entity.schema: '/[/' is not a regular expression: unterminated character"
        " set at character 1. Correct it, or leave out the slashes for plain text with * and ?.",
    ),
}
