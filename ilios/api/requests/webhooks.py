"""The address that a form names for the events of what it sends."""

from __future__ import annotations

from typing import Any

from ilios.api.services import services


def webhook_of(form: dict[str, Any], owner: str) -> str | None:
    """Return the address in its one form, or None. Raise UrlNotAllowed, WebhookSecretMissing."""
    url: str | None = form["webhook_url"]
    return None if url is None else services().webhooks.checked(url, owner).url
