"""What all pages share: letting in, threads, headers, and what is shown where something is wrong."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import parse_qs, quote

import structlog
from litestar import Request, Response, post
from litestar.datastructures import Cookie
from litestar.exceptions import ClientException
from litestar.handlers import HTTPRouteHandler

from sync import __version__
from sync.operations.accounts import Role
from sync.operations.acts import GOES_ON, words_of
from sync.operations.deployment import Deployment
from sync.operations.errors import (
    Changed,
    NotAllowed,
    NotFound,
    OperationError,
    Refused,
    Unanswered,
)
from sync.operations.pauses import pauses_of
from sync.operations.signs import Signs, signs
from sync.store import log as acts_log
from sync.store.engine import Session
from sync.store.errors import StoreUnavailable
from sync.web.gate.door import Door
from sync.web.gate.entry import Entry, Gate, SignInNeeded, TurnedAway
from sync.web.health import seen
from sync.web.pages.assets import address_of
from sync.web.pages.rendering import rendered
from sync.web.pages.signing import login_over
from sync.web.pages.visit import Answer, Download, Redirect, Shown, Visit

log = structlog.get_logger("web")

Look = Callable[[Visit], Answer]

# Pages wait for the store and compute; more threads would only take time from deliveries.
_THREADS = 4
_ASKING = 4
# Beyond so many requests at once, further ones are told to come again.
_WAITING = 40
_FORM_FIELDS = 2000
STATUS: Mapping[type[OperationError], int] = {
    NotFound: 404,
    NotAllowed: 403,
    Refused: 422,
    Unanswered: 422,
    Changed: 409,
}


def status_for(error: OperationError) -> int:
    """The HTTP status for an operation that was not done."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


