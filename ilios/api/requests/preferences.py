"""What a client prefers: `Prefer` (RFC 7240), of which a service may know nothing."""

from __future__ import annotations

from typing import Final

from flask import request

RESPOND_ASYNC: Final = "respond-async"  #: 202 at once, where a result would be waited for
NO_BATCH: Final = "no-batch"  #: one document or a refusal, where an archive would become a batch


def prefers(preference: str) -> bool:
    """Return whether the request prefers this."""
    named = ",".join(request.headers.getlist("Prefer")).lower().split(",")
    return any(one.strip() == preference for one in named)
