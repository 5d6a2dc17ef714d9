"""Many tickets and many threads."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from sync.sandbox.jira import JiraSandbox, Limits
from tests.sandbox.jira.conftest import Site

AUTH = {"Authorization": "Bearer sandbox-token"}


def test_threads_never_make_two_tickets_with_one_key() -> None:
    site = Site("cloud")
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda n: site.create(labels=[f"m{n}"]), range(400)))
    assert sorted(keys, key=lambda key: int(key[5:])) == [f"DATA-{n}" for n in range(1, 401)]
    assert all(len(site.sandbox.find_marker(f"m{n}")) == 1 for n in (0, 199, 399))
    assert site.sandbox.in_flight == 0


def test_a_call_costs_well_below_a_millisecond_among_thousands_of_tickets() -> None:
    site = Site("cloud")
    keys = [site.create(labels=[f"ticket-sync-{n}"]) for n in range(3000)]
    lasted: dict[str, float] = {}
    for name, method, path, query, body in (
        ("read", "GET", f"/rest/api/3/issue/{keys[9]}", "expand=transitions.fields", b""),
        (
            "search",
            "GET",
            "/rest/api/3/search/jql",
            "fields=labels&jql=labels%3Dticket-sync-77",
            b"",
        ),
        ("miss", "GET", "/rest/api/3/search/jql", "fields=labels&jql=labels%3Dticket-sync-x", b""),
        ("edit", "PUT", f"/rest/api/3/issue/{keys[9]}", "", b'{"fields":{"summary":"y"}}'),
    ):
        started = time.process_time()
        for _ in range(100):
            assert site.sandbox.handle(method, path, query, AUTH, body).status < 300
        lasted[name] = (time.process_time() - started) / 100
    # Generous, so that a busy machine does not fail it: the point is that nothing grows with the site.
    assert max(lasted.values()) < 0.005, lasted


def test_ready_limits_let_ordinary_traffic_through() -> None:
    sandbox = JiraSandbox("cloud", limits=Limits())
    statuses = {sandbox.handle("GET", "/rest/api/3/myself", "", AUTH).status for _ in range(50)}
    assert statuses == {200}
