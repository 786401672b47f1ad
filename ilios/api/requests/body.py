"""Request bodies, read in blocks, with an error for each way in which one can end wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol
from wsgiref.types import WSGIEnvironment

from gunicorn.http.errors import ParseException

from ilios.core.request_errors import FileTooLarge, MalformedRequest, SlowBody, TruncatedBody

READ_BYTES = 1024 * 1024  #: what gunicorn receives at once; less would be copied again and again
BLOCK_BYTES = 64 * 1024  #: what a parser gets at once: larger blocks do not stay in the CPU's cache


class Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


class Body:
    """The body of one request, at most `limit_bytes` long."""

    def __init__(self, environ: WSGIEnvironment, limit_bytes: int) -> None:
        self._stream: Readable = environ["wsgi.input"]
        self._limit_bytes = limit_bytes
        self.length = _content_length(environ)
        self.is_chunked = self.length is None and bool(environ.get("wsgi.input_terminated"))
        if self.length is not None and self.length > limit_bytes:
            raise self._too_large()

    def blocks(self) -> Iterator[bytes]:
        """Read the body in blocks of at most BLOCK_BYTES.

        Raise TruncatedBody, SlowBody or FileTooLarge as soon as it is known.
        """
        received = 0
        while read := self._read(self._next_size(received)):
            received += len(read)
            if received > self._limit_bytes:
                raise self._too_large()
            for start in range(0, len(read), BLOCK_BYTES):
                yield read[start : start + BLOCK_BYTES]
        if self.length is not None and received < self.length:
            raise TruncatedBody(
                f"{received} bytes of the body arrived, but Content-Length is {self.length}."
            )

    def whole(self) -> bytes:
        """Read the whole body into memory, so the limit must be small."""
        return b"".join(self.blocks())

    def _next_size(self, received: int) -> int:
        if self.length is None:
            return READ_BYTES if self.is_chunked else 0
        return min(READ_BYTES, self.length - received)

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size) if size else b""
        except TimeoutError as error:
            raise SlowBody("The body stopped arriving. Send it again, without pauses.") from error
        except ParseException as error:
            raise MalformedRequest("The chunks of the body are not what they say.") from error
        except OSError as error:
            raise TruncatedBody("The connection broke before the body was complete.") from error

    def _too_large(self) -> FileTooLarge:
        return FileTooLarge(f"The request is larger than {self._limit_bytes} bytes.")


def _content_length(environ: WSGIEnvironment) -> int | None:
    text = environ.get("CONTENT_LENGTH", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise MalformedRequest("Content-Length is not a number of bytes.")
    return int(text)