_NO_MARK = Signs(parked=0, dead=0, rules=0, connections=0)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer before it is one of Litestar."""

    body: str | bytes
    status: int = 200
    media_type: str = "text/html"
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Sequence[Cookie] = ()

    def response(self) -> Response[Any]:
        """The answer for Litestar."""
        return Response(
            self.body,
            status_code=self.status,
            media_type=self.media_type,
            headers=dict(self.headers),
            cookies=list(self.cookies),
        )


@dataclass(frozen=True, slots=True)
class Told:
    """What an act has done, for the page that comes after it."""

    words: str
    refused: bool = False


class Desk:
    """Makes pages and acts of plain functions, see ``page`` and ``act``."""

    def __init__(self, deployment: Deployment, gate: Gate, door: Door | None = None) -> None:
        """``door`` is where people sign in, None where nobody does so here."""
        self.deployment = deployment
        self.gate = gate
        self.door = door
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="page")
        # For calls that a page waits for a few seconds: a site that hangs keeps no page's thread.
        self.asking = ThreadPoolExecutor(_ASKING, thread_name_prefix="asking")
        self._running = 0

    def now(self) -> float:
        """The time by the clock that all daemons share (seconds since the epoch)."""
        return self.deployment.clock.time()

    def close(self) -> None:
        """End the threads."""
        for threads in (self._threads, self.asking):
            threads.shutdown(wait=False, cancel_futures=True)
        if self.door is not None:
            self.door.close()

    def page(self, path: str, look: Look, *, role: Role = Role.VIEWER) -> HTTPRouteHandler:
        """A page at ``path``, for GET and HEAD, for accounts whose role suffices."""

        @seen(path, name=f"page {path}")
        async def shown(request: Request[Any, Any, Any]) -> Response[Any]:
            work = partial(self._answered, request, look, role, b"")
            return (await self.in_thread(work, self.busy)).response()

        return shown

    def act(self, path: str, do: Look, *, role: Role) -> HTTPRouteHandler:
        """An act at ``path``: a form that somebody sends by POST. Where the address names nothing of its
        own, what is not there was typed into the form, and is refused."""

        def taken(visit: Visit) -> Answer:
            try:
                return do(visit)
            except NotFound as fault:
                if visit.path:
                    raise
                raise Refused(str(fault)) from None

        @post(path, name=f"act {path}", status_code=200)
        async def acted(request: Request[Any, Any, Any]) -> Response[Any]:
            body = await request.body()
            work = partial(self._answered, request, taken, role, body)
            return (await self.in_thread(work, self.busy)).response()

        return acted

    async def in_thread(self, work: Callable[[], Reply], busy: Callable[[], Reply]) -> Reply:
        """What ``work`` gives, from a thread; what ``busy`` gives where too many wait for one."""
        if self._running >= _WAITING:
            return busy()
        self._running += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._running -= 1

    def _answered(
        self, request: Request[Any, Any, Any], look: Look, role: Role, body: bytes
    ) -> Reply:
        entry: Entry | None = None
        visit: Visit | None = None
        form: Mapping[str, Sequence[str]] = {}
        try:
            form = form_of(body)
            entry = self.gate.enter(request)
            if request.method == "POST":
                self.gate.check_form(request, entry, (form.get("_token") or [""])[-1])
            visit = visit_of(request, entry, self.now(), form=form)
            needs(entry, role)
            answer = look(visit)
            return self._reply(answer, visit, entry)
        except SignInNeeded:
            if request.method == "POST":
                return login_over(self, request, form)
            if request.headers.get("hx-request") == "true":
                # The page of the login must not take the place of a part of another page.
                return self.trouble("Your login is over. Load the page again to sign in.", 401)
            to = quote(address_of_request(request), safe="")
            return Reply("", 303, headers={"location": f"/sign-in?next={to}"})
        except TurnedAway as error:
            return self.trouble(str(error), error.status)
        except OperationError as error:
            return self.trouble(str(error), status_for(error), entry, visit)
        except ClientException as error:
            return self.trouble(error.detail, error.status_code)
        except StoreUnavailable as error:
            return self.store_away(error)
        except Exception:
            log.exception("a page could not be made", path=request.url.path)
            return self.trouble("This page could not be made. The log says more.", 500)

    def _reply(self, answer: Answer, visit: Visit, entry: Entry) -> Reply:
        if isinstance(answer, Redirect):
            return Reply("", 303, headers={"location": answer.to}, cookies=entry.cookies)
        if isinstance(answer, Download):
            return Reply(
                answer.body,
                media_type=answer.media_type,
                headers={**_ALWAYS, **_saved_as(answer.filename)},
                cookies=entry.cookies,
            )
        data = {**self._frame(visit, entry, answer), **answer.data}
        text = rendered(answer.template, data)
        headers = {**_ALWAYS, "content-security-policy": policy(answer.nonce)}
        return Reply(text, answer.status, headers=headers, cookies=entry.cookies)

    def _frame(self, visit: Visit, entry: Entry, answer: Shown) -> dict[str, Any]:
        """What the frame around each page shows."""
        with self.deployment.store.read() as session:
            marks = signs(session, self.deployment.trackers)
            done = _done(session, visit)
            pauses = pauses_of(session, visit.now).pauses if not visit.live else []
        return {
            **self._outer(visit.cookies),
            "visit": visit,
            "account": visit.account,
            "form_token": entry.form_token,
            "leaves": entry.leaves,
            "now": visit.now,
            "marks": marks,
            "done": done,
            "pauses": pauses,
            "nonce": answer.nonce,
            "icon": "icon-bad.svg" if marks.bad else "icon.svg",
        }

    def _outer(self, cookies: Mapping[str, str]) -> dict[str, Any]:
        theme = cookies.get("ticket-sync-theme", "")
        return {
            "version": __version__,
            "place": self.deployment.settings.web.title,
            "asset": address_of,
            "theme": theme if theme in ("light", "dark") else "",
            "zone": "mine" if cookies.get("ticket-sync-zone") == "mine" else "utc",
        }

    def trouble(
        self, words: str, status: int, entry: Entry | None = None, visit: Visit | None = None
    ) -> Reply:
        """A page that says why there is none, made without the store."""
        data = {
            "sentence": _SENTENCES.get(status, "This cannot be done"),
            "words": words,
            "again": _back_of(visit),
            "again_words": "Look again" if visit and visit.method == "POST" else "Try again",
        }
        return self.bare("trouble.html", data, status, entry=entry, visit=visit)

    def bare(
        self,
        template: str,
        data: Mapping[str, Any],
        status: int = 200,
        *,
        entry: Entry | None = None,
        visit: Visit | None = None,
    ) -> Reply:
        """A page that is made without the store."""
        account = visit.account if visit else None
        frame = {
            **self._outer(visit.cookies if visit else {}),
            "visit": visit,
            "account": account,
            "form_token": entry.form_token if entry else "",
            "leaves": bool(entry and entry.leaves),
            "now": self.now(),
            "marks": _NO_MARK,
            "done": None,
            "pauses": [],
            "nonce": "",
            "icon": "icon-bad.svg",
        }
        headers = {**_ALWAYS, "content-security-policy": policy("")}
        cookies = entry.cookies if entry else ()
        text = rendered(template, {**frame, **data})
        return Reply(text, status, headers=headers, cookies=cookies)

    def store_away(self, error: StoreUnavailable) -> Reply:
        """A page for while the store does not answer."""
        words = f"{error}. Deliveries are answered 503 meanwhile and will be sent again."
        found = self.trouble(words, 503)
        return Reply(found.body, 503, headers={**found.headers, "retry-after": "5"})

    def busy(self) -> Reply:
        """A page for one request too many."""
        return self.trouble("Many pages are being made at this moment.", 503)


def _done(session: Session, visit: Visit) -> Told | None:
    """What the act has done that led to this page."""
    given = (visit.query.get("did") or [""])[-1]
    # SQLite's largest integer has 19 digits.
    if not (given.isascii() and given.isdigit() and len(given) < 19):
        return None
    already = "already" in visit.query
    row = acts_log.get(session, int(given))
    if row is not None:
        return Told(words_of(row, visit.now, already=already), row.refused)
    return Told(GOES_ON) if already else None


def _back_of(visit: Visit | None) -> str:
    """Where the way on leads: to the page itself, from an act to the page that has its button."""
    if visit is None:
        return "/"
    return visit.address if visit.method == "GET" else visit.address.rpartition("/")[0] or "/"


def needs(entry: Entry, role: Role) -> None:
    """Raises NotAllowed where the account's role does not suffice."""
    if not entry.account.role.may(role):
        raise NotAllowed(
            f"This needs the role {role}, and {entry.account.name} is {entry.account.role}."
        )


