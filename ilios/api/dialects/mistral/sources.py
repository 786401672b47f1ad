"""Which document a request for OCR is about: one in it, a file that is kept here, or an address.

A link of ours is known by its signature, whatever host it names; a worker fetches any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from ilios.api.dialects.json_bodies import JsonBody
from ilios.api.dialects.mistral.batch_objects import PURPOSE as BATCH_JOB
from ilios.api.middleware.auth import current_owner
from ilios.api.requests import urls
from ilios.api.responses.links import OBJECTS
from ilios.api.services import services
from ilios.core import ids
from ilios.core.file_names import FALLBACK_NAME, safe_file_name
from ilios.core.request_errors import InvalidField, KeptFileNotFound
from ilios.documents.kept_files import KeptFile
from ilios.documents.validation import Submitted
from ilios.engines.detection.media_types import EXTENSIONS, base_type

ALLOWED: Final = (
    '{"type": "document_url", "document_url": …}, {"type": "image_url", "image_url": …} or '
    '{"type": "file", "file_id": …}'
)
_DATA_URL: Final = "a data URL, which has `data:application/pdf;base64,` before the base64"
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_\s-]++=*+\s*+")  #: an address has a colon
_URLS: Final = ("document_url", "image_url")
NAME_MAX_CHARACTERS: Final = 1024
URL_MAX_CHARACTERS: Final = 8192


@contextmanager
def submitted(body: JsonBody) -> Iterator[Submitted]:
    """Give the file of the `document` of a body, or its address; what is left is removed.

    Raises InvalidField, KeptFileNotFound, LinkInvalid, UrlNotAllowed.
    """
    document = body.value.get("document")
    if not isinstance(document, dict):
        raise InvalidField("document", document, ALLOWED)
    url = _url(document)
    if url is not None and body.is_file(url):
        yield body.file(url, _file_name(document, body.media_type(url)), "document")
        return
    kept = _kept(document) if url is None else _linked(url)
    if kept is None:
        yield urls.remote(url or "", _given_name(document))
        return
    with services().kept_files.received(kept) as file:
        yield file


def uploaded(file_id: str) -> KeptFile:
    """Return a file that a client has uploaded. Raise KeptFileNotFound."""
    if not ids.is_id(file_id):
        raise KeptFileNotFound
    kept = services().kept_files.file(file_id, owner=current_owner())
    if kept.purpose == BATCH_JOB:
        raise KeptFileNotFound
    return kept


def _url(document: dict[str, Any]) -> str | None:
    """Return the URL of a document, which may stand in an object of its own."""
    for name in _URLS:
        value = document.get(name)
        if isinstance(value, dict):
            value = value.get("url")
        if isinstance(value, str):
            return value
    return None


def _file_name(document: dict[str, Any], media_type: str | None) -> str:
    """Return the name that a document is sent with; without one, that of its type."""
    given_name = _given_name(document)
    if given_name is not None:
        return given_name
    return FALLBACK_NAME + EXTENSIONS.get(base_type(media_type or ""), "")


def _given_name(document: dict[str, Any]) -> str | None:
    sent = document.get("document_name")
    if isinstance(sent, str) and sent:
        return safe_file_name(sent[:NAME_MAX_CHARACTERS])
    return None


def _kept(document: dict[str, Any]) -> KeptFile:
    file_id = document.get("file_id")
    if not isinstance(file_id, str):
        raise InvalidField("document", ", ".join(map(str, document)), ALLOWED)
    return uploaded(file_id)


def _linked(url: str) -> KeptFile | None:
    """Return what a link of ours stands for; None for an address elsewhere."""
    _, ours, token = _path(url).rpartition(OBJECTS)
    if not ours and _BASE64.fullmatch(url):
        raise InvalidField("document", "base64 alone", _DATA_URL)
    if not ours or "/" in token:
        return None
    return services().kept_files.of_token(token, owner=current_owner())


def _path(url: str) -> str:
    try:
        return urlsplit(url).path if len(url) <= URL_MAX_CHARACTERS else ""
    except ValueError:  # of a host that is none
        return ""
