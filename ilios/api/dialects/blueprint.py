"""The blueprint of a dialect: where it is, what its errors look like, and that it is lenient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from ilios.api.blueprint import ApiBlueprint, Decorator
from ilios.api.middleware.routing import takes_anything
from ilios.api.responses.error_shapes import Shape

JSON: Final = "application/json"
OPAQUE: Final = "application/octet-stream"  #: of a body that is a file: whatever type it says


class DialectBlueprint(ApiBlueprint):
    """Views take queries and options that nobody knows, and ignore them.

    So do those that create nothing with `Idempotency-Key`.

    That a head is refused is documented for each of them, with 400 and others.
    """

    def __init__(
        self,
        title: str,
        import_name: str,
        *,
        paths: Sequence[str],
        shape: Shape,
        error_schema: dict[str, Any],
        error_type: str = JSON,
        description: str,
    ) -> None:
        """Name the dialect in the OpenAPI document by its `title`.

        `shape` is that of errors at `paths` and at all below them; `error_schema` and
        `error_type` document it.
        """
        super().__init__(title, import_name, description=description)
        self.dialect = import_name.removeprefix(f"{__package__}.").partition(".")[0]
        self.paths = tuple(paths)
        self.shape = shape
        self._error_schema = error_schema
        self._error_type = error_type

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., Any] | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Add a route, which must lie below the paths of the dialect."""
        if not any(rule == path or rule.startswith(f"{path}/") for path in self.paths):
            raise ValueError(f"{rule} is not below {', '.join(self.paths)}")
        if view_func is not None:
            takes_anything(view_func)
            content = {self._error_type: {"schema": self._error_schema}}
            view_func.error_content = content  # type: ignore[attr-defined]  # for ilios.api.openapi
            view_func.dialect = self.dialect  # type: ignore[attr-defined]  # likewise
        super().add_url_rule(rule, endpoint, view_func, provide_automatic_options, **options)

    if TYPE_CHECKING:

        def head(self, rule: str) -> Decorator: ...

    def refuses(self, *statuses: int) -> Decorator:
        """Document the statuses of the errors that a view may answer with, in their shape."""

        def decorate(view: Any) -> Any:
            for status in statuses:
                document = self.alt_response(
                    status,
                    schema=self._error_schema,
                    content_type=self._error_type,
                    description=HTTPStatus(status).phrase,
                )
                view = document(view)
            return view

        return decorate
