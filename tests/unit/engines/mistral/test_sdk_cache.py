"""What the SDK computes once per type is cached."""

from __future__ import annotations

from typing import Any

import pytest
from mistralai.client import models, utils
from mistralai.client.utils import queryparams, serializers

from ilios.engines.mistral import sdk_cache


def use_the_sdk() -> Any:
    document = models.DocumentURLChunk(document_url="data:,")
    request = models.OCRRequest(model="m", document=document)
    utils.get_query_params(request)
    body = utils.serialize_request_body(request, False, False, "json", models.OCRRequest)
    return body.content if body else None


def test_models_and_annotations_are_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    sdk_cache.install()
    sdk_cache.install()
    first = use_the_sdk()

    def not_called(*_positional: Any, **_named: Any) -> None:
        raise AssertionError("the SDK computes it again")

    for module, name in ((serializers, "create_model"), (queryparams, "get_type_hints")):
        cached = getattr(module, name)
        assert isinstance(cached, sdk_cache._Cached)
        monkeypatch.setattr(cached, "_function", not_called)

    assert use_the_sdk() == first
    assert '"document_url":"data:,"' in first
