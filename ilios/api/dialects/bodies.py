"""What a dialect receives: a file as the body, a form, or JSON with files in it.

Files are on the data volume when these return, under the limits and the reserve of the service;
they are removed at the end of the request, unless a conversion took them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from flask import request
from werkzeug.datastructures import MultiDict

from ilios.api.application import current
from ilios.api.dialects import json_bodies
from ilios.api.dialects.json_bodies import JsonBody
from ilios.api.dialects.options import Options
from ilios.api.middleware.auth import current_owner
from ilios.api.requests import idempotency, spooling
from ilios.api.requests.body import Body
from ilios.api.requests.multipart import Limits, StreamingRequest
from ilios.api.requests.parsing import FORM_OVERHEAD_BYTES
from ilios.api.services import services
from ilios.core.file_names import safe_file_name
from ilios.core.request_errors import MissingFile, TooManyFiles
from ilios.documents.uploads import Received, RefusedFile

BASE64_CHARACTERS: Final = 4
BASE64_BYTES: Final = 3


@dataclass(frozen=True, slots=True)
class SentForm:
    """The files of a form in their order, each with the name of its field; the rest are options."""

    files: list[tuple[str, Received]]
    options: Options

    @property
    def file(self) -> Received:
        """Return the first file."""
        return self.files[0][1]


def receive_file(sent_name: str | None) -> Received:
    """Receive the body as one file, under what is kept of a name that the client sent."""
    here = services()
    with here.wait_slots.for_upload(current_owner()):
        file = spooling.receive_body(
            request.environ,
            here.uploads,
            here.settings.max_file_size_bytes,
            here.disk_reserve,
            safe_file_name(sent_name),
        )
    idempotency.file_has_arrived(file)
    return file


def receive_form(*, most_files: int = 1) -> SentForm:
    """Receive a form with at least one file; its other fields and the query are options.

    Raises MissingFile, TooManyFiles, FileTooLarge, MalformedRequest, DiskFull.
    """
    asked = current()
    if not isinstance(asked, StreamingRequest):
        raise TypeError("the application was built without ilios.api.requests.multipart")
    here = services()
    file_bytes = here.settings.max_file_size_bytes
    most_bytes = most_files * file_bytes + FORM_OVERHEAD_BYTES
    limits = Limits(file_bytes, min(here.settings.max_request_bytes, most_bytes), here.disk_reserve)
    with here.wait_slots.for_upload(current_owner()):
        form = asked.receive_form(here.uploads, limits)
    idempotency.form_has_arrived(form.items(multi=True))
    return _sorted(form, most_files)


def receive_json() -> JsonBody:
    """Receive a JSON object with files in base64, whose size limit is that of what they decode to.

    Raises MalformedRequest, InvalidField, FileTooLarge, TooManyFiles, DiskFull.
    """
    here, environ = services(), request.environ
    file_bytes = here.settings.max_file_size_bytes
    in_base64 = -(-here.settings.max_file_size_bytes // BASE64_BYTES) * BASE64_CHARACTERS
    most_bytes = min(
        here.settings.max_request_bytes, 2 * in_base64 + json_bodies.REST_MAX_BYTES
    )  # twice: a client may escape and break its lines
    with here.wait_slots.for_upload(current_owner()), spooling.storing():
        body = Body(environ, most_bytes)
        here.disk_reserve.require((body.length or 0) // BASE64_CHARACTERS * BASE64_BYTES)
        sent = json_bodies.read(
            body.blocks(),
            lambda: spooling.new_sink(environ, here.uploads, file_bytes, here.disk_reserve),
        )
    idempotency.json_has_arrived(sent.value, sent.hash_of)
    return sent


def query_options() -> Options:
    """Return the query of the request as options."""
    return options_of({})


def options_of(sent: dict[str, Any]) -> Options:
    """Return what was sent in a body, and in the query, as options; those of the body count."""
    query = {name: values for name, values in request.args.lists() if name not in sent}
    return Options({**query, **sent})


def _sorted(form: MultiDict[str, Any], most_files: int) -> SentForm:
    files: list[tuple[str, Received]] = []
    texts: dict[str, list[Any]] = {}
    for name, value in form.items(multi=True):
        if isinstance(value, RefusedFile):
            raise value.reason
        if isinstance(value, Received):
            files.append((name.removesuffix("[]"), value))
        else:
            texts.setdefault(name, []).append(value)
    if not files:
        raise MissingFile("No file was sent in the form.")
    if len(files) > most_files:
        raise TooManyFiles(f"{len(files)} files were sent; this takes {most_files}.")
    return SentForm(files, options_of(texts))
