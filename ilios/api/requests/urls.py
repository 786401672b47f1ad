"""Documents at addresses, in place of files that a request brings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ilios.api.schemas.url_requests import URL, URLS
from ilios.api.services import services
from ilios.core.url_errors import UrlNotAllowed
from ilios.documents.remote import Remote
from ilios.documents.uploads import Received, RefusedFile
from ilios.documents.validation import Submitted


def remote(url: str, given_name: str | None = None) -> Remote:
    """Return the document at an address. Raise UrlNotAllowed for what its text shows."""
    return Remote(services().guard.checked(url), given_name)


def document_of(form: dict[str, Any]) -> Submitted:
    """Return the one document of a form, or of its place in JSON. Raise UrlNotAllowed."""
    file: Received | None = form.get("file")
    return remote(form[URL]) if file is None else file


def documents_of(form: dict[str, Any]) -> Sequence[Submitted | RefusedFile]:
    """Return the documents of a batch; a refused address is known by its place: it is a secret."""
    files: Sequence[Received | RefusedFile] | None = form.get("files")
    if files is not None:
        return files
    return [_named(f"{URLS}[{place}]", url) for place, url in enumerate(form[URLS])]


def _named(name: str, url: str) -> Remote | RefusedFile:
    try:
        return remote(url)
    except UrlNotAllowed as reason:
        return RefusedFile(name, reason)
