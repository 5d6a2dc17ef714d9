"""Rows about order and number: duplicates, shuffles, bursts, hostile bodies; and about processes that
die."""

from __future__ import annotations

import time

from proof.rows import row
from proof.scene import Killer, Scene
from proof.traffic import HOSTILE_TITLES, Subject, hostile


@row("search lags, nothing else", lag=3.0)
def _lag(scene: Scene, size: int) -> None:
    scene.daemon()
    scene.deliver(*scene.made(size))


@row("every delivery three times", core=True)
def _duplicates(scene: Scene, size: int) -> None:
    scene.daemon()
    bodies = scene.traffic.interleaved(scene.made(size))
    scene.send(bodies + bodies)
    scene.settle()
    scene.send(bodies)


@row("shuffled, in two halves")
def _shuffled(scene: Scene, size: int) -> None:
    scene.daemon()
    bodies = scene.traffic.shuffled(scene.traffic.interleaved(scene.made(size)), duplicates=0.2)
    scene.send(bodies[: len(bodies) // 2])
    scene.settle()
    scene.send(bodies[len(bodies) // 2 :])


@row("reversed, each settled before the next")
def _reversed(scene: Scene, size: int) -> None:
    scene.daemon()
    subjects = scene.made(min(size, 12))
    for place in range(max(len(one.bodies) for one in subjects)):
        scene.send([one.bodies[-1 - place] for one in subjects if place < len(one.bodies)])
        scene.settle()


@row("ten at once of one key")
def _concurrent(scene: Scene, size: int) -> None:
    scene.daemon()
    for _ in range(max(3, size // 5)):
        subject = scene.one("", "investigating", kind="issue", events=10)
        scene.send(scene.traffic.shuffled(subject.bodies), senders=10)


@row("closed overtakes created", core=True)
def _overtaken(scene: Scene, size: int) -> None:
    scene.daemon()
    subjects = [scene.one("", "closed", kind="issue") for _ in range(max(3, size // 3))]
    scene.send([one.bodies[1] for one in subjects])
    scene.settle()
    scene.send([one.bodies[0] for one in subjects])


@row("hostile bodies and titles in between")
def _hostile(scene: Scene, size: int) -> None:
    scene.daemon()
    odd = [scene.one("", "closed", kind="issue", title=title) for title in HOSTILE_TITLES]
    for one in odd:
        # Jira takes no line breaks, no control characters and no more than 255 characters there.
        one.exact = False
    subjects = scene.made(size)
    bodies = scene.traffic.interleaved([*subjects, *odd]) + hostile(scene.random)
    scene.random.shuffle(bodies)
    sending = scene.sending(bodies)
    scene.accepted += sending.wait()
    refused = {status: n for status, n in sending.answers.items() if status != 202}
    assert not refused, f"signed bodies were not accepted: {refused}"
    scene.settle()
    for one in odd:
        _as_it_came(scene, one)


def _as_it_came(scene: Scene, subject: Subject) -> None:
    summary = scene.ticket(subject)["summary"]
    told = subject.title
    for odd in "\x00\x07\x1b\r\n\t":
        told = told.replace(odd, " ")
    # What turns the direction of reading is taken out.
    told = told.replace("\u202e", "").replace("\u202c", "")
    begin = " ".join(told.split())[:20]
    assert " ".join(summary.split()).startswith(begin[:4]), f"{summary!r} for {subject.title!r}"
    assert "49" not in summary, summary


@row("kill -9 of the daemon", core=True, lag=1.0, own=True)
def _killed(scene: Scene, size: int) -> None:
    scene.daemon()
    killer = Killer(scene, max(2, min(8, size // 5)), within=1.5)
    for _ in range(4):
        scene.deliver(*scene.made(max(3, size // 4)))
        time.sleep(0.3)
    killer.wait()


@row("kill -9 of what stands before Jira", lag=1.0, own=True)
def _jira_killed(scene: Scene, size: int) -> None:
    front = scene.with_front()
    scene.daemon()
    for part in range(3):
        sending = scene.sending(scene.traffic.interleaved(scene.made(max(3, size // 3))))
        time.sleep(scene.random.uniform(0.2, 1.0))
        front.kill()
        scene.accepted += sending.wait()
        time.sleep(1.0 + part)
        front.start()
        time.sleep(0.5)


@row("two daemons, one killed for good", core=True, lag=1.0, only="postgresql", own=True)
def _two(scene: Scene, size: int) -> None:
    scene.daemon()
    scene.daemon()
    sending = scene.sending(scene.traffic.interleaved(scene.made(size * 2)))
    time.sleep(scene.random.uniform(0.2, 0.8))
    scene.daemons[0].kill()
    scene.accepted += sending.wait()


@row("stopped by SIGTERM and started again", own=True)
def _stopped(scene: Scene, size: int) -> None:
    daemon = scene.daemon()
    for _ in range(3):
        sending = scene.sending(scene.traffic.interleaved(scene.made(max(3, size // 3))))
        time.sleep(scene.random.uniform(0.2, 0.8))
        daemon.address = None
        code = daemon.terminate()
        assert code == 0, f"it ended with {code}"
        daemon.start()
        scene.accepted += sending.wait()
