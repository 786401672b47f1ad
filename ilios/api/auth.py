"""Who is asking: every route needs a key, unless it says that it is public."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, g, request

from ilios.api.context import services

View = TypeVar("View", bound=Callable[..., Any])


def public(view: View) -> View:
    """Mark a view that answers without a key."""
    view.is_public = True  # type: ignore[attr-defined]  # carried through functools.wraps
    return view


def register(app: Flask) -> None:
    """Identify the caller before any view runs."""
    app.before_request(_identify)


def current_owner() -> str:
    """The owner that the present request speaks for."""
    owner: str = g.owner
    return owner


def is_public(endpoint: str) -> bool:
    """Whether the view behind an endpoint answers without a key."""
    return bool(getattr(current_app.view_functions[endpoint], "is_public", False))


def _identify() -> None:
    if request.endpoint is None or is_public(request.endpoint):
        return  # no such route is no secret: the routes are in the OpenAPI document
    g.owner = services().keys.identify(request.headers.get("Authorization"))
