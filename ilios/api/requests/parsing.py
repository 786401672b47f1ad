"""Arguments of requests: webargs, with a location for multipart forms, and with our errors."""

from __future__ import annotations

from typing import Any, NoReturn

from flask import Request
from marshmallow import RAISE, Schema, ValidationError
from webargs.flaskparser import FlaskParser
from werkzeug.datastructures import MultiDict

from ilios.api.middleware.auth import current_owner
from ilios.api.middleware.routing import NOT_KNOWN, UNKNOWN_FIELD
from ilios.api.requests import idempotency, json_objects
from ilios.api.requests.body import Body
from ilios.api.requests.multipart import Limits, StreamingRequest
from ilios.api.schemas.request_fields import PASSWORD, PASSWORD_ALLOWED, FileField
from ilios.api.services import Services, services
from ilios.core.request_errors import InvalidField, MalformedRequest, MissingFile, TooManyFiles

FORM_OVERHEAD_BYTES = 1024 * 1024  #: for the fields and boundaries of a form with one file
JSON_MAX_BYTES = 64 * 1024
JSON_EXAMPLE = '{"fileName": "report.pdf", "fileSize": 102400}'
FILES = "files"
A_FILE = "a file"


class Parser(FlaskParser):
    """The parser of arguments; the first refusal ends the request."""

    DEFAULT_VALIDATION_STATUS = 400
    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012  # as webargs declares it
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "multipart": RAISE,
        "query": RAISE,
    }
    __location_map__ = {  # noqa: RUF012  # as webargs declares it
        **FlaskParser.__location_map__,
        "multipart": "load_multipart",
    }

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        """Read the query, of which each parameter stands there once."""
        _require_single(req.args, schema)
        return super().load_querystring(req, schema)

    def load_multipart(self, req: Request, schema: Schema) -> Any:
        """Receive the fields and files of a form; `files[]` is a spelling of `files`."""
        if not isinstance(req, StreamingRequest):
            raise TypeError("the application was built without ilios.api.requests.multipart")
        here = services()
        with here.wait_slots.for_upload(current_owner()):
            form = req.receive_form(here.uploads, _limits(here, schema))
        for name in [name for name in form if name.endswith("[]")]:
            for value in form.poplist(name):
                form.add(name.removesuffix("[]"), value)
        idempotency.form_has_arrived(form.items(multi=True))
        _require_single(form, schema)
        sent: dict[str, Any] = form.to_dict()
        if FILES in schema.fields and FILES in sent:
            sent[FILES] = form.getlist(FILES)
        return sent

    def load_json(self, req: Request, schema: Schema) -> Any:
        """Read a JSON object of at most JSON_MAX_BYTES, or as its schema says.

        A schema may name another bound, and let the object be left out.
        """
        if getattr(schema, "may_be_left_out", False) and _has_no_body(req):
            return {}
        if req.mimetype != "application/json":
            raise MalformedRequest(
                f"Content-Type is {req.mimetype or 'missing':.80}; send application/json."
            )
        with services().wait_slots.for_upload(current_owner()):
            most_bytes: int = getattr(schema, "json_max_bytes", JSON_MAX_BYTES)
            body = Body(req.environ, most_bytes).whole()
        sent = json_objects.parsed(body, getattr(schema, "json_example", JSON_EXAMPLE))
        idempotency.json_has_arrived(sent)
        return sent

    def handle_error(
        self,
        error: ValidationError,
        req: Request,  # noqa: ARG002
        schema: Schema,
        **_options: Any,
    ) -> NoReturn:
        raise _refusal(error, schema)


def _has_no_body(req: Request) -> bool:
    return not req.content_length and "HTTP_TRANSFER_ENCODING" not in req.environ


def _limits(here: Services, schema: Schema) -> Limits:
    settings = here.settings
    file_bytes, request_bytes = settings.max_file_size_bytes, settings.max_request_bytes
    if FILES in schema.fields:
        return Limits(file_bytes, request_bytes, here.disk_reserve, lists_refusals=True)
    # One file: a longer request cannot be right, and is refused before it is read.
    request_bytes = min(request_bytes, file_bytes + FORM_OVERHEAD_BYTES)
    return Limits(file_bytes, request_bytes, here.disk_reserve)


def _require_single(form: MultiDict[str, Any], schema: Schema) -> None:
    for name, values in form.lists():
        if name == FILES or len(values) == 1:
            continue
        field = schema.fields.get(name)
        if isinstance(field, FileField):
            raise TooManyFiles(f"{name} was sent {len(values)} times. Send one file, or a batch.")
        raise InvalidField(name, None, "one value", fault=f"was sent {len(values)} times")


def _refusal(error: ValidationError, schema: Schema) -> Exception:
    messages: Any = next(iter(error.messages_dict.values()))  # webargs puts the location above
    by_key = {field.data_key: field for field in schema.fields.values()}
    # An unknown name comes first: it may well be a misspelling of the field that is missing.
    name = min(messages, key=by_key.__contains__)
    field = by_key.get(name)
    if field is None:
        allowed = ", ".join(sorted(key for key in by_key if key))
        return InvalidField(name, None, f"only {allowed}", UNKNOWN_FIELD, fault=NOT_KNOWN)
    if name == FILES or isinstance(field, FileField):
        return MissingFile(f"No file was sent in the field {name}.")
    if name == PASSWORD:
        return InvalidField(name, None, PASSWORD_ALLOWED, fault=_first(messages[name]))
    sent = _sent(error, name)
    if sent is None and field.required:
        return InvalidField(name, None, "it is required")
    return InvalidField(name, sent, _first(messages[name]))


def _sent(error: ValidationError, name: str) -> Any:
    try:
        value: Any = error.data[name]  # type: ignore[index]  # never a list here
    except (KeyError, TypeError):
        return None
    if isinstance(value, list | dict):  # of JSON
        return "a list" if isinstance(value, list) else "an object"
    return value if isinstance(value, str | int | float | bool | None) else A_FILE


def _first(messages: Any) -> str:
    while not isinstance(messages, str):
        messages = next(iter(messages.values() if isinstance(messages, dict) else messages))
    return messages.removesuffix(".")
