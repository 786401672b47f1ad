"""Stream results and stored objects: page by page or in blocks, never whole in memory."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from http import HTTPStatus
from itertools import chain
from typing import Any, BinaryIO, Final

from flask import Response, request
from werkzeug.wsgi import wrap_file

from ilios.core.conversion_errors import ObjectMissing
from ilios.documents.snapshots import Shown
from ilios.storage.base import ObjectStore

BLOCK_BYTES = 64 * 1024
COUNTED_MAX_BYTES: Final = 256 * 1024  #: of a result that is sent with its length


class FileBlocks:
    """The bytes of an open file, which is closed with them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size_bytes = os.fstat(file.fileno()).st_size

    def __iter__(self) -> Iterator[bytes]:
        while block := self._file.read(BLOCK_BYTES):
            yield block

    def close(self) -> None:
        self._file.close()


class _OpenObject:
    """An object that is being sent: to close it closes all that was opened for it.

    Werkzeug lets go of an answer before its bytes are sent, so that nothing but they may hold it.
    """

    def __init__(self, file: BinaryIO, opened: ExitStack) -> None:
        self._file = file
        self._opened = opened

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def fileno(self) -> int:
        """Raise UnsupportedOperation for an object that is no file of this machine."""
        return self._file.fileno()

    def close(self) -> None:
        self._opened.close()


def response(content: Iterator[str], media_type: str) -> Response:
    """Answer with what comes in pieces."""
    answer = Response(content, mimetype=media_type)
    # Else `make_conditional` gathers all of it in a list, to count its bytes.
    answer.implicit_sequence_conversion = False
    return answer


def with_length(answer: Response) -> Response:
    """Give the length of a short answer; a long one, which is not held whole, goes in chunks."""
    if answer.status_code != HTTPStatus.OK:
        return answer
    if isinstance(answer.response, FileBlocks):
        answer.content_length = answer.response.size_bytes
        return answer
    pieces = answer.iter_encoded()
    first: list[bytes] = []
    size = 0
    for piece in pieces:
        first.append(piece)
        size += len(piece)
        if size > COUNTED_MAX_BYTES:
            break
    else:
        answer.content_length = size
    answer.response = chain(first, pieces)
    return answer


def file(answer: Response, content: BinaryIO) -> Response:
    """Send an open file, which is closed then, as an answer."""
    blocks = FileBlocks(content)
    answer.response = blocks
    answer.call_on_close(blocks.close)
    return with_length(answer)


def processing_ms(document: Shown) -> int:
    """Return how long the conversion took, in milliseconds; 0 if it has not ended."""
    begun: datetime | None = document.started_at
    if begun is None or document.processed_at is None:
        return 0
    return round((document.processed_at - begun).total_seconds() * 1000)


def in_base64(file: BinaryIO) -> Iterator[str]:
    """Yield the bytes of a file in base64."""
    rest = b""
    while block := file.read(BLOCK_BYTES):
        read = rest + block
        whole = len(read) - len(read) % 3
        yield b64encode(read[:whole]).decode()
        rest = read[whole:]
    yield b64encode(rest).decode()


def data_url(media_type: str, file: BinaryIO) -> Iterator[str]:
    """Yield the bytes of a file as a data URL."""
    yield f"data:{media_type};base64,"
    yield from in_base64(file)


@contextmanager
def opened_image(store: ObjectStore, key: str) -> Iterator[BinaryIO | None]:
    """Open an image of a result; give None for one that is not stored any more."""
    with ExitStack() as opened:
        try:
            file = opened.enter_context(store.open(key))
        except ObjectMissing:
            yield None
        else:
            yield file


def stored(
    store: ObjectStore, key: str, media_type: str, *, disposition: str = "inline"
) -> Response:
    """Answer with an object of the store. Raise ObjectMissing before anything is sent.

    Browsers neither guess its type nor run it: see ilios.api.middleware.headers.
    """
    size_bytes = store.stat(key).size_bytes
    with ExitStack() as opening:
        file = opening.enter_context(store.open(key))
        opened: Any = _OpenObject(file, opening.pop_all())  # it needs no more of a file
    response = Response(wrap_file(request.environ, opened, BLOCK_BYTES), mimetype=media_type)
    response.direct_passthrough = True
    response.content_length = size_bytes
    response.headers["Content-Disposition"] = disposition
    response.headers["Cache-Control"] = "private, no-cache"
    return response
