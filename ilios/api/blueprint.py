"""flask-smorest's blueprint with our argument parser and with types."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from flask_smorest import Blueprint
from marshmallow import Schema

from ilios.api.middleware.routing import takes_query
from ilios.api.requests.parsing import Parser

View = TypeVar("View", bound=Callable[..., Any])
AnySchema = type[Schema] | dict[str, Any]


class Decorator(Protocol):
    """A decorator that returns a view of the same type."""

    def __call__(self, view: View, /) -> View: ...


class ApiBlueprint(Blueprint):  # type: ignore[misc]  # flask-smorest is untyped
    """Views take parsed arguments and return what a schema dumps; both are documented."""

    ARGUMENTS_PARSER = Parser()
    DEFAULT_LOCATION_CONTENT_TYPE_MAPPING = {  # noqa: RUF012  # as flask-smorest declares it
        **Blueprint.DEFAULT_LOCATION_CONTENT_TYPE_MAPPING,
        "multipart": "multipart/form-data",
    }

    if TYPE_CHECKING:

        def get(self, rule: str) -> Decorator: ...
        def post(self, rule: str) -> Decorator: ...
        def put(self, rule: str) -> Decorator: ...
        def delete(self, rule: str) -> Decorator: ...
        def doc(self, **manual: Any) -> Decorator: ...
        def response(
            self, status: int, schema: AnySchema | None = ..., **documented: Any
        ) -> Decorator: ...
        def alt_response(
            self, status: int, response: str | None = ..., **documented: Any
        ) -> Decorator: ...

    def arguments(self, schema: Schema, *, location: str = "json") -> Decorator:
        """Parse `json`, `query` or `multipart` of the request for the view, and document it."""
        parse: Decorator = super().arguments(schema, location=location)
        return takes_query(parse) if location == "query" else parse

    def refuses(self, *statuses: int) -> Decorator:
        """Document the statuses of the problems that a view may answer with."""

        def decorate(view: View) -> View:
            for status in statuses:
                document: Decorator = self.alt_response(status, HTTPStatus(status).name)
                view = document(view)
            return view

        return decorate
