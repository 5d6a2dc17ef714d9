"""Keys and values of the wrong kind. What is written, and the exact message a person gets."""

X = '[[rule]]\nname = "x"\n'

CASES = {
    "a key that does not exist": (
        X + 'wen = { title = "a" }\n',
        "10.toml:3: wen: is not a key here. Did you mean 'when'?",
    ),
    "a misspelt key": (
        X + 'isue_type = "Bug"\n',
        "10.toml:3: isue_type: is not a key here. Did you mean 'issue_type'?",
    ),
    "a field outside its table": (
        X + 'summary = "a"\n',
        "10.toml:3: summary: is not a key here. It belongs in [rule.fields].",
    ),
    "a condition outside when": (
        X + 'title = "a*"\n',
        "10.toml:3: title: is not a key here. It belongs in the rule's `when`.",
    ),
    "rules instead of rule": (
        '[[rules]]\nname = "x"\n',
        "10.toml:1: rules: is not a table of a rule file. Rules begin with [[rule]], in double "
        "brackets.",
    ),
    "a single bracket": (
        '[rule]\nname = "x"\n',
        "10.toml:1: rule: is written with single brackets. Rules begin with [[rule]], in double "
        "brackets.",
    ),
    "a top-level key of a rule": (
        'project = "DATA"\n' + X,
        "10.toml:1: project: is not a key here. It belongs in [[rule]].",
    ),
    "no name": (
        '[[rule]]\nproject = "DATA"\n',
        '10.toml:1: name: is missing. Give the rule a name of its own: name = "…".',
    ),
    "an empty name": (
        '[[rule]]\nname = ""\n',
        '10.toml:2: name: is empty. Give the rule a name of its own: name = "…".',
    ),
    "a number for a name": (
        "[[rule]]\nname = 7\n",
        "10.toml:2: name: must be text in quotes, not 7. Put it in quotes.",
    ),
    "a number for a project": (
        X + "project = 12\n",
        "10.toml:3: project: must be text in quotes, not 12. Put it in quotes.",
    ),
    "an empty issue type": (
        X + "issue_type = []\n",
        '10.toml:3: issue_type: an empty list holds for nothing. Write one as "Done", or several '
        'as ["Done", …].',
    ),
    "a number among issue types": (
        X + 'issue_type = ["Bug", 3]\n',
        '10.toml:3: issue_type: must be a name, not 3. Write one as "Done", or several as '
        '["Done", …].',
    ),
    "true in words": (
        X + 'create_when_ended = "yes"\n',
        "10.toml:3: create_when_ended: must be true or false, not 'yes'. Write true or false, "
        "without quotes.",
    ),
    "an unknown word for deleted tickets": (
        X + 'on_deleted = "recrate"\n',
        "10.toml:3: on_deleted: cannot be 'recrate'. Did you mean 'recreate'?",
    ),
    "a storm without a window": (
        X + "storm = { limit = 5 }\n",
        '10.toml:3: storm.window: is missing. Write both: storm = { limit = 20, window = "10m" }.',
    ),
    "a storm of none": (
        X + 'storm = { limit = 0, window = "5m" }\n',
        "10.toml:3: storm.limit: must be at least 1, not 0. Remove storm, if there is to be no "
        "limit.",
    ),
    "a storm of a number": (
        X + "storm = 20\n",
        '10.toml:3: storm: must be a table, not 20. Write storm = { limit = 20, window = "10m" }.',
    ),
    "a duration without a unit": (
        X + 'hold = "10"\n',
        '10.toml:3: hold: \'10\' is not a duration. Write it as "10m", "7d", "1h30m", or as a '
        "number of seconds.",
    ),
    "a duration in words": (
        X + 'hold = "ten minutes"\n',
        '10.toml:3: hold: \'ten minutes\' is not a duration. Write it as "10m", "7d", "1h30m", or '
        "as a number of seconds.",
    ),
    "a negative duration": (
        X + "close_after = -5\n",
        "10.toml:3: close_after: -5 is no duration that makes sense. Use one from 0 to ten years.",
    ),
    "an endless duration": (
        X + 'reopen_within = "100000d"\n',
        "10.toml:3: reopen_within: '100000d' is no duration that makes sense. Use one from 0 to "
        "ten years.",
    ),
    "true for a duration": (
        X + "hold = true\n",
        '10.toml:3: hold: true is not a duration. Write it as "10m", "7d", "1h30m", or as a '
        "number of seconds.",
    ),
    "a status map with an unknown status": (
        X + '[rule.status]\nfixd = "Done"\n',
        "10.toml:4: status.fixd: is not a key here. Did you mean 'fixed'?",
    ),
    "a number for a status": (
        X + "[rule.status]\nfixed = 3\n",
        '10.toml:4: status.fixed: must be a status\'s name or a table, not 3. Write fixed = "Done"'
        ' or fixed = { category = "done" }.',
    ),
    "an unknown category": (
        X + 'status.closed = { category = "finished" }\n',
        "10.toml:3: status.closed.category: cannot be 'finished'. Known here: new, "
        "indeterminate, done.",
    ),
    "two targets": (
        X + 'status.closed = { status = "Done", transition = "Close" }\n',
        "10.toml:3: status.closed.transition: stands beside 'status', and a ticket can only go to"
        " one place. Keep one of status, transition, category, leave.",
    ),
    "prefer without a category": (
        X + 'status.closed = { status = "Done", prefer = ["Done"] }\n',
        "10.toml:3: status.closed.prefer: chooses within a category, and none is given. Add "
        'category = "done", or name the one status: status = "Done".',
    ),
    "leave = false": (
        X + "status.closed = { leave = false }\n",
        "10.toml:3: status.closed.leave: cannot be false. Write leave = true, or "
        "say where the ticket goes.",
    ),
    "an unknown key of a status": (
        X + 'status.closed = { status = "Done", resolutions = ["Done"] }\n',
        "10.toml:3: status.closed.resolutions: is not a key here. Did you mean 'resolution'?",
    ),
    "an unknown owner of a field": (
        X + 'fields.priority = "High"\nownership = { priority = "theirs" }\n',
        "10.toml:4: ownership.priority: cannot be 'theirs'. Known here: source, shared, yield, ticket.",
    ),
    "ownership of a field that is not set": (
        X + 'ownership = { priorty = "source" }\nfields.priority = "High"\n',
        "10.toml:3: ownership.priorty: is about a field the rule does not set. Did you mean "
        "'priority'?",
    ),
    "a capital letter in a standard field": (
        X + 'fields.Summary = "a"\n',
        "10.toml:3: fields.Summary: is not how this field is written. Did you mean 'summary'? A "
        "custom field goes by its exact name in quotes.",
    ),
    "a misspelt standard field": (
        X + 'fields.descripton = "a"\n',
        "10.toml:3: fields.descripton: is not how this field is written. Did you mean "
        "'description'? A custom field goes by its exact name in quotes.",
    ),
    "a standard field by Jira's id": (
        X + 'fields.duedate = "2026-01-01"\n',
        "10.toml:3: fields.duedate: is not how this field is written. Did you mean 'due_date'? A "
        "custom field goes by its exact name in quotes.",
    ),
    "no summary": (
        X + 'fields.summary = ""\n',
        "10.toml:1: fields.summary: is missing or empty, and Jira makes no ticket without it. "
        'Give one: summary = "{{ subject.title }}".',
    ),
    "comments on a field that is not set": (
        X + 'comments = { on = ["priority"], updated = "a" }\n',
        "10.toml:3: comments.on[1]: 'priority' is a field the rule does not set. Known here: "
        "summary, labels, description.",
    ),
    "an unknown key of comments": (
        X + 'comments = { update = "a" }\n',
        "10.toml:3: comments.update: is not a key here. Did you mean 'updated'?",
    ),
    "an unknown direction": (
        X + 'when.kind = "incident"\nissues = { direction = "out" }\n',
        "10.toml:4: issues.direction: cannot be 'out'. Did you mean 'outward'?",
    ),
    "issues of a rule without incidents": (
        X + 'when.kind = "issue"\nissues = { link = "Relates" }\n',
        "10.toml:4: issues: is for rules of incidents, and this one matches none. Add kind = "
        '"incident" to `when`, or remove the table.',
    ),
    "a value that is no table": (
        X + 'fields = "summary"\n',
        "10.toml:3: fields: must be a table, not 'summary'. Write its keys under [rule.fields].",
    ),
    "a table that is flat": (
        '[tables]\npriority = "High"\n' + X,
        "10.toml:2: tables.priority: must be a table, not 'High'. Write its keys under "
        "[tables.priority].",
    ),
    "a status behind a table of its own": (
        '[tables.priority]\nerror = "High"\nstatus.closed = "Done"\n' + X,
        "10.toml:3: tables.priority.status: is a table within a table to look things up in. "
        "Entries are text, numbers or lists. What belongs elsewhere goes before [tables.…].",
    ),
    "a key of upstream outside its table": (
        X + "announce = true\n",
        "10.toml:3: announce: is not a key here. It belongs in [rule.upstream].",
    ),
    "an unknown mark": (
        X + 'upstream.status = { fixd = "Done" }\n',
        "10.toml:3: upstream.status.fixd: is not a key here. Did you mean 'fixed'?",
    ),
    "comments upstream that are a bare word": (
        X + 'upstream = { comments = "@data" }\n',
        "10.toml:3: upstream.comments: must be all, none or a word that comments mention, not "
        '\'@data\'. Write "all", "none" or { mention = "@data" }.',
    ),
    "comments upstream that mention nothing": (
        X + 'upstream = { comments = { mention = " " } }\n',
        "10.toml:3: upstream.comments: must be all, none or a word that comments mention, not "
        '{ mention = \' \' }. Write "all", "none" or { mention = "#upstream" }.',
    ),
    "a sign that is a number": (
        X + "upstream.status = { fixed = 3 }\n",
        '10.toml:3: upstream.status.fixed: must be a status or a table, not 3. Write "Done", '
        '{ resolution = "Won\'t Do" } or { category = "done" }.',
    ),
    "a sign of two things": (
        X + 'upstream.status = { fixed = { status = "Done", resolution = "Done" } }\n',
        "10.toml:3: upstream.status.fixed: names 2 things, and one sign is one of status, resolution "
        'and category. Write several as a list: ["Done", { resolution = "Won\'t Do" }].',
    ),
    "a sign that stands for two marks": (
        X + 'upstream.status = { fixed = "Done", expected = ["Known", "done"] }\n',
        "10.toml:3: upstream.status.expected[2]: 'done' stands for fixed already, and can only stand "
        "for one. Name each status, resolution and category once.",
    ),
    "a state of incidents in a rule of issues": (
        X + 'when.kind = "issue"\nupstream.status = { closed = "Done" }\n',
        "10.toml:4: upstream.status.closed: is about incidents, and this rule matches none. Remove "
        'it, or add kind = "incident" to the rule\'s `when`.',
    ),
    "a side that does not exist": (
        X + 'upstream = { wins = "us" }\n',
        "10.toml:3: upstream.wins: cannot be 'us'. Known here: jira, upstream.",
    ),
    "a parent that is a table without an epic": (
        X + 'fields.parent = { epik = "Data quality" }\n',
        "10.toml:3: fields.parent: is a table without 'epic'. Write it as "
        'parent = { epic = "Data quality" }.',
    ),
    "an epic that is made or not": (
        X + 'fields.parent = { epic = "Data quality", make = "no" }\n',
        "10.toml:3: fields.parent.make: must be true or false.",
    ),
    "something beside an epic": (
        X + 'fields.parent = { epic = "Data quality", isue_type = "Epic" }\n',
        "10.toml:3: fields.parent.isue_type: is unknown. Did you mean 'issue_type'?",
    ),
    "a sprint without a board": (
        X + 'fields.sprint = { bord = "Data Team" }\n',
        "10.toml:3: fields.sprint: is a table without 'board'. Write it as "
        'sprint = { board = "Data Team" }.',
    ),
    "an empty name for a board": (
        X + 'fields.sprint = { board = " " }\n',
        "10.toml:3: fields.sprint.board: must be a text, and not empty.",
    ),
    "something beside a board": (
        X + 'fields.sprint = { board = "Data Team", state = "active" }\n',
        "10.toml:3: fields.sprint.state: is unknown. Known here: board.",
    ),
}
