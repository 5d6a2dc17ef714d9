"""The test delivery of ``init --verify``: sent by the sender, and waited for in the store."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sync.adapters.coalesce import CoalesceApi
from sync.bootstrap.adapters import apis_of
from sync.bootstrap.http import Background
from sync.bootstrap.receiver import build_receiver
from sync.bootstrap.trial import said
from sync.bootstrap.verified import Step, failed, ok, skipped
from sync.domain.errors import Fault, Missing, Unknown
from sync.operations.errors import OperationError
from sync.operations.sending import deliver, receiver_of
from sync.ports import Attempt, SystemClock
from sync.sandbox.coalesce.samples import sample
from sync.sandbox.coalesce.webhook_body import encode
from sync.settings import Settings
from sync.store import deliveries
from sync.store.engine import Store
from sync.web.server import CannotListen, listen

PATH = "/webhooks/coalesce"
# Seconds over which the sender's log is looked through for the integration.
_LOG = 30 * 86400.0
# So many of the newest deliveries are looked at for the one that was sent.
_NEWEST = 300
_GRACE = 3.0

WHERE_URL = (
    "In Coalesce Quality, open the webhook integration and enter as its URL the public address of this "
    f"receiver, which ends with {PATH}: a tunnel, a proxy or a load balancer leads there."
)
HOW_TO_SIGN = (
    "In Coalesce Quality, open the webhook integration and copy its signing secret into "
    "COALESCE_SIGNING_SECRET, or whatever `signing_secrets` in [coalesce] names; a daemon that runs "
    "takes it at its next start."
)
CREDENTIALS = (
    "In Coalesce Quality, make API credentials with the scopes to read and to edit deliveries, and set "
    "client_id and client_secret in [coalesce.api]. Without them, press the integration's own test "
    "there; `ticket-sync deliveries` shows what came."
)


INTEGRATION = (
    "Set integration_id in [coalesce.api] to the id of the webhook integration, which its page in "
    "Coalesce Quality shows."
)


@contextmanager
def receiving(settings: Settings) -> Iterator[str]:
    """A receiver at the address of the settings for the block: the daemon that is there already, or one
    of our own. Yields which, in words. Raises StoreUnavailable, CannotStart, and CannotListen where
    neither is possible."""
    server = settings.server
    try:
        bound = listen(server.host, server.port)
    except CannotListen:
        if not _answers(settings):
            raise
        yield "a daemon listens there already"
        return
    receiver = build_receiver(settings)
    background = Background(receiver.app, bound, name="receiver", grace=_GRACE)
    receiver.start()
    background.start()
    try:
        yield "no daemon runs, so a receiver was started there for this check alone"
    finally:
        background.stop(_GRACE)
        receiver.stop(_GRACE)


def _answers(settings: Settings) -> bool:
    try:
        deliver(receiver_of(settings), b"{}", "")
    except OperationError:
        return False
    return True


def by_ourselves(settings: Settings, store: Store) -> Step:
    """Send a signed test delivery to the receiver from this machine, and look for it in the store."""
    name, secrets = "a delivery of our own", settings.coalesce.signing_secrets
    if not secrets and not settings.coalesce.allow_unsigned:
        return failed(name, "there is no signing secret in [coalesce]", HOW_TO_SIGN)
    url, token = receiver_of(settings), _token()
    secret = secrets[0].get_secret_value() if secrets else ""
    try:
        answer = deliver(url, _body(token), secret)
    except OperationError as fault:
        return failed(name, str(fault), "Start the daemon: `ticket-sync serve`.")
    if answer.status == 401:
        words = f"the daemon at {url} does not take a signature by the secret of this configuration"
        return failed(name, words, "Start it again with the same secret and configuration.")
    if answer.status not in (200, 202):
        words = f"{url} answered {answer.status}: {answer.text[:200]}"
        return failed(name, words, "See that it is ticket-sync that listens there.")
    if not _arrives(store, token, 10.0):
        words = f"{url} took it, and it is not in the store {store.place}"
        return failed(
            name, words, "The daemon there has another store: give both one configuration."
        )
    return ok(name, f"signed, taken by {url} ({answer.status}), and in the store")


def by_the_sender(settings: Settings, store: Store, wait: float) -> Iterator[Step]:
    """Have the sender send a test delivery, and wait for it."""
    name = "the sender's test delivery"
    api = apis_of(settings, SystemClock()).get("coalesce")
    if not isinstance(api, CoalesceApi):
        yield skipped(name, "there are no API credentials, so it cannot be asked for", CREDENTIALS)
        return
    token, now = _token(), time.time()
    try:
        wished = settings.coalesce.api.integration_id
        known = [wished] if wished else api.integrations(now - _LOG, now + 60.0)
        if len(known) != 1:
            several = ", ".join(known[:3])
            words = f"its log has several: {several}" if known else "its log has none yet"
            yield failed(name, f"which integration is ours is not known: {words}", INTEGRATION)
            return
        integration = known[0]
        try:
            # Where the answer is lost, it may be under way all the same.
            with suppress(Unknown):
                api.send_test(integration, f"ticket-sync init --verify {token}")
        except Missing as fault:
            words = f"Coalesce Quality has no integration {integration}: {fault}"
            yield failed(name, words, "Correct integration_id in [coalesce.api].")
            return
        yield ok("asking for a test delivery", f"asked for, to integration {integration}")
        yield _awaited(name, api, store, token, now, wait)
    except Fault as fault:
        yield failed(name, said(fault), "" if getattr(fault, "remedy", "") else CREDENTIALS)
    finally:
        api.close()


def _awaited(
    name: str, api: CoalesceApi, store: Store, token: str, since: float, wait: float
) -> Step:
    end = time.monotonic() + wait
    seen: Attempt | None = None
    while True:
        if _arrives(store, token, 1.0):
            took = time.monotonic() - end + wait
            return ok(name, f"it came after {took:.1f} s, and its signature holds")
        seen = api.test_sent(token, since - 60.0, time.time() + 60.0)
        if (seen is not None and seen.status_code in (401, 404, 405)) or time.monotonic() > end:
            break
    return _missed(name, seen, wait)


def _missed(name: str, seen: Attempt | None, wait: float) -> Step:
    """Why the sender's test delivery did not come."""
    if seen is None:
        words = (
            f"it did not come within {wait:.0f} seconds, and the sender's log shows no attempt yet"
        )
        return failed(name, words, f"{WHERE_URL} See that the integration is switched on.")
    if seen.status_code == 401:
        words = (
            "it came, and its signature does not hold (401): the sender signs with another secret"
        )
        return failed(name, words, HOW_TO_SIGN)
    if seen.status_code in (404, 405):
        words = (
            f"the sender got {seen.status_code}: a server is there, and no receiver at that path"
        )
        return failed(name, words, WHERE_URL)
    if 200 <= seen.status_code < 300:
        words = f"the sender got {seen.status_code}, and it is not here: another receiver took it"
        return failed(name, words, WHERE_URL)
    got = f"the answer {seen.status_code}" if seen.status_code else "no answer"
    words = f"the sender got {got}{seen.error and f' ({seen.error})'} from the address that it has"
    return failed(name, words, WHERE_URL)


def _token() -> str:
    return uuid.uuid4().hex


def _body(token: str) -> bytes:
    return encode({**sample("ping"), "ping": {"message": f"ticket-sync init --verify {token}"}})


def _arrives(store: Store, token: str, seconds: float) -> bool:
    """Whether a delivery with this token is in the store, within so many seconds."""
    end, wanted = time.monotonic() + seconds, token.encode()
    while True:
        with store.read() as session:
            if any(wanted in row.body for row in deliveries.recent(session, _NEWEST)):
                return True
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
