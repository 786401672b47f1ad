"""Immediate conversion: a request that waits for the end of its document, as long as it may."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any, TypeVar

from flask import request

from ilios.api.middleware.auth import current_owner
from ilios.api.server.slow_client_socket import SlowClientSocket
from ilios.api.services import services
from ilios.core.immediate_errors import ConversionFailed, StillRunning
from ilios.core.request_errors import DocumentFailed, DocumentNotReady
from ilios.db.models import DocumentStatus
from ilios.documents.queries import Result
from ilios.documents.snapshots import Snapshot

View = TypeVar("View", bound=Callable[..., Any])


def with_wait_slot(unless: Callable[[], bool] = lambda: False) -> Callable[[View], View]:
    """Refuse before the body is read if no slot is free, unless the caller does not wait."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with _wait_slot(is_needed=not unless()):
                return view(*args, **kwargs)

        return wrapper  # type: ignore[return-value]  # it takes what the view takes

    return decorate


def _wait_slot(*, is_needed: bool) -> AbstractContextManager[None]:
    if not is_needed:
        return nullcontext()
    return services().wait_slots.for_conversion(current_owner())


def wait_for_result(document: Snapshot, owner: str, since: float | None = None) -> Result:
    """Wait for the result and return it. Raise ConversionFailed or StillRunning.

    The wait of a request for several documents has begun with the first one, `since` a moment of
    the monotonic clock.
    """
    begun = time.monotonic() if since is None else since
    if document.status is not DocumentStatus.COMPLETED:
        ends = begun + services().settings.convert_wait_seconds
        seconds = max(0.0, ends - time.monotonic())
        services().waiter.until_ended(document.id, seconds, given_up=_has_hung_up)
    try:
        return services().reader.result(document.id, owner=owner)
    except DocumentFailed as error:
        raise failure_of(document.id, owner) from error
    except DocumentNotReady as error:
        raise StillRunning(document.id, round(time.monotonic() - begun)) from error


def failure_of(document_id: str, owner: str) -> ConversionFailed:
    """Return the error of a document that has failed."""
    ended = services().reader.document(document_id, owner=owner).document
    return ConversionFailed(
        document_id,
        ended.error_code or ConversionFailed.code,
        ended.error or "The conversion failed.",
        engine_fault=ended.engine_fault,
    )


def _has_hung_up() -> bool:
    """Return whether the client has closed its connection: others need its slot."""
    client: SlowClientSocket | None = request.environ.get("gunicorn.socket")
    return client is not None and client.has_left()
