"""Flask's application, without what this service has no use for.

That is: sessions, coroutines, hooks of single blueprints, and answers that are completed when they
are sent. What runs before and after each handler takes the request as an argument, and keeps there
what it found: Flask's `request` and `g` are looked for at each use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIEnvironment

import flask
from flask import Flask
from flask.sessions import NullSession, SessionInterface

from ilios.accounts.authentication import Caller
from ilios.accounts.rate_limits import Rate
from ilios.core.telemetry.spans import RemoteSpan
from ilios.documents.arrivals import Arrival
from ilios.documents.idempotency import Repeatable

_NO_SESSION: Final = NullSession()
_WITHOUT_BODY: Final = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class Request(flask.Request):
    """A request, with what the checks before its handler found."""

    request_id = ""
    began_at = 0.0  #: in seconds of time.perf_counter
    caller: Caller | None = None
    rate: Rate | None = None  #: of the caller's key, if that has a limit
    needs_key: bool | None = None  #: None: nobody asked, or the database does not answer
    arrival: Arrival | None = None  #: of a request with an idempotency key
    keeps_failures = True  #: see ilios.documents.idempotency.Repeatable
    repeatable: Repeatable | None = None  #: once the body of such a request has arrived
    span: RemoteSpan | None = None  #: where spans are recorded of it


Check = Callable[[Request], flask.Response | None]
Completion = Callable[[Request, flask.Response], None]


class Response(flask.Response):
    """An answer that goes out as it is, where all of its bytes are here.

    Werkzeug would copy its header, and complete a length and links that are complete.
    """

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        blocks = self.response
        is_whole = isinstance(blocks, list) and "Content-Length" in self.headers
        if not is_whole or self._on_close or self.status_code in _WITHOUT_BODY:
            return super().__call__(environ, start_response)
        start_response(self.status, list(self.headers))
        return () if environ["REQUEST_METHOD"] == "HEAD" else self.iter_encoded()


class _NoSessions(SessionInterface):
    def open_session(self, _app: Flask, _request: flask.Request) -> NullSession:
        return _NO_SESSION


class Application(Flask):
    """The application, with what it does before and after each handler."""

    request_class = Request
    response_class = Response
    session_interface = _NoSessions()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.checks: list[Check] = []  #: the first that answers is the last that runs
        self.completions: list[Completion] = []  #: of answers; the last one runs first

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function: Flask would ask in each request if it is a coroutine."""
        return func

    def preprocess_request(self) -> flask.Response | None:
        """Return what the first check answers; None if the request may go to its handler."""
        asked = current()
        for check in self.checks:
            answer = check(asked)
            if answer is not None:
                return answer
        return None

    def process_response(self, response: flask.Response) -> flask.Response:
        """Complete an answer, in the reverse order of the checks."""
        asked = current()
        for complete in reversed(self.completions):
            complete(asked, response)
        return response


def current() -> Request:
    """Return the present request itself, of which Flask's `request` is a proxy."""
    found: Request = flask.request._get_current_object()  # type: ignore[attr-defined]
    return found


def application() -> Flask:
    """Return the present application itself, of which Flask's `current_app` is a proxy."""
    found: Flask = flask.current_app._get_current_object()  # type: ignore[attr-defined]
    return found
