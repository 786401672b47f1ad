"""Multipart forms: each file goes straight to the data volume, hashed on its way.

Werkzeug's decoder finds the parts, and a stream factory says where the content of each goes. Why
not Werkzeug's whole parser: docs/adr/0026-forms-on-werkzeug.md. What arrived is removed at the end
of the request, unless a service has moved it away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final, Protocol
from wsgiref.types import WSGIEnvironment

from flask import Flask
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from ilios.api.application import Request
from ilios.api.requests import spooling
from ilios.api.requests.body import BLOCK_BYTES, Body
from ilios.api.schemas.request_fields import PASSWORD
from ilios.core.disk_space import DiskReserve
from ilios.core.file_names import safe_file_name
from ilios.core.request_errors import FileTooLarge, MalformedRequest, MissingFile, TooManyFiles
from ilios.documents.submission import MAX_BATCH_FILES
from ilios.documents.uploads import Received, RefusedFile, UploadSink

CONTENT_TYPE: Final = "multipart/form-data"
FILELESS: Final = ("", "application/x-www-form-urlencoded")  #: what clients send without a file
FIELD_MAX_BYTES: Final = 64 * 1024
TEXTS: Final = ("schema", "imageSchema", PASSWORD)
"""Fields that may come as files, and are no documents: they stay in memory."""
TEXT_MAX_BYTES: Final = 128 * 1024  #: of such a field, which says itself what is too long
MAX_FIELDS: Final = 100
HEADERS_MAX_BYTES: Final = 64 * 1024  #: of one part
LINE_BREAK_MAX_BYTES: Final = 2  #: before a boundary, to which it belongs
BOUNDARY_END: Final = b"- \t\v\f"  #: what may stand between a boundary and its line break
BOUNDARY_END_MAX_BYTES: Final = 64

_PARTS: Final = (Field, File)
_WAITS: Final = (NeedData, Epilogue)

Value = str | Received | RefusedFile


@dataclass(frozen=True, slots=True)
class Limits:
    """What a form may hold.

    With `lists_refusals`, a file beyond its limit becomes a RefusedFile instead of an error.
    """

    file_bytes: int
    request_bytes: int
    disk_reserve: DiskReserve
    lists_refusals: bool = False


class StreamingRequest(Request):
    """A request whose multipart form is read once, on demand, under limits."""

    def receive_form(self, folder: Path, limits: Limits) -> MultiDict[str, Value]:
        """Read the form: fields as text, files as Received or RefusedFile, in their order.

        A file input without a file (neither name nor content) is left out.
        """
        kind, options = parse_options_header(self.headers.get("Content-Type"))
        boundary = options.get("boundary", "")
        if kind in FILELESS:
            raise MissingFile(f"No file was sent: a file needs Content-Type {CONTENT_TYPE}.")
        if kind != CONTENT_TYPE or not boundary.isascii() or not boundary:
            raise MalformedRequest(
                f"Content-Type is {kind:.80}; send {CONTENT_TYPE} with a boundary."
            )
        body = Body(self.environ, limits.request_bytes)
        limits.disk_reserve.require(body.length or 0)
        form = _Form(self.environ, folder, limits)
        form.read(body, boundary.encode())
        return form.values


def register(app: Flask) -> None:
    """Let requests receive forms."""
    app.request_class = StreamingRequest
    spooling.register(app)


class PartStream(Protocol):
    """The receiver of one part's content."""

    def write(self, block: bytes, /) -> object: ...

    def close(self) -> None: ...


def parse(
    blocks: Iterable[bytes], boundary: bytes, stream_factory: Callable[[Field | File], PartStream]
) -> None:
    """Write each part of a multipart body to the stream that `stream_factory` makes for it.

    Raise ValueError or AttributeError for a body that is not multipart or not complete,
    RequestEntityTooLarge for headers beyond the limit, and whatever a stream raises.
    """
    decoder = MultipartDecoder(boundary, max_form_memory_size=HEADERS_MAX_BYTES + BLOCK_BYTES)
    stream: PartStream | None = None
    for block in chain(_cut(blocks, b"--" + boundary), (None,)):
        decoder.receive_data(block)
        while not isinstance(event := decoder.next_event(), _WAITS):
            if isinstance(event, Data) and stream is not None:
                stream.write(event.data)
                if not event.more_data:
                    stream.close()
                elif block is not None:
                    break  # it would only say that it needs more
            elif isinstance(event, _PARTS):
                _require_short_headers(event)
                stream = stream_factory(event)


def _require_short_headers(part: Field | File) -> None:
    """Raise RequestEntityTooLarge for headers beyond the limit: the decoder looks at its buffer."""
    if sum(len(name) + len(value) for name, value in part.headers) > HEADERS_MAX_BYTES:
        raise RequestEntityTooLarge


