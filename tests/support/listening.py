"""Clients of event streams, and what is read from them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.api_fixtures import KEY
from tests.support.api_server import Connection, head


@dataclass(frozen=True, slots=True)
class Event:
    """A server-sent event with data."""

    name: str
    id: str
    data: dict[str, Any]

    @property
    def status(self) -> str:
        return str(self.data["status"])


def events_in(lines: Iterable[str]) -> Iterator[Event]:
    """Yield the events of a stream, as browsers read them."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
            continue
        if "data" in fields:
            yield Event(fields["event"], fields["id"], json.loads(fields["data"]))
        fields = {}


class Listening:
    """A client that listens on a connection of its own."""

    def __init__(
        self,
        port: int,
        path: str,
        *,
        key: str = KEY,
        version: str = "HTTP/1.1",
        last_id: str | None = None,
        host: str = "localhost",
    ) -> None:
        self.connection = Connection(port)
        asked = {"Authorization": f"Bearer {key}"}
        if last_id is not None:
            asked["Last-Event-ID"] = last_id
        request = head("GET", path, **asked).replace("HTTP/1.1", version, 1)
        self.connection.send(request.replace("Host: localhost", f"Host: {host}", 1))
        self._answer = http.client.HTTPResponse(self.connection.socket, method="GET")
        self._answer.begin()
        self.status = self._answer.status
        self.headers = {name.lower(): value for name, value in self._answer.getheaders()}
        self.lines = self._lines()
        self._events = events_in(self.lines)

    def _lines(self) -> Iterator[str]:
        """Yield what comes until the connection ends. Raise TimeoutError if nothing comes."""
        while line := self._answer.readline():
            yield line.decode().removesuffix("\n")

    def next(self) -> Event:
        """Return the next event. Raise StopIteration if the stream has ended."""
        return next(self._events)

    def until(self, status: str) -> list[Event]:
        """Return the events up to the first one with this status."""
        seen = [self.next()]
        while seen[-1].status != status:
            seen.append(self.next())
        return seen

    def rest(self) -> list[Event]:
        """Return the events up to the end of the stream."""
        return list(self._events)

    def close(self) -> None:
        self._answer.close()
        self.connection.__exit__()
