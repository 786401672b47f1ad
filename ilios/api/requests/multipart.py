"""Multipart forms: each file goes straight to the data volume, hashed on its way.

Whatever arrived is removed at the end of the request, unless a service has moved it away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from flask import Flask, Request, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from ilios.api.requests.body import BLOCK_BYTES, Body
from ilios.core.conversion_errors import DiskFull, StorageUnavailable
from ilios.core.disk_space import DiskReserve, is_full
from ilios.core.file_names import safe_file_name
from ilios.core.request_errors import FileTooLarge, MalformedRequest, MissingFile, TooManyFiles
from ilios.documents.submission import MAX_BATCH_FILES, RefusedFile
from ilios.documents.uploads import Received, UploadSink

CONTENT_TYPE: Final = "multipart/form-data"
FILELESS: Final = ("", "application/x-www-form-urlencoded")  #: what clients send without a file
FIELD_MAX_BYTES: Final = 64 * 1024
MAX_FIELDS: Final = 100
HEADERS_MAX_BYTES: Final = 64 * 1024  #: of one part

Value = str | Received | RefusedFile


@dataclass(frozen=True, slots=True)
class Limits:
    """What a form may hold; `lists_refusals` reads on after a file beyond its limit."""

    file_bytes: int
    request_bytes: int
    room: DiskReserve
    lists_refusals: bool = False


class StreamingRequest(Request):
    """A request whose multipart form is read once, on demand, under limits."""

    def receive_form(self, folder: Path, limits: Limits) -> MultiDict[str, Value]:
        """Fields as text, files as Received.

        A file input without a file (neither name nor content) is left out.
        """
        kind, options = parse_options_header(self.headers.get("Content-Type"))
        boundary = options.get("boundary", "")
        if kind in FILELESS:
            raise MissingFile(f"No file was sent: a file needs Content-Type {CONTENT_TYPE}.")
        if kind != CONTENT_TYPE or not boundary.isascii() or not boundary:
            raise MalformedRequest(f"Content-Type is {kind}; send {CONTENT_TYPE} with a boundary.")
        body = Body(self.environ, limits.request_bytes)
        limits.room.require(body.length or 0)
        form = _Form(folder, limits)
        self.environ[_FORM] = form
        form.read(body, boundary.encode())
        return form.values


_FORM: Final = "ilios.form"


def register(app: Flask) -> None:
    """Read multipart forms our way, and clean up after every request."""
    app.request_class = StreamingRequest
    app.teardown_request(_discard)


def _discard(_error: BaseException | None) -> None:
    form: _Form | None = request.environ.pop(_FORM, None)
    if form is not None:
        form.discard()


class _Form:
    """A form that is arriving: the part at hand, and what has arrived so far."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.values: MultiDict[str, Value] = MultiDict()
        self._folder = folder
        self._limits = limits
        self._sinks: list[UploadSink] = []
        self._fields = 0
        self._write: Callable[[bytes], object] = _ignore
        self._close: Callable[[], None] = _nothing

    def read(self, body: Body, boundary: bytes) -> None:
        decoder = MultipartDecoder(boundary, max_form_memory_size=HEADERS_MAX_BYTES + BLOCK_BYTES)
        try:
            for block in body.blocks():
                decoder.receive_data(block)
                self._take_events(decoder)
            decoder.receive_data(None)
            self._take_events(decoder)
        except (ValueError, AttributeError) as error:
            raise MalformedRequest(
                "The multipart body is broken, or ends before its last boundary."
            ) from error
        except OSError as error:
            if is_full(error):
                raise DiskFull("The disk is full: nothing was stored. Try again later.") from error
            raise StorageUnavailable(
                f"The file could not be kept: {error.strerror}. Try again later."
            ) from error
        except RequestEntityTooLarge as error:
            raise FileTooLarge(
                f"A part has more than {HEADERS_MAX_BYTES} bytes of headers, or is never ended."
            ) from error

    def discard(self) -> None:
        for sink in self._sinks:
            sink.discard()

    def _take_events(self, decoder: MultipartDecoder) -> None:
        event: Event = decoder.next_event()
        while not isinstance(event, NeedData | Epilogue):
            if isinstance(event, Data):
                self._write(event.data)
                if not event.more_data:
                    self._close()
            elif isinstance(event, File):
                self._begin_file(event)
            elif isinstance(event, Field):
                self._begin_field(event)
            event = decoder.next_event()

    def _begin_field(self, part: Field) -> None:
        name = _name(part)
        self._fields += 1
        if self._fields > MAX_FIELDS:
            raise MalformedRequest(f"The form has more than {MAX_FIELDS} fields.")
        text = bytearray()

        def write(block: bytes) -> None:
            text.extend(block)
            if len(text) > FIELD_MAX_BYTES:
                raise FileTooLarge(f"The field {name:.80} has more than {FIELD_MAX_BYTES} bytes.")

        def close() -> None:
            self.values.add(name, text.decode(errors="replace"))

        self._write, self._close = write, close

    def _begin_file(self, part: File) -> None:
        name, file_name = _name(part), safe_file_name(part.filename)
        if len(self._sinks) == MAX_BATCH_FILES:
            raise TooManyFiles(f"A request may carry {MAX_BATCH_FILES} files.")
        sink = UploadSink(self._folder, self._limits.file_bytes, self._limits.room)
        self._sinks.append(sink)

        def refuse(reason: FileTooLarge) -> None:
            sink.discard()
            self.values.add(name, RefusedFile(file_name, reason))
            self._write, self._close = _ignore, _nothing

        def write(block: bytes) -> None:
            try:
                sink.write(block)
            except FileTooLarge as reason:
                if not self._limits.lists_refusals:
                    raise
                refuse(reason)

        def close() -> None:
            received = sink.received(file_name)
            if part.filename or received.size_bytes:
                self.values.add(name, received)

        self._write, self._close = write, close


def _name(part: Field | File) -> str:
    # The decoder passes on whatever the header says, also nothing.
    name: Any = part.name
    if not name:
        raise MalformedRequest("A part of the form has no name.")
    return str(name)


def _ignore(_block: bytes) -> None:
    """What follows the limit of a file that is refused already."""


def _nothing() -> None:
    """A part that was refused needs no end."""