def _cut(blocks: Iterable[bytes], delimiter: bytes) -> Iterator[bytes]:
    """Give the same bytes in blocks that end where Werkzeug's decoder has least to do.

    In a block with a boundary it tries a regular expression at every byte before it, which takes
    longer than all else. So the content before the last boundary comes in a block of its own.
    """
    for block in _without_cut_boundaries(blocks):
        start = max(0, block.rfind(delimiter) - LINE_BREAK_MAX_BYTES)
        if start:
            yield block[:start]
        yield block[start:]


def _without_cut_boundaries(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Give the same bytes in blocks that do not end between a boundary and its line break.

    Werkzeug 3.1.9 takes the `CR` before such a boundary for content: a file of which nothing but
    the last `-` of the last boundary is missing yet would be stored with a byte too many.
    """
    held = b""
    for arrived in blocks:
        block = held + arrived
        tail = block[-BOUNDARY_END_MAX_BYTES:]
        held = tail[len(tail.rstrip(BOUNDARY_END)) :]
        yield block[: len(block) - len(held)]
    if held:
        yield held


class _Form:
    """A form that is arriving: the values of the parts that are complete, in their order."""

    def __init__(self, environ: WSGIEnvironment, folder: Path, limits: Limits) -> None:
        self.values: MultiDict[str, Value] = MultiDict()
        self._environ = environ
        self._folder = folder
        self._limits = limits
        self._file_count = 0
        self._field_count = 0

    def read(self, body: Body, boundary: bytes) -> None:
        try:
            with spooling.storing():
                parse(body.blocks(), boundary, self._stream_of)
        except (ValueError, AttributeError) as error:
            raise MalformedRequest(
                "The multipart body is broken, or ends before its last boundary."
            ) from error
        except RequestEntityTooLarge as error:
            raise FileTooLarge(
                f"A part has more than {HEADERS_MAX_BYTES} bytes of headers, or is never ended."
            ) from error

    def _stream_of(self, part: Field | File) -> PartStream:
        """Return the stream for a part.

        Raise MalformedRequest or TooManyFiles before any of its content is taken.
        """
        # The decoder passes on whatever the header says, also nothing.
        name: Any = part.name
        if not name:
            raise MalformedRequest("A part of the form has no name.")
        add = partial(self.values.add, str(name))
        if isinstance(part, Field) or name in TEXTS:
            self._field_count += 1
            if self._field_count > MAX_FIELDS:
                raise MalformedRequest(f"The form has more than {MAX_FIELDS} fields.")
            return _FieldStream(str(name), add)
        if self._file_count == MAX_BATCH_FILES:
            raise TooManyFiles(
                f"A request may carry {MAX_BATCH_FILES} files. Send several batches of them."
            )
        self._file_count += 1
        sink = spooling.new_sink(
            self._environ, self._folder, self._limits.file_bytes, self._limits.disk_reserve
        )
        return _FileStream(part.filename, sink, add, self._limits.lists_refusals)


class _FieldStream:
    """Gather the text of a field in memory."""

    def __init__(self, name: str, add: Callable[[Value], None]) -> None:
        self._name, self._add = name, add
        self._most_bytes = TEXT_MAX_BYTES if name in TEXTS else FIELD_MAX_BYTES
        self._text = bytearray()

    def write(self, block: bytes) -> None:
        self._text += block
        if len(self._text) > self._most_bytes:
            raise FileTooLarge(
                f"The field {self._name:.80} has more than {self._most_bytes} bytes."
            )

    def close(self) -> None:
        # A password that is no UTF-8 is refused as such: another one would not open anything.
        errors = "surrogateescape" if self._name == PASSWORD else "replace"
        self._add(self._text.decode(errors=errors))


class _FileStream:
    """Write a file to the data volume; with `lists_refusals`, one beyond its limit is skipped."""

    def __init__(
        self, sent_name: str, sink: UploadSink, add: Callable[[Value], None], lists_refusals: bool
    ) -> None:
        self._sent_name, self._sink, self._add = sent_name, sink, add
        self._lists_refusals = lists_refusals
        self._refusal: FileTooLarge | None = None

    def write(self, block: bytes) -> None:
        if self._refusal is not None:
            return
        try:
            self._sink.write(block)
        except FileTooLarge as refusal:
            if not self._lists_refusals:
                raise
            self._sink.discard()
            self._refusal = refusal

    def close(self) -> None:
        file_name = safe_file_name(self._sent_name)
        if self._refusal is not None:
            self._add(RefusedFile(file_name, self._refusal))
            return
        received = self._sink.received(file_name)
        if self._sent_name or received.size_bytes:
            self._add(received)
