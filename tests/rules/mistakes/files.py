"""Files that are no TOML, or no set of rules. What is written, and the exact message a person gets."""

X = '[[rule]]\nname = "x"\n'

CASES = {
    "text without quotes": (
        X + "project = DATA\n",
        "10.toml:3: is not TOML: a value is missing, or text stands without quotes (column 11). "
        "Put text in quotes.",
    ),
    "a quote left open": (
        X + 'project = "DATA\n',
        "10.toml:3: is not TOML: a text has no closing quote (column 16). Close it on the same "
        "line.",
    ),
    "the same key twice": (
        X + 'project = "A"\nproject = "B"\n',
        "10.toml:4: is not TOML: a key is written twice (column 14). Keep one of them.",
    ),
    "a bracket left open": (
        X + 'issue_type = ["Bug"\n',
        "10.toml:3: is not TOML: a list has no closing bracket (at the end of the file). Close it"
        " with ].",
    ),
    "no value": (
        X + "project =\n",
        "10.toml:3: is not TOML: a value is missing, or text stands without quotes (column 10). "
        "Put text in quotes.",
    ),
    "a header left open": (
        '[[rule]\nname = "x"\n',
        "10.toml:1: is not TOML: expected ']]' at the end of an array declaration (column 7). "
        "Tables stand in brackets, text in quotes.",
    ),
    "no rules": (
        '[defaults]\nproject = "DATA"\n',
        "10.toml: there is no rule. Begin one with [[rule]].",
    ),
    "nothing": ("", "10.toml: there is no rule. Begin one with [[rule]]."),
    "the same name twice": (
        X + 'when.kind = "issue"\n' + X,
        "10.toml:5: name: 'x' is the name of another rule already (10.toml:1). Give each rule a "
        "name of its own.",
    ),
    "an inline table left open": (
        X + 'when = { title = "a"\n',
        "10.toml:3: is not TOML: an inline table has no closing brace (column 21). Close it with "
        "}.",
    ),
    "a key without a value": (
        X + "project\n",
        "10.toml:3: is not TOML: a key has no = (column 8). Write key = value.",
    ),
    "lists in lists in lists": (
        X + f"x = {'[' * 5000}{']' * 5000}\n",
        "10.toml: has lists or tables within each other, hundreds deep. Nothing here is nested so deep; "
        "remove them.",
    ),
    "a number of thousands of digits": (
        X + f"x = {'9' * 5000}\n",
        "10.toml:3: has a number of thousands of digits. No value is so large; correct it.",
    ),
    "an empty project": (
        X + 'project = ""\n',
        "10.toml:3: project: is empty. Give it a value, or remove it.",
    ),
}
