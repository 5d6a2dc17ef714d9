"""Fail when a test was skipped: in CI each part that tests may do without locally must be there."""

from __future__ import annotations

import sys
from xml.etree import ElementTree

report = ElementTree.parse(sys.argv[1]).getroot()  # noqa: S314 - written by our own pytest
cases = report.findall(".//testcase")
skipped = [
    f"{case.get('classname')}.{case.get('name')}: {reason.get('message')}"
    for case in cases
    for reason in case.findall("skipped")
]
for line in skipped:
    print(line)  # noqa: T201
if skipped or not cases:
    sys.exit(f"{len(skipped)} of {len(cases)} tests were skipped; here none may be.")
print(f"{len(cases)} tests, none skipped.")  # noqa: T201
