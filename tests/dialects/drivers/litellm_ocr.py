"""LiteLLM: a document inside the request."""

from __future__ import annotations

import litellm

from tests.dialects.drivers.errand import TIMEOUT_S, Driver, Errand


def read(errand: Errand) -> str:
    """Return the Markdown of all pages."""
    kind = "image_url" if errand.is_image else "document_url"
    found = litellm.ocr(
        model="mistral/mistral-ocr-latest",
        document={"type": kind, kind: errand.data_url},
        api_base=f"{errand.url}/v1",
        api_key=errand.key or "none",
        timeout=TIMEOUT_S,
    )
    return "\n\n".join(page.markdown for page in found.pages)


DRIVERS: dict[str, Driver] = {"litellm": read}
