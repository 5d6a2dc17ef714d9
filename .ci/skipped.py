"""Fail when a test was skipped: in CI each part that tests may do without locally must be there.

Only the reference documents may be missing, on a machine that has none of them; where their folder is,
a test that cannot find its document fails by itself. The report also lists as skipped what ran and was
expected to fail: the named exceptions of the contract suites, of which one that passes fails the run.
"""

from __future__ import annotations

import sys
from xml.etree import ElementTree

NO_REFERENCES = "TICKET_SYNC_REFERENCE names the one with references"

reports = [ElementTree.parse(file).getroot() for file in sys.argv[1:]]  # noqa: S314 - our own
cases = [case for report in reports for case in report.findall(".//testcase")]
skipped = [
    f"{case.get('classname')}.{case.get('name')}: {reason.get('message')}"
    for case in cases
    for reason in case.findall("skipped")
    if reason.get("type") != "pytest.xfail"
    and NO_REFERENCES not in f"{reason.get('message')} {reason.text}"
]
for line in skipped:
    print(line)  # noqa: T201
if skipped or not cases:
    sys.exit(f"{len(skipped)} of {len(cases)} tests were skipped; here none may be.")
print(f"{len(cases)} tests, none skipped.")  # noqa: T201
