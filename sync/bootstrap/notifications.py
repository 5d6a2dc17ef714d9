"""Notifications as the daemon sends them: a thread for each channel, which nothing else waits for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from sync.adapters.notify import (
    AppriseChannel,
    Channel,
    EmailAccess,
    EmailChannel,
    HttpAccess,
    SignedChannel,
    SlackChannel,
)
from sync.domain.notification import Rhythm, Routing
from sync.operations.deployment import Deployment
from sync.operations.notifications.concerns import Looking
from sync.operations.notifications.notifier import Notifier, Plan, Shared
from sync.operations.notifications.wording import wording_of
from sync.settings import Settings
from sync.settings.notify import Notify
from sync.store import notifications
from sync.store.engine import Store, StoreUnavailable
from sync.worker.daemon.loop import Loop

# Most seconds that the end of a daemon waits for messages under way.
STOP_SECONDS = 2.0


def channels_of(settings: Settings) -> Mapping[str, Channel]:
    """The channels of the configuration, by name. Makes no connection."""
    return {name: _MAKERS[one.type](one) for name, one in sorted(settings.notify.items())}


def plan_of(one: Notify) -> Plan:
    """What a channel is told, and how often."""
    return Plan(
        Routing(one.kinds, one.rules), Rhythm(one.wait, one.gap, one.again), silence=one.silence
    )


class Notifying:
    """The channels of a daemon. Costs nothing where there are none."""

    def __init__(self, notifiers: Sequence[Notifier], store: Store) -> None:
        self._store = store
        self._names = [one.name for one in notifiers]
        self._loops = [Loop(f"notify {one.name}", one.step) for one in notifiers]

    def start(self) -> None:
        """Begin, each channel in a thread of its own."""
        with suppress(StoreUnavailable):
            # Otherwise the pages would for ever show that a channel fails which there is no more.
            notifications.forget_all_but(self._store, self._names)
        for loop in self._loops:
            loop.start()

    def stop(self) -> None:
        """Begin no further message; one under way is not waited for long."""
        for loop in self._loops:
            loop.stop()
        end = time.monotonic() + STOP_SECONDS
        for loop in self._loops:
            loop.join(max(0.0, end - time.monotonic()))


def notifying_of(deployment: Deployment, owner: str) -> Notifying:
    """The channels of a daemon, none of them started."""
    settings, store = deployment.settings, deployment.store
    shared = Shared(Looking(deployment), wording_of(settings), deployment.clock, owner)
    made = [
        Notifier(name, channel, plan_of(settings.notify[name]), store, shared)
        for name, channel in channels_of(settings).items()
    ]
    return Notifying(made, store)


def _http(one: Notify) -> HttpAccess:
    return HttpAccess(
        url=one.url.get_secret_value(),
        timeout=one.timeout,
        token=one.token.get_secret_value(),
        proxy=one.proxy.get_secret_value(),
        ca_bundle=one.ca_bundle,
    )


def _email(one: Notify) -> EmailChannel:
    return EmailChannel(
        EmailAccess(
            host=one.host,
            sender=one.sender,
            to=one.to,
            tls=one.tls,
            port=one.port,
            user=one.user,
            password=one.password.get_secret_value(),
            timeout=one.timeout,
            ca_bundle=one.ca_bundle,
        )
    )


_MAKERS: Mapping[str, Callable[[Notify], Channel]] = {
    "slack": lambda one: SlackChannel(_http(one)),
    "webhook": lambda one: SignedChannel(_http(one), one.signing_secret.get_secret_value()),
    "email": _email,
    "apprise": lambda one: AppriseChannel(one.url.get_secret_value()),
}
