"""Haystack: its converters for Mistral and for docling-serve."""

from __future__ import annotations

import logging
from typing import Any

from haystack.utils import Secret
from haystack_integrations.components.converters.docling_serve import DoclingServeConverter
from haystack_integrations.components.converters.mistral import MistralOCRDocumentConverter
from mistralai.client import Mistral

from tests.dialects.drivers.errand import TIMEOUT_S, ClientError, Driver, Errand


class _Said(logging.Handler):
    """Keeps the warnings, which are all that the converters say of a failure."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def with_mistral(errand: Errand) -> str:
    """Read with a client of our own, since the converter takes no address."""
    key = errand.key or "none"
    converter = MistralOCRDocumentConverter(
        api_key=Secret.from_token(key), model="mistral-ocr-latest"
    )
    converter.client = Mistral(api_key=key, server_url=errand.url, timeout_ms=int(TIMEOUT_S * 1000))
    return _converted(converter, errand)


def with_docling(errand: Errand, mode: str = "sync") -> str:
    """Return the Markdown, by one request or by a task."""
    converter = DoclingServeConverter(
        base_url=errand.url,
        api_key=Secret.from_token(errand.key) if errand.key else None,
        mode=mode,
        timeout=TIMEOUT_S,
        job_timeout=TIMEOUT_S,
        poll_interval=0.5,
    )
    return _converted(converter, errand)


def _converted(converter: Any, errand: Errand) -> str:
    said = _Said()
    logging.getLogger().addHandler(said)
    try:
        documents = converter.run(sources=[errand.path])["documents"]
    finally:
        logging.getLogger().removeHandler(said)
    if not documents:
        raise ClientError("; ".join(said.lines))
    return str(documents[0].content)


DRIVERS: dict[str, Driver] = {
    "haystack-mistral": with_mistral,
    "haystack-docling": with_docling,
    "haystack-docling-async": lambda errand: with_docling(errand, "async"),
}