def visit_of(
    request: Request[Any, Any, Any],
    entry: Entry,
    now: float,
    *,
    form: Mapping[str, Sequence[str]] | None = None,
    body: bytes = b"",
) -> Visit:
    """The request of somebody who was let in, decoded."""
    return Visit(
        account=entry.account,
        now=now,
        method=request.method,
        address=address_of_request(request),
        path={name: str(value) for name, value in request.path_params.items()},
        query=query_of(request),
        form=form or {},
        form_token=entry.form_token,
        body=body,
        cookies=request.cookies,
        live=request.headers.get("hx-request") == "true",
    )


def address_of_request(request: Request[Any, Any, Any]) -> str:
    """The path and query of a request."""
    query = request.scope["query_string"].decode("latin-1")
    path = quote(request.scope["path"], safe="/:@!$&'()*+,;=-._~")
    return f"{path}?{query}" if query else path


def new_nonce() -> str:
    """A value for one answer, by which its own style elements are known."""
    return secrets.token_urlsafe(16)


def policy(nonce: str) -> str:
    """The content security policy of a page: everything comes from here, and nothing inline runs."""
    style = f"'self' 'nonce-{nonce}'" if nonce else "'self'"
    return (
        f"default-src 'none'; script-src 'self'; style-src {style}; connect-src 'self'; "
        "font-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )


def query_of(request: Request[Any, Any, Any]) -> Mapping[str, Sequence[str]]:
    """The query of a request. Raises Refused."""
    text = request.scope["query_string"].decode("latin-1")
    return _parsed(text)


def form_of(body: bytes) -> Mapping[str, Sequence[str]]:
    """The fields of a form. Raises Refused."""
    return _parsed(body.decode("latin-1"))


def _parsed(text: str) -> Mapping[str, Sequence[str]]:
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=_FORM_FIELDS)
    except ValueError as error:
        raise Refused(f"The address or form cannot be read: {error}.") from None


def _saved_as(filename: str) -> dict[str, str]:
    if not filename:
        return {}
    return {"content-disposition": f"attachment; filename*=UTF-8''{quote(filename, safe='')}"}


# Pages hold what only those who may see them should see.
_ALWAYS = {"cache-control": "no-store"}
_SENTENCES = {
    401: "You are not signed in",
    403: "This is not for you",
    404: "There is nothing at this address",
    409: "This has changed since you looked",
    421: "This is not known by that name",
    422: "This cannot be done as it is",
    429: "Too many tries",
    502: "The sign-in provider does not answer",
    503: "Not now",
    500: "Something of ours went wrong",
}
