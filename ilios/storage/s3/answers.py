"""What is taken from the answers of an S3 server that are no errors."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from ilios.storage.base import ListedObject
from ilios.storage.s3.error_responses import described
from ilios.storage.s3.transfers import PART_BYTES

if TYPE_CHECKING:  # botocore is imported on connecting
    from botocore.response import StreamingBody

CHUNK_BYTES: Final = 256 * 1024  #: read of a body at a time


def nothing(response: Any) -> None:
    """Read to the end, so that the connection can be used again."""
    response.content  # noqa: B018  # a property that reads


def size_bytes(response: Any) -> int:
    """Return the size of the object. Raises ResponseParserError for an answer without one."""
    from botocore.parsers import ResponseParserError

    nothing(response)
    length = _length(response)
    if length is None:
        raise ResponseParserError("no Content-Length")
    return int(length)


def body(response: Any) -> StreamingBody:
    """Return the bytes of the object as a stream, which tells when they break off."""
    from botocore.response import StreamingBody

    return StreamingBody(response.raw, _length(response))


def saved(response: Any, path: Path) -> bool:
    """Write the object to a new file; return False, having read nothing, when it is a large one."""
    if (_length(response) or 0) >= PART_BYTES:
        response.raw.close()
        return False
    with path.open("xb") as file:
        try:
            for chunk in body(response).iter_chunks(CHUNK_BYTES):
                file.write(chunk)
        except BaseException:
            path.unlink()
            raise
    return True


def copied(response: Any) -> None:
    """Raise ClientError when a copy failed after the server had begun to answer 200."""
    from botocore.exceptions import ClientError

    try:
        has_failed = _root(response).tag == "Error"
    except ElementTree.ParseError:
        has_failed = True
    if has_failed:
        response.status_code = HTTPStatus.INTERNAL_SERVER_ERROR.value  # as botocore takes it
        raise ClientError(described(response), "CopyObject")


def page(response: Any) -> tuple[list[ListedObject], str | None]:
    """Return the objects of a page of a list, and the token of the next page.

    Raises ResponseParserError for what is no such page.
    """
    from botocore.parsers import ResponseParserError

    try:
        root = _root(response)
        decoded = unquote_plus if root.findtext("{*}EncodingType") == "url" else str
        found = [
            ListedObject(
                decoded(one.findtext("{*}Key", "")),
                datetime.fromisoformat(one.findtext("{*}LastModified", "")),
            )
            for one in root.iterfind("{*}Contents")
        ]
    except (ElementTree.ParseError, ValueError) as error:
        raise ResponseParserError(f"no list of objects: {error}") from error
    is_cut = root.findtext("{*}IsTruncated") == "true"
    return found, root.findtext("{*}NextContinuationToken") if is_cut else None


def _root(response: Any) -> ElementTree.Element:
    # As botocore parses it. The server is the operator's own; expat bounds what entities become.
    return ElementTree.fromstring(response.content)  # noqa: S314


def _length(response: Any) -> Any:
    length = response.headers.get("content-length")
    return None if length is None else int(length)
