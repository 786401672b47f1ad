"""The answer to somebody who listens: a stream of events that ends with a final status.

Our server takes the stream out of the answer, and its connection from the thread of the request:
see ilios.api.server.listeners. Other servers, as that of Flask, iterate over it in the request's
thread: that is the fallback for development and tests, and ends after `fallback_seconds`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import ClassVar, Final

from flask import Flask, Response

from ilios.api.responses import links, status_events
from ilios.api.responses.status_events import StatusEvent, StatusEvents
from ilios.api.services import EXTENSION, Services
from ilios.core import clock
from ilios.core.telemetry import tracing
from ilios.documents.following import Follower, Following, Kind, Subject

MEDIA_TYPE: Final = "text/event-stream"
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Neither kept nor gathered on its way: the second one is nginx's."""
POLL_SECONDS: Final = 0.05  #: of the fallback


class EventStream:
    """What one listener is sent. It holds a place for listeners until it is closed."""

    fallback_seconds: ClassVar[float] = 10.0

    def __init__(
        self, app: Flask, follower: Follower, begin: bytes = b"", tag: str | None = None
    ) -> None:
        """Take a place. Raise TooManyListeners or Busy.

        `tag` is that of the event that the listener has, or that stands in `begin`.
        """
        self._app = app
        self._services: Services = app.extensions[EXTENSION]
        self._services.listener_places.take(follower.subject.owner)
        self._holds_place = True
        self._tag = tag
        self.follower = follower
        self.begin = begin
        self.link_base = links.base()
        self.origin = tracing.current()
        self.is_over = False  #: a final status was sent, or what was followed is gone

    def next_event(self, events: StatusEvents) -> bytes:
        """Return an event that the listener has not; nothing if there is none now.

        What could not be made, because the database does not answer, is made by the next call.
        """
        follower = self.follower
        while follower.changed and not self.is_over:
            which = next(iter(follower.changed))
            event = events.of(follower.subject, which, self.link_base)
            follower.note_told(which)
            if follower.subject.kind is Kind.KEY:
                if event is not None:
                    return event.encoded(moment_id(follower))
                continue
            self.is_over = event is None or event.is_last
            if event is not None and event.tag != self._tag:
                self._tag = event.tag
                return event.encoded(event.tag)
        return b""

    def close(self) -> None:
        """Give the place back; do nothing if it was."""
        if self._holds_place:
            self._holds_place = False
            self._services.listener_places.give_back(self.follower.subject.owner)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the stream to a server that is not ours, for `fallback_seconds` and one look."""
        yield self.begin
        events, following = StatusEvents(self._app), Following()
        following.add(self.follower)
        until = time.monotonic() + self.fallback_seconds
        with self._services.database.watching() as watch:
            while True:
                if watch.changed() or following.is_look_due:
                    following.look(watch, clock.now())
                    events.forget()
                while event := self.next_event(events):
                    yield event
                if self.is_over or time.monotonic() >= until:
                    return
                time.sleep(POLL_SECONDS)


def of_one(app: Flask, subject: Subject, present: StatusEvent, known_tag: str | None) -> Response:
    """Answer with a document's or a batch's statuses, from the present one on.

    `known_tag` is the id of the last event that the client has. If that is the final one, the
    answer is 204, which tells browsers not to connect anew. Raises TooManyListeners, Busy.
    """
    is_known = present.tag == known_tag
    if present.is_last and is_known:
        return Response(status=HTTPStatus.NO_CONTENT)
    begin = status_events.beginning() + (b"" if is_known else present.encoded(present.tag))
    if present.is_last:
        return Response(begin, mimetype=MEDIA_TYPE, headers=HEADERS)
    return _streaming(EventStream(app, Follower(subject, clock.now()), begin, present.tag))


def of_key(app: Flask, owner: str, known_id: str | None) -> Response:
    """Answer with the statuses of all documents of an owner.

    `known_id` is the moment, in milliseconds, until which the client was told everything. Raises
    TooManyListeners, Busy.
    """
    follower = Follower(
        Subject(Kind.KEY, owner, owner), clock.now(), clock.of_milliseconds(known_id or "")
    )
    # With an id, so that somebody who comes back before the first event misses nothing either.
    begin = status_events.beginning(moment_id(follower))
    return _streaming(EventStream(app, follower, begin))


def moment_id(follower: Follower) -> str:
    """Return the id of an event for a key's follower: until when it was told everything."""
    return str(clock.milliseconds(follower.told_until))


def _streaming(stream: EventStream) -> Response:
    answer = Response(stream, mimetype=MEDIA_TYPE, headers=HEADERS)
    answer.direct_passthrough = True  # so that our server gets the stream itself
    return answer
