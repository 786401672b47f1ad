"""What is taken from the answers of an S3 server that are no errors."""

from __future__ import annotations

import io
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from ilios.core import computing
from ilios.storage.base import ListedObject
from ilios.storage.s3.error_responses import described
from ilios.storage.s3.transfers import PART_BYTES

if TYPE_CHECKING:  # botocore is imported on connecting
    from ilios.storage.s3.response import Response


class Body(io.RawIOBase):
    """The bytes of an object; while they are waited for, other threads compute."""

    def __init__(self, response: Response) -> None:
        self._response = response
        self._blocks = response.blocks()
        self._left = memoryview(b"")  #: of the block that is being read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            with computing.waiting():
                self._left = memoryview(next(self._blocks, b""))
        taken, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)

    def close(self) -> None:
        self._response.close()
        super().close()


def nothing(response: Response) -> None:
    """Read to the end, so that the connection can be used again."""
    for _ in response.blocks():
        pass


def size_bytes(response: Response) -> int:
    """Return the size of the object. Raises ResponseParserError for an answer without one."""
    from botocore.parsers import ResponseParserError

    nothing(response)
    if response.size_bytes is None:
        raise ResponseParserError("no Content-Length")
    return response.size_bytes


def saved(response: Response, path: Path) -> bool:
    """Write the object to a new file; return False, having read nothing, when it is a large one."""
    if (response.size_bytes or 0) >= PART_BYTES:
        response.close()
        return False
    with path.open("xb") as file:
        try:
            file.writelines(response.blocks())
        except BaseException:
            path.unlink()
            raise
    return True


def copied(response: Response) -> None:
    """Raise ClientError when a copy failed after the server had begun to answer 200."""
    from botocore.exceptions import ClientError

    try:
        has_failed = _root(response).tag == "Error"
    except ElementTree.ParseError:
        has_failed = True
    if has_failed:
        response.status_code = HTTPStatus.INTERNAL_SERVER_ERROR.value  # as botocore takes it
        raise ClientError(described(response), "CopyObject")


def page(response: Response) -> tuple[list[ListedObject], str | None]:
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


def _root(response: Response) -> ElementTree.Element:
    # As botocore parses it. The server is the operator's own; expat bounds what entities become.
    return ElementTree.fromstring(response.content)  # noqa: S314
