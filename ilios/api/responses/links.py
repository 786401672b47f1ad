"""Links in answers: absolute, below PUBLIC_URL or the request's own host.

`Host` is whatever a client sends: one that cannot be ours is not repeated, and the link is a path.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, current_app, g, request

from ilios.api.known_hosts import known_hosts

OBJECTS = "/objects/"


def without_token(path: str) -> str:
    """Return a path without the token of a presigned link, which is a secret while it is valid."""
    return OBJECTS if path.startswith(OBJECTS) else path


def absolute(path_or_url: str) -> str:
    """Return the link with scheme and host; one that has them stays as it is."""
    return base() + path_or_url if path_or_url.startswith("/") else path_or_url


def base() -> str:
    """Return what stands before a path in links of answers to the current request."""
    found: str | None = g.get("link_base")
    if found is None:
        found = g.link_base = _base()
    return found


@contextmanager
def made_from(app: Flask, link_base: str) -> Iterator[None]:
    """Make links below `link_base`, of a request that is over, during the block."""
    with app.app_context():
        g.link_base = link_base
        yield


def status_url(document_id: str) -> str:
    return absolute(f"/api/documents/status/{document_id}")


def result_url(document_id: str) -> str:
    return base() + result_path(document_id)


def result_path(document_id: str) -> str:
    return f"/api/documents/{document_id}"


def batch_status_url(batch_id: str) -> str:
    return absolute(f"/v1/batch/status/{batch_id}")


def batch_download_url(batch_id: str) -> str:
    return absolute(f"/v1/batch/download/{batch_id}")


def _base() -> str:
    public: str | None = current_app.config["PUBLIC_URL"]
    if public is not None:
        return public
    host = request.environ.get("HTTP_HOST", "")
    return f"{request.scheme}://{host}" if known_hosts().may_be_ours(host) else ""
