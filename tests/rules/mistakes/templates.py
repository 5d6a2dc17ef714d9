"""Mistakes in templates, in grouping, and in what refers to config.toml.

What is written, and the exact message a person gets."""

X = '[[rule]]\nname = "x"\n'

CASES = {
    "a name that is not there": (
        X + 'fields.summary = "{{ isue.title }}"\n',
        "10.toml:3: fields.summary: there is nothing called 'isue'. Did you mean 'issue'?",
    ),
    "a field that is not there": (
        X + 'when.kind = "issue"\nfields.summary = "{{ issue.titel }}"\n',
        "10.toml:4: fields.summary: there is no field 'titel' in `issue`. Did you mean 'title'?",
    ),
    "an issue where incidents match": (
        X + 'fields.summary = "{{ issue.title }}"\n',
        "10.toml:3: fields.summary: there is no `issue` when the rule matches an incident. Use "
        '`subject`, add kind = "issue" to the rule\'s `when`, or write {% if issue %} around it.',
    ),
    "an issue in a rule of incidents": (
        X + 'when.kind = "incident"\nfields.summary = "{{ issue.title }}"\n',
        "10.toml:4: fields.summary: there is no `issue` in a rule of incidents. Use `incident` or"
        " `subject`.",
    ),
    "owners where incidents match": (
        X + 'fields.labels = "{{ subject.owners }}"\n',
        "10.toml:3: fields.labels: only issues have 'owners', and the rule matches both kinds. "
        'Add kind = "issue" to the rule\'s `when`, or write {% if issue %} around it.',
    ),
    "an entity's field that is not there": (
        X + 'when.kind = "issue"\nfields.summary = "{{ issue.trigger_entity.nme }}"\n',
        "10.toml:4: fields.summary: there is no field 'nme' in `issue.trigger_entity`. Did you "
        "mean 'name'?",
    ),
    "a field of a list": (
        X + 'when.kind = "issue"\nfields.summary = "{{ issue.owners.title }}"\n',
        "10.toml:4: fields.summary: `issue.owners` is a list, which has no 'title'. Take one, as "
        "in `issue.owners[0].title`, or all: `issue.owners | map(attribute='title') | join(', "
        "')`.",
    ),
    "a field of text": (
        X + 'fields.summary = "{{ subject.title.text }}"\n',
        "10.toml:3: fields.summary: `subject.title` is text or a number, which has no 'text'. "
        "Write `subject.title`, without what comes after.",
    ),
    "a field of an item of a loop": (
        X
        + 'when.kind = "issue"\nfields.summary = "{% for o in issue.owners %}{{o.titl}}{% endfor %}"\n',
        "10.toml:4: fields.summary: there is no field 'titl' in `o`. Did you mean 'title'?",
    ),
    "a field of items mapped": (
        X
        + 'when.kind = "issue"\nfields.labels = "{{ issue.owners | map(attribute=\'nam\') | list }}"\n',
        "10.toml:4: fields.labels: there is no field 'nam' in the items of `issue.owners`. Known "
        "here: id, title, url, emails.",
    ),
    "an unclosed expression": (
        X + 'fields.summary = "{{ subject.title"\n',
        "10.toml:3: fields.summary: is not a template: unexpected end of template, expected 'end "
        "of print statement'. Values go between {{ and }}, and each {% if %} and {% for %} has "
        "its end.",
    ),
    "an if without its end": (
        X + 'fields.summary = "{% if issue %}a"\n',
        "10.toml:3: fields.summary: is not a template: unexpected end of template. Jinja was "
        "looking for the following tags: 'elif' or 'else' or 'endif'. The innermost block that "
        "needs to be closed is 'if'. Values go between {{ and }}, and each {% if %} and {% for %}"
        " has its end.",
    ),
    "an unknown tag": (
        X + 'fields.summary = "{% iff issue %}a{% endif %}"\n',
        "10.toml:3: fields.summary: is not a template: encountered unknown tag 'iff'. Values go "
        "between {{ and }}, and each {% if %} and {% for %} has its end.",
    ),
    "an unknown filter": (
        X + 'fields.summary = "{{ subject.title | trunc(5) }}"\n',
        "10.toml:3: fields.summary: there is no filter 'trunc'. Did you mean 'truncate'?",
    ),
    "a filter with a wrong argument": (
        X + 'fields.summary = "{{ subject.title | truncate(size=5) }}"\n',
        "10.toml:3: fields.summary: `truncate`: got an unexpected keyword argument 'size'. "
        "`truncate` says: The text in at most `length` characters; `end` marks a cut.",
    ),
    "an unknown test": (
        X + 'fields.summary = "{{ 1 if subject.title is emty else 2 }}"\n',
        "10.toml:3: fields.summary: there is no test 'emty'. Known here: defined, undefined, "
        "none, string, number, integer, float, boolean, mapping, sequence, even, odd, in, eq, "
        "equalto, ne, lt, le, gt, ge, true, false, divisibleby, lower, upper, sameas.",
    ),
    "a method": (
        X + 'fields.summary = "{{ subject.title.lower() }}"\n',
        "10.toml:3: fields.summary: lower() is a call, and only range() can be called. Write it "
        "as a filter: … | lower.",
    ),
    "a function": (
        X + 'fields.summary = "{{ now() }}"\n',
        "10.toml:3: fields.summary: now() is a call, and only range() can be called. Use a filter.",
    ),
    "a macro": (
        X + 'fields.summary = "{% macro a() %}{% endmacro %}"\n',
        "10.toml:3: fields.summary: {% macro %} is not part of templates here. Use {{ … }}, if, "
        "for, set and filters.",
    ),
    "an include": (
        X + "fields.summary = \"{% include 'a' %}\"\n",
        "10.toml:3: fields.summary: {% include %} is not part of templates here. Use {{ … }}, if,"
        " for, set and filters.",
    ),
    "a power": (
        X + 'fields.summary = "{{ 9 ** 9 }}"\n',
        "10.toml:3: fields.summary: ** is not part of templates here. Use {{ … }}, if, for, set "
        "and filters.",
    ),
    "an unknown table": (
        X + "fields.priority = \"{{ severity | lookup('prio') }}\"\n",
        "10.toml:3: fields.priority: `lookup`: there is no table 'prio'. Begin one with "
        "[tables.prio].",
    ),
    "a misspelt table": (
        '[tables.priority]\nerror = "High"\n'
        + X
        + 'fields.priority = "{{ tables.priorty[severity] }}"\n',
        "10.toml:5: fields.priority: there is no table 'priorty' in `tables`. Did you mean "
        "'priority'?",
    ),
    "a key that a table does not have": (
        '[tables.priority]\nerror = "High"\n'
        + X
        + 'fields.priority = "{{ tables.priority.eror }}"\n',
        "10.toml:5: fields.priority: there is no key 'eror' in `tables.priority`. Did you mean "
        "'error'?",
    ),
    "a time zone that is none": (
        X + "fields.summary = \"{{ subject.started_at | local_time('Europe/Pargue') }}\"\n",
        "10.toml:3: fields.summary: `local_time`: 'Europe/Pargue' is not a time zone. Did you"
        " mean 'Europe/Prague'?",
    ),
    "a duration that is none, in a template": (
        X + "fields.due_date = \"{{ subject.started_at | plus('3 days') | date }}\"\n",
        "10.toml:3: fields.due_date: `plus`: '3 days' is not a duration. Write it as \"7d\","
        ' "1h30m", "3 business days", "8 business hours", or as a number of seconds.',
    ),
    "a span of working time that is none, as the default of a lookup": (
        '[tables.days]\nerror = "3d"\n'
        + X
        + "fields.due_date = \"{{ subject.started_at | plus(severity | lookup('days', '3 busines days'))"
        ' }}"\n',
        "10.toml:5: fields.due_date: `plus`: '3 busines days' is not a duration. Write it as \"7d\","
        ' "1h30m", "3 business days", "8 business hours", or as a number of seconds.',
    ),
    "a span of working time that is none, in a table": (
        '[tables.days]\nerror = "3 bisness days"\n'
        + X
        + "fields.due_date = \"{{ subject.started_at | plus(severity | lookup('days', '3d')) }}\"\n",
        "10.toml:5: fields.due_date: `plus`: '3 bisness days' is not a duration. Write it as \"7d\","
        ' "1h30m", "3 business days", "8 business hours", or as a number of seconds.',
    ),
    "half a business day": (
        X + "fields.due_date = \"{{ subject.started_at | plus('1.5 business days') }}\"\n",
        "10.toml:3: fields.due_date: `plus`: '1.5 business days' is no whole number of days. Count "
        'parts of days in "business hours".',
    ),
    "more business days than ten years have": (
        X + "fields.due_date = \"{{ subject.started_at | plus('9999 business days') }}\"\n",
        "10.toml:3: fields.due_date: `plus`: '9999 business days' is no duration that makes sense. "
        "Use one of up to ten years: 2,600 business days or 20,800 business hours.",
    ),
    "a misspelt time zone of working time": (
        X
        + "fields.due_date = \"{{ subject.started_at | plus('1 business day', 'Europe/Berln') }}\"\n",
        "10.toml:3: fields.due_date: `plus`: 'Europe/Berln' is not a time zone. Did you mean "
        "'Europe/Berlin'?",
    ),
    "the name of a country for its code": (
        X
        + "fields.due_date = \"{{ subject.started_at | plus('1 business day', 'UTC', 'Germany') }}\"\n",
        "10.toml:3: fields.due_date: `plus`: there is no calendar of holidays 'Germany'. Did you mean "
        "'DE'?",
    ),
    "the name of a part of a country for its code": (
        X
        + "fields.due_date = \"{{ subject.started_at | plus('1 business day', calendar='DE-Berlin') }}"
        '"\n',
        "10.toml:3: fields.due_date: `plus`: there is no calendar of holidays 'DE-Berlin'. Did you "
        "mean 'DE-BE'?",
    ),
    "a part of a country that has none": (
        X
        + "fields.due_date = \"{{ subject.started_at | plus('1 business day', calendar='CZ-PR') }}"
        '"\n',
        "10.toml:3: fields.due_date: `plus`: there is no calendar of holidays 'CZ-PR'. All of CZ has "
        "the same holidays: write 'CZ'.",
    ),
    "working hours that end before they begin": (
        X
        + "fields.due_date = \"{{ subject.started_at | plus('1 business hour', hours='17:00-09:00') }}"
        '"\n',
        "10.toml:3: fields.due_date: `plus`: '17:00-09:00' are no working hours. Write them as "
        "'09:00-17:00'.",
    ),
    "the name of a language for its code": (
        X + "fields.summary = \"{{ subject.started_at | local_time(language='german') }}\"\n",
        "10.toml:3: fields.summary: `local_time`: 'german' is not a language. Did you mean 'de'?",
    ),
    "the third line of a text": (
        X + 'fields.description = """\nfirst\nsecond\n{{ subject.tite }}\n"""\n',
        "10.toml:6: fields.description: there is no field 'tite' in `subject`. Did you mean "
        "'title'?",
    ),
    "the second of a list": (
        X + 'fields.labels = [\n  "a",\n  "{{ subjct.id }}",\n]\n',
        "10.toml:5: fields.labels[2]: there is nothing called 'subjct'. Did you mean 'subject'?",
    ),
    "a comment": (
        X + 'status.closed = { comment = "{{ even.type }}" }\n',
        "10.toml:3: status.closed.comment: there is nothing called 'even'. Did you mean 'event'?",
    ),
    "a field of a screen": (
        X + 'status.closed = { fields = { "Root cause" = "{{ subject.caus }}" } }\n',
        "10.toml:3: status.closed.fields.Root cause: there is no field 'caus' in `subject`. Known"
        " here: title, description, description_html, started_at, ended_at, id, kind, url, "
        "severity, state, issue_ids, impact.",
    ),
    "an unknown word for grouping": (
        X + 'group_by = "entitiy"\n',
        "10.toml:3: group_by: 'entitiy' is neither a template nor one of its words. Did you mean "
        "'entity'?",
    ),
    "a template for grouping": (
        X + 'when.kind = "issue"\ngroup_by = ["day", "{{ issue.ower }}"]\n',
        "10.toml:4: group_by[2]: there is no field 'ower' in `issue`. Did you mean 'owners'?",
    ),
    "a template for the project": (
        X + 'project = "{{ subject.title }}"\n',
        "10.toml:3: project: must be one project's key, not a template. Write a rule for each "
        "project.",
    ),
    "a site that is not configured": (
        X + 'site = "mian"\n',
        "10.toml:3: site: there is no site 'mian' in config.toml. Did you mean 'main'?",
    ),
    "a site without a project": (
        X + 'site = "ops"\n',
        "10.toml:1: project: is missing, and the site 'ops' has no default project. Set project ="
        ' "KEY" here, or project under [sites.ops] in config.toml.',
    ),
    "a default that no rule can use": (
        '[defaults.fields]\npriority = "{{ sevrity }}"\n' + X,
        "10.toml:2: defaults.fields.priority: there is nothing called 'sevrity'. Did you mean "
        "'severity'?",
    ),
}
