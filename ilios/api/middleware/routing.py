"""Ids in paths, and requests that are refused before a view runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from flask import current_app
from werkzeug.routing import BaseConverter

from ilios.api.application import Application, Request
from ilios.core import ids
from ilios.core.request_errors import DocumentNotFound, InvalidField, OptionUnavailable

CREATING = ("POST",)
UNKNOWN_FIELD: Final = "unknown_field"
NOT_KNOWN: Final = "is not known here"  #: its value is not repeated: it may be a password

View = TypeVar("View", bound=Callable[..., Any])


class IdConverter(BaseConverter):
    """One path segment where an id belongs; the names of sibling routes do not match."""

    regex = "(?!(?:submit|upload-url|events)(?:/|$))[^/]+"


class PageConverter(BaseConverter):
    """The number of a page, of as many digits as any number here has."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)


def register(app: Application) -> None:
    """Add the converters, and checks before views; register this after authentication."""
    app.url_map.converters.update(id=IdConverter, page=PageConverter)
    app.checks += [_require_ids, _refuse_idempotency_key, _refuse_query]


def takes_query(decorate: Callable[[View], View]) -> Callable[[View], View]:
    """Mark the view that `decorate` makes as one that parses its query."""

    def mark(view: View) -> View:
        decorated = decorate(view)
        decorated.takes_query = True  # type: ignore[attr-defined]  # carried through functools.wraps
        return decorated

    return mark


def takes_anything(view: View) -> View:
    """Mark a view that ignores what it does not know, as clients of a dialect expect."""
    view.takes_anything = True  # type: ignore[attr-defined]  # carried through functools.wraps
    return view


def _require_ids(request: Request) -> None:
    rule = request.url_rule
    if rule is None or not request.view_args:
        return
    for name, value in request.view_args.items():
        is_id = isinstance(rule._converters.get(name), IdConverter)
        if is_id and not ids.is_id(value):
            if hasattr(_view_of(request), "takes_anything"):
                raise DocumentNotFound  # its clients may ask for ids of the service that they know
            raise InvalidField("id", value, "20 to 30 lower-case letters and digits")


def _refuse_idempotency_key(request: Request) -> None:
    """Refuse a key where nothing is created; see ilios.api.requests.idempotency."""
    if request.method not in CREATING or "HTTP_IDEMPOTENCY_KEY" not in request.environ:
        return
    view = _view_of(request)
    if view is None:
        return  # there is no such path, or it has another method: that is what is answered
    if not hasattr(view, "creates") and not hasattr(view, "takes_anything"):
        raise OptionUnavailable(
            "Idempotency-Key is for calls that create a document or a batch, which this does not. "
            "Leave the header out."
        )


def _refuse_query(request: Request) -> None:
    """Refuse a query where a view reads none: a form field in it would be ignored."""
    if not request.query_string or not request.args:
        return
    view = _view_of(request)
    if not hasattr(view, "scope") or hasattr(view, "takes_query"):
        return
    if hasattr(view, "takes_anything"):
        return
    allowed = "no query in this URL (fields go into the body)"
    raise InvalidField(next(iter(request.args)), None, allowed, UNKNOWN_FIELD, fault=NOT_KNOWN)


def _view_of(request: Request) -> Any:
    return current_app.view_functions.get(request.endpoint or "")
