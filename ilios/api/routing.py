"""Ids in paths, and what is refused before a view runs."""

from __future__ import annotations

from flask import Flask, request
from werkzeug.routing import BaseConverter

from ilios import ids
from ilios.errors import InvalidField, OptionUnavailable

CREATING = ("POST",)


class IdConverter(BaseConverter):
    """One path segment where an id belongs; the names of sibling routes are not taken for one."""

    regex = "(?!(?:submit|upload-url)(?:/|$))[^/]+"


def register(app: Flask) -> None:
    """Know ids in routes; register this after authentication."""
    app.url_map.converters["id"] = IdConverter
    app.before_request(_require_ids)
    app.before_request(_refuse_idempotency_key)


def _require_ids() -> None:
    if request.url_rule is None:
        return
    for name, value in (request.view_args or {}).items():
        is_id = isinstance(request.url_rule._converters.get(name), IdConverter)
        if is_id and not ids.is_id(value):
            raise InvalidField("id", value, "20 to 30 lower-case letters and digits")


def _refuse_idempotency_key() -> None:
    if request.method in CREATING and "Idempotency-Key" in request.headers:
        raise OptionUnavailable("Idempotency-Key is not available yet. Leave the header out.")
