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
        "10.toml:4: is not TOML: a key is written twice, first in line 3 (column 14). Keep one of "
        "them.",
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
        "10.toml:1: is not TOML: [[ is closed with a single bracket (column 7). Write [[rule]], with "
        "two brackets on each side.",
    ),
    "no comma between entries": (
        X + 'when = { kind = "issue" owner = "x" }\n',
        "10.toml:3: is not TOML: a comma is missing before owner (column 25). Write { one = …, "
        "other = "
        "… }.",
    ),
    "no comma between values": (
        X + 'issue_type = ["Bug" "Task"]\n',
        "10.toml:3: is not TOML: a comma is missing between the values of a list (column 21). Write "
        '["one", "other"].',
    ),
    "an inline table over lines": (
        X + 'when = {\n  kind = "issue",\n}\n',
        "10.toml:3: is not TOML: an inline table goes over several lines (column 9). Write it on one "
        "line, or as a table of its own that begins with [rule.when].",
    ),
    "an inline table over lines with a remark": (
        X + 'when = { # which\n  kind = "issue" }\n',
        "10.toml:3: is not TOML: an inline table goes over several lines (column 10). Write it on one "
        "line, or as a table of its own that begins with [rule.when].",
    ),
    "a comma at the end of an inline table": (
        X + 'when = { kind = "issue", }\n',
        "10.toml:3: is not TOML: a comma stands before the closing brace (column 26). Remove that "
        "comma.",
    ),
    "a name with a space": (
        X + '[rule.fields]\nData domain = "x"\n',
        "10.toml:4: is not TOML: the name Data domain stands without quotes (column 6). Put it in "
        "quotes: "
        '"Data domain" = …',
    ),
    "a name with an umlaut": (
        X + '[rule.fields]\nPriorität = "x"\n',
        "10.toml:4: is not TOML: the name Priorität stands without quotes (column 8). Put it in "
        "quotes: "
        '"Priorität" = …',
    ),
    "a table twice": (
        X + '[rule.fields]\npriority = "High"\n[rule.fields]\nlabels = ["x"]\n',
        "10.toml:5: is not TOML: the table [rule.fields] is there twice, first in line 3 (column "
        "13). Put "
        "all its keys under one [rule.fields].",
    ),
    "the form of another file format": (
        X + 'issue_type: "Bug"\n',
        "10.toml:3: is not TOML: a colon stands between key and value (column 11). Write key = value.",
    ),
    "curly quotes": (
        X + "issue_type = \u201cBug\u201d\n",
        "10.toml:3: is not TOML: a text stands in curly quotes (column 14). Use straight ones: "
        '"text".',
    ),
    "a backslash": (
        X + 'when = { title = "/\\d+/" }\n',
        "10.toml:3: is not TOML: a text in double quotes has a single \\ (column 22). Write '…' in "
        "single "
        "quotes, or double each \\.",
    ),
    "true with a capital": (
        X + "create_when_ended = True\n",
        "10.toml:3: is not TOML: true or false begins with a capital (column 21). Write true or "
        "false.",
    ),
    "a comma after a value": (
        X + 'issue_type = "Bug",\n',
        "10.toml:3: is not TOML: a comma stands after a value (column 19). Remove it: each key has "
        "a line "
        "of its own.",
    ),
    "two keys on one line": (
        X + 'issue_type = "Bug" hold = "1m"\n',
        "10.toml:3: is not TOML: two keys stand on one line (column 20). Give each key a line of "
        "its own.",
    ),
    "a key of the rule after its fields": (
        X + '[rule.fields]\npriority = "High"\nhold = "10m"\n',
        "10.toml:5: fields.hold: is a key of the rule, and stands under its fields. Move it above the "
        "table of fields. A Jira field of that name is written with a capital ('Hold') or by its id.",
    ),
    "a date's form where a zone belongs": (
        X + "[rule.fields]\ndue_date = \"{{ subject.started_at | date('%d.%m.%Y') }}\"\n",
        "10.toml:4: fields.due_date: `date`: '%d.%m.%Y' is a date's form where a time zone "
        "belongs. `date` "
        "takes a zone, and writes 2024-09-06, as Jira wants it. For another form: {{ "
        "issue.started_at | "
        "local_time('Europe/Prague', '%d.%m.%Y') }}.",
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
        "10.toml: has lists or tables within each other, hundreds deep. Nothing here is nested so "
        "deep; "
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
