"""Authentication and scopes of routes: each needs a key with a scope, or is marked as public."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Response, current_app

from ilios.accounts.authentication import Caller
from ilios.accounts.keys import Scope
from ilios.accounts.rate_limits import WINDOW_SECONDS
from ilios.api import request_keys
from ilios.api.application import Application, Request, current
from ilios.api.services import services
from ilios.core.request_errors import RateLimited

View = TypeVar("View", bound=Callable[..., Any])


def public(view: View) -> View:
    """Mark a view that answers without a key."""
    view.is_public = True  # type: ignore[attr-defined]  # carried through functools.wraps
    return view


def guards_itself(view: View) -> View:
    """Mark a view that checks by itself whether the caller may have its answer."""
    view.guards_itself = True  # type: ignore[attr-defined]  # carried through functools.wraps
    return view


def needs(scope: Scope) -> Callable[[View], View]:
    """Mark a view that answers to keys with this scope."""

    def decorate(view: View) -> View:
        view.scope = scope  # type: ignore[attr-defined]  # carried through functools.wraps
        return view

    return decorate


def register(app: Application) -> None:
    """Identify the caller before any view runs."""
    app.checks.append(_identify)
    app.completions.append(_add_rate_limit)


def require_declared(app: Application) -> None:
    """Raise TypeError if a route is marked neither as public nor with a scope."""
    for endpoint, view in app.view_functions.items():
        if not any(hasattr(view, mark) for mark in ("is_public", "guards_itself", "scope")):
            raise TypeError(f"{endpoint} does not say whom it answers")


def current_owner() -> str:
    """Return the owner whose key the current request carries."""
    return _caller().owner


def current_scopes() -> frozenset[Scope]:
    """Return what the key of the current request may be used for."""
    return _caller().scopes


def _caller() -> Caller:
    caller = current().caller
    if caller is None:
        raise TypeError("the route is public: it has no owner")
    return caller


def _identify(request: Request) -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    scope: Scope | None = getattr(view, "scope", None)
    if scope is None:
        return  # that there is no such route is no secret: the OpenAPI document lists all
    key = request_keys.key_of_environ(request.environ)
    request.caller = caller = services().authenticator.identify(key)
    if caller.key_id is not None and caller.requests_per_minute is not None:
        _count(request, caller.key_id, caller.requests_per_minute)
    caller.require(scope)


def _count(request: Request, key_id: str, requests_per_minute: int) -> None:
    request.rate = rate = services().request_rates.count(key_id, requests_per_minute)
    if not rate.is_allowed:
        raise RateLimited(requests_per_minute, rate.reset_seconds)


def _add_rate_limit(request: Request, response: Response) -> None:
    """Add the header fields of draft-ietf-httpapi-ratelimit-headers-10."""
    rate = request.rate
    if rate is not None:
        response.headers["RateLimit-Policy"] = f'"requests";q={rate.quota};w={WINDOW_SECONDS}'
        response.headers["RateLimit"] = f'"requests";r={rate.remaining};t={rate.reset_seconds}'
