"""The provider's error answers."""

from __future__ import annotations

from typing import Any, NamedTuple

from aiohttp import web
from pydantic_core import to_json

JSON = "application/json"


class _Error(NamedTuple):
    status: int
    code: str
    message: str


#: By `type`. The sentences and codes were seen in answers, save those of internal_server_error
#: and invalid_request_error: guesses.
ERRORS = {
    "invalid_model": _Error(400, "1500", "Invalid model"),
    "document_parser_invalid_file": _Error(400, "3740", "Document is not a valid PDF."),
    "document_parser_too_many_pages": _Error(400, "3730", "This document has too many pages."),
    "invalid_request_file": _Error(400, "3310", "File could not be fetched."),
    "invalid_request_error": _Error(400, "3051", "Invalid request."),
    "rate_limited": _Error(429, "1300", "Rate limit exceeded"),
    "service_tier_capacity_exceeded": _Error(
        429, "3505", "Service tier capacity exceeded for this model."
    ),
    "internal_server_error": _Error(500, "3000", "Service unavailable."),
}
DETAILS = {
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "File not found",
    413: "Request Entity Too Large",
}
PLAIN = {
    502: "Bad Gateway",
    503: "upstream connect error or disconnect/reset before headers. reset reason: overflow",
    504: "upstream request timeout",
}
BY_STATUS = {400: "invalid_request_error", 429: "rate_limited", 500: "internal_server_error"}


class Refusal(Exception):
    """An error answer: what the provider says instead of doing it."""

    def __init__(
        self, status: int, body: dict[str, Any] | str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = headers or {}

    @property
    def text(self) -> str:
        return self.body if isinstance(self.body, str) else to_json(self.body).decode()

    def response(self) -> web.Response:
        kind = "text/plain" if isinstance(self.body, str) else JSON
        return web.Response(
            status=self.status, text=self.text, content_type=kind, headers=self.headers
        )


def error(kind: str, message: str | None = None) -> Refusal:
    """Return one of the provider's errors, by its type."""
    known = ERRORS[kind]
    body = {
        "object": "error",
        "message": message or known.message,
        "type": kind,
        "param": None,
        "code": known.code,
        "raw_status_code": known.status,
    }
    return Refusal(known.status, body)


def plain_status(status: int) -> Refusal:
    """Return what an answer of this status usually looks like; 502 to 504 are not JSON."""
    if status in PLAIN:
        return Refusal(status, PLAIN[status])
    if status in BY_STATUS:
        return error(BY_STATUS[status])
    return Refusal(status, {"detail": DETAILS.get(status, "Error")})


def invalid(loc: list[str | int], message: str, kind: str = "value_error") -> Refusal:
    """Return a 422 in FastAPI's shape."""
    return Refusal(422, {"detail": [{"type": kind, "loc": loc, "msg": message}]})


def file_not_found() -> Refusal:
    return plain_status(404)


def unfetchable(url: str) -> Refusal:
    """Repeat the address with its signature, as the provider does."""
    return error("invalid_request_file", f"File could not be fetched from url '{url}'")
