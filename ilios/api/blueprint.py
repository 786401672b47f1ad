"""flask-smorest's blueprint with our argument parser and with types."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from flask import Response, jsonify, request
from flask_smorest import Blueprint
from flask_smorest.utils import resolve_schema_instance
from marshmallow import Schema

from ilios.api.middleware.routing import takes_query
from ilios.api.requests.parsing import Parser

JSON: Final = "application/json"

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

    def arguments(self, schema: Schema, *, location: str = "json") -> Decorator:
        """Parse `json`, `query` or `multipart` of the request for the view, and document it."""
        parse: Decorator = super().arguments(schema, location=location)
        return takes_query(_unless_empty(parse, schema)) if location == "query" else parse

    def form_or_json(self, form: Schema, in_json: Schema) -> Decorator:
        """Parse a form with files, or a JSON object that says where they are; document both."""
        by_form = self.arguments(form, location="multipart")
        by_json: Any = self.ARGUMENTS_PARSER.use_args(in_json, location="json")
        content = {JSON: {"schema": in_json}}
        document = self.doc(requestBody={"content": content})

        def decorate(view: View) -> View:
            of_form, of_json = by_form(view), by_json(view)

            @wraps(of_form)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                parsed = of_json if request.mimetype == JSON else of_form
                return parsed(*args, **kwargs)

            return document(wrapper)  # type: ignore[return-value]  # it takes what the view takes

        return decorate

    def response(
        self, status: int, schema: AnySchema | None = None, **documented: Any
    ) -> Decorator:
        """Show what the view returns by the schema, and document it; a Response stays as it is."""
        document: Decorator = super().response(status, schema, **documented)
        shown = resolve_schema_instance(schema)

        def decorate(view: View) -> View:
            @wraps(document(view))
            def answer(*args: Any, **kwargs: Any) -> Any:
                found = view(*args, **kwargs)
                if isinstance(found, Response):
                    return found
                body, *changes = found if isinstance(found, tuple) else (found,)
                response = jsonify(shown.dump(body))
                response.status_code = status
                return (response, *changes) if changes else response

            return answer  # type: ignore[return-value]  # it takes what the view takes

        return decorate

    def alt_response(
        self, status: int, response: str | None = None, **documented: Any
    ) -> Decorator:
        """Document another answer; the view is called as it is."""
        document: Decorator = super().alt_response(status, response, **documented)

        def decorate(view: View) -> View:
            view._apidoc = document(view)._apidoc  # type: ignore[attr-defined]  # flask-smorest's
            return view

        return decorate

    def refuses(self, *statuses: int) -> Decorator:
        """Document the statuses of the problems that a view may answer with."""

        def decorate(view: View) -> View:
            for status in statuses:
                document: Decorator = self.alt_response(status, HTTPStatus(status).name)
                view = document(view)
            return view

        return decorate


def _unless_empty(parse: Decorator, schema: Schema) -> Decorator:
    """Give the view the defaults where a request has no query, of which nothing is to be parsed."""

    def decorate(view: View) -> View:
        parsed, defaults = parse(view), schema.load({})

        @wraps(parsed)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if request.query_string:
                return parsed(*args, **kwargs)
            return view({**defaults}, *args, **kwargs)

        return wrapper  # type: ignore[return-value]  # it takes what the view takes

    return decorate
