"""Checking key, address and models at the provider, free of charge."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import httpx2
from mistralai.client.errors import MistralError
from mistralai.client.models import UnknownModelListData

from ilios.core.conversion_errors import ConversionError, ProviderMisconfigured
from ilios.core.settings import Settings
from ilios.engines.mistral import errors
from ilios.engines.mistral.client import key_of, open_sdk, require_usable
from ilios.engines.mistral.deadlines import Deadline
from ilios.engines.mistral.errors import Refusal
from ilios.engines.mistral.http_client import HttpClient

ANSWER_SECONDS: Final = 15.0
NO_API: Final = (
    "What answers at MISTRAL_SERVER_URL is not the Mistral API: set its address and restart."
)


@dataclass(frozen=True, slots=True)
class Account:
    """What the provider answers to the key.

    `fault` is None when it accepts the key. `clock_ahead_seconds` is how far our clock is ahead of
    the provider's, to the second; None when its answer has no date.
    """

    models: frozenset[str]
    fault: ConversionError | None
    clock_ahead_seconds: float | None


def examine(settings: Settings) -> Account:
    """Ask which models the key may use."""
    ahead_seconds: list[float] = []

    def look_at_clock(response: httpx2.Response) -> None:
        seconds = -errors.seconds_until(response.headers.get("date", ""))
        if math.isfinite(seconds):
            ahead_seconds.append(seconds)

    http = HttpClient(settings.mistral_server_url)
    http.event_hooks = {"response": [look_at_clock]}
    models: frozenset[str] = frozenset()
    fault = None
    try:
        models = _models(settings, http)
    except ConversionError as error:
        fault = error
    finally:
        http.close()
    return Account(models, fault, ahead_seconds[0] if ahead_seconds else None)


def _models(settings: Settings, http: HttpClient) -> frozenset[str]:
    key = key_of(settings)
    require_usable(key)
    sdk = open_sdk(key, settings.mistral_server_url, http)
    try:
        with Deadline(ANSWER_SECONDS).enforced():
            listed = sdk.models.list().data or []
    except MistralError as error:
        raise errors.of_any(Refusal.of(error)) or ProviderMisconfigured(NO_API) from error
    except httpx2.HTTPError as error:
        raise errors.of_transport(error, is_sent=False) from error
    cards = [card for card in listed if not isinstance(card, UnknownModelListData)]
    return frozenset(name for card in cards for name in (card.id, *(card.aliases or ())))
