"""Memory over 100,000 deliveries with Jira down; then how it drains once Jira is back.

The daemon accepts with nobody at Jira's address. Its memory is measured all along: it must stay within
20 MiB of where it stood after the first tenth. Then Jira comes up, with its rate limits: how many calls
it takes, how many of them are refused, and in which order the tickets are made.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import time

from proof.jira import Jira
from proof.outcome import settle, standing
from proof.processes import Daemon
from proof.sending import Sending
from proof.stores import Stores, folder_for
from proof.traffic import Traffic
from sync.sandbox.jira.ready_site import BOT
from sync.store.engine import open_store

ALLOWED = 20.0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 1 where memory grew by more than allowed or something was lost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks memory", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=100_000)
    parser.add_argument("--subjects", type=int, default=1000)
    parser.add_argument("--store", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--no-drain", action="store_true", help="end without letting Jira up")
    options = parser.parse_args(arguments)
    folder = folder_for("memory")
    port = _free_port()
    site = {
        "url": f"http://127.0.0.1:{port}",
        "email": BOT.email,
        "token": BOT.secret,
        "project": "DATA",
    }
    with Stores.shared().fresh(options.store, folder) as url:
        daemon = Daemon(folder, url, site)
        jira = Jira(folder, port=port)
        store = open_store(url)
        try:
            daemon.start()
            good = _fill(daemon, store, options)
            if not options.no_drain:
                good = _drain(jira, store, options.subjects) and good
        finally:
            daemon.kill()
            jira.kill()
            store.close()
            shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


def _fill(daemon: Daemon, store, options: argparse.Namespace) -> bool:  # type: ignore[no-untyped-def]
    traffic = Traffic(1)
    subjects = [traffic.subject(("",), kind="issue") for _ in range(options.subjects)]
    first = [one.bodies[0] for one in subjects]
    Sending(first, lambda: daemon.address).wait()
    tenth = options.deliveries // 10
    sent, sizes = len(first), []
    began = time.monotonic()
    print(f"{'accepted':>9} {'a second':>9} {'MiB':>7}")
    while sent < options.deliveries:
        count = min(tenth, options.deliveries - sent)
        bodies = []
        for _ in range(count):
            one = traffic.random.choice(subjects)
            bodies.append(traffic.tell(one, "", again=True))
            # What it was is not asked for here; a hundred thousand bodies are our own memory.
            one.bodies.clear()
        begun = time.monotonic()
        sent += Sending(bodies, lambda: daemon.address, senders=16).wait()
        rate = count / (time.monotonic() - begun)
        sizes.append(daemon.resident())
        print(f"{sent:9,} {rate:9,.0f} {sizes[-1]:7.1f}", flush=True)
    end = time.monotonic() + 300
    while (now := standing(store)).waiting and time.monotonic() < end:
        time.sleep(0.2)
    sizes.append(daemon.resident())
    grown = max(sizes) - sizes[0]
    print(
        f"All triaged after {time.monotonic() - began:.0f} s: {now.due} tickets wait for Jira. Memory "
        f"{sizes[-1]:.1f} MiB; at most {grown:.1f} above the first tenth (allowed {ALLOWED:g})."
    )
    return grown <= ALLOWED


def _drain(jira: Jira, store, subjects: int) -> bool:  # type: ignore[no-untyped-def]
    began = time.monotonic()
    jira.start()
    seconds = settle(store, 600) - began
    calls, refused = jira.count(), jira.count(429)
    made = jira.tickets()
    with store.read_connection() as connection:
        due = connection.exec_driver_sql(
            "SELECT jira_key FROM tickets ORDER BY created_at, id"
        ).scalars()
        place = {key: n for n, key in enumerate(due)}
    ranks = [place[ticket["key"]] for ticket in made]
    off = [abs(rank - n) for n, rank in enumerate(ranks)]
    print(
        f"Drained in {seconds:.0f} s: {len(made)} tickets of {subjects}, {calls} calls "
        f"({calls / max(1, subjects):.2f} a ticket), {refused} refused with 429 "
        f"({refused / max(1, calls):.1%}). A ticket was made {sum(off) / len(off):.1f} places from its "
        f"turn on average, {max(off)} at most."
    )
    return len(made) == subjects


if __name__ == "__main__":
    raise SystemExit(main())
