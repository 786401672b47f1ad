"""The list of models, through the real SDK."""

from __future__ import annotations

import pytest
from mistralai.client import Mistral, errors
from mistralai.client.models import BaseModelCard

from tests.mistral_server.process import MistralServer


def test_models_and_aliases_are_listed_and_name_each_other(
    client: Mistral, server: MistralServer
) -> None:
    cards = client.models.list().data or []
    listed = {card.id: card for card in cards if isinstance(card, BaseModelCard)}

    assert listed["mistral-ocr-latest"].aliases == ["mistral-ocr-4-1"]
    assert listed["mistral-ocr-4-1"].aliases == ["mistral-ocr-latest"]
    assert listed["mistral-ocr-2512"].capabilities.ocr
    assert server.stats().billed_pages == 0


def test_a_list_is_for_those_with_a_key(server: MistralServer) -> None:
    unknown = Mistral(api_key="wrong", server_url=server.url)

    with pytest.raises(errors.MistralError) as refusal:
        unknown.models.list()

    assert refusal.value.status_code == 401
