"""What the head of a request says about the threads that it needs, and about its body."""

from __future__ import annotations

import re
from typing import Any, Final

from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.errors import ParseException, UnsupportedTransferCoding

from ilios.api.server.slow_client_socket import SlowClientSocket

_TARGET: Final = rb"(?:[A-Za-z]+://[^/? ]*)?/%s(?:\?[^ ]*)? "
_PROBE: Final = re.compile(
    rb"(?:GET|HEAD|OPTIONS) " + _TARGET % rb"(?:health|livez|readyz)", re.ASCII
)
_LIVENESS: Final = re.compile(rb"(?:GET|HEAD|OPTIONS) " + _TARGET % rb"livez", re.ASCII)
_SCRAPE: Final = re.compile(rb"(?:GET|HEAD|OPTIONS) " + _TARGET % rb"metrics", re.ASCII)
_WITH_BODY: Final = (b"POST ", b"PUT ")
UNREAD_MAX_BYTES: Final = 64 * 1024  #: of a body: more than that is not read only to be discarded
CHUNKED: Final = "chunked"


def is_probe(head: bytes) -> bool:
    """Return whether the request asks how the service is, which it must always be able to say."""
    return _PROBE.match(head) is not None


def asks_for_life(head: bytes) -> bool:
    """Return whether the request asks for nothing but an answer."""
    return _LIVENESS.match(head) is not None


def is_scrape(head: bytes) -> bool:
    """Return whether the request asks for the metrics."""
    return _SCRAPE.match(head) is not None


def brings_body(head: bytes) -> bool:
    """Return whether a thread may have to wait for the body of the request."""
    return head.startswith(_WITH_BODY)


def require_plain_chunks(request: Any) -> None:
    """Raise UnsupportedTransferCoding for codings that nothing here would undo, such as gzip."""
    for name, value in request.headers:
        if name == "TRANSFER-ENCODING" and value.lower() != CHUNKED:
            raise UnsupportedTransferCoding(value)


def has_read_body(request: Any, client: SlowClientSocket) -> bool:
    """Discard what has arrived of the body, without waiting; return whether that was the rest.

    If not, no other request can be read from the connection.
    """
    reader = request.body.reader
    if isinstance(reader, LengthReader) and reader.length == 0:
        return True
    if isinstance(reader, ChunkedReader) and reader.parser is None:
        return True
    if isinstance(reader, LengthReader) and reader.length > UNREAD_MAX_BYTES:
        return False
    timeout = client.gettimeout()
    client.settimeout(0)
    try:
        return len(request.body.read(UNREAD_MAX_BYTES + 1)) <= UNREAD_MAX_BYTES
    except (OSError, ParseException):
        return False  # it is not there yet, or broken
    finally:
        client.settimeout(timeout)
