"""Files that a request brings: on the data volume as they come, removed at the end of the request.

A service that keeps one has moved it away by then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from wsgiref.types import WSGIEnvironment

from flask import Flask, request

from ilios.api.requests.body import Body
from ilios.core.conversion_errors import DiskFull, StorageUnavailable
from ilios.core.disk_space import DiskReserve, is_full
from ilios.documents.uploads import Received, UploadSink

_SINKS: Final = "ilios.sinks"


def register(app: Flask) -> None:
    """Remove what is left of the files at the end of each request."""
    app.teardown_request(_discard)


def new_sink(
    environ: WSGIEnvironment, folder: Path, limit_bytes: int, disk_reserve: DiskReserve
) -> UploadSink:
    """Return a file in the folder that is removed at the end of the request."""
    sink = UploadSink(folder, limit_bytes, disk_reserve)
    environ.setdefault(_SINKS, []).append(sink)
    return sink


@contextmanager
def storing() -> Iterator[None]:
    """Raise DiskFull or StorageUnavailable for errors of the volume."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise DiskFull("The disk is full: nothing was stored. Try again later.") from error
        raise StorageUnavailable(
            f"The file could not be kept: {error.strerror}. Try again later."
        ) from error


def receive_body(
    environ: WSGIEnvironment,
    folder: Path,
    limit_bytes: int,
    disk_reserve: DiskReserve,
    file_name: str,
) -> Received:
    """Receive the whole body of a request as one file.

    Raises FileTooLarge, TruncatedBody, SlowBody, MalformedRequest, DiskFull, StorageUnavailable.
    """
    body = Body(environ, limit_bytes)
    disk_reserve.require(body.length or 0)
    with storing():
        sink = new_sink(environ, folder, limit_bytes, disk_reserve)
        for block in body.blocks():
            sink.write(block)
        return sink.received(file_name)


def _discard(_error: BaseException | None) -> None:
    sinks: list[UploadSink] = request.environ.pop(_SINKS, [])
    for sink in sinks:
        sink.discard()
