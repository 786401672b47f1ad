"""What RAGFlow and paperless-gpt send to docling-serve: neither is in a package registry."""

from __future__ import annotations

from typing import Any

import requests

from tests.dialects.drivers.errand import TIMEOUT_S, ClientError, Driver, Errand

PROBES = ("/openapi.json", "/docs", "/v1/convert/source")
PROBE_TIMEOUT_S = 5.0
IS_THERE = frozenset({200, 301, 302, 307, 308})
TRIES = 3


def ragflow(errand: Errand) -> str:
    """Look whether the server is there, then ask with chunking, then without. It has no key."""
    answers = {
        probe: requests.head(errand.url + probe, timeout=PROBE_TIMEOUT_S).status_code
        for probe in PROBES
    }
    if not IS_THERE & set(answers.values()):
        raise ClientError(f"Docling server is not reachable: {answers}")
    source = {"kind": "file", "filename": errand.path.name, "base64_string": errand.base64}
    options: dict[str, Any] = {"from_formats": ["pdf"], "to_formats": ["json", "md", "text"]}
    said = ""
    for chunking in (True, False):
        response = requests.post(
            f"{errand.url}/v1/convert/source",
            json={
                "options": {**options, **({"do_chunking": True} if chunking else {})},
                "sources": [source],
            },
            timeout=TIMEOUT_S,
        )
        if response.ok:
            return _text(response.json(), "md_content", "text_content")
        said = f"{response.status_code} {response.text}"
    raise ClientError(f"Docling: {said}")


def paperless_gpt(errand: Errand) -> str:
    """Send a form; up to three times, for what is not a success."""
    said = ""
    for _ in range(TRIES):
        with errand.path.open("rb") as file:
            response = requests.post(
                f"{errand.url}/v1/convert/file",
                files={"files": ("document.pdf", file)},
                data={
                    "to_formats": "md",
                    "do_ocr": "true",
                    "pipeline": "standard",
                    "ocr_engine": "easyocr",
                    "image_export_mode": "embedded",
                },
                timeout=TIMEOUT_S,
            )
        if response.ok and response.json()["status"] == "success":
            return _text(response.json(), "text_content", "md_content")
        said = f"{response.status_code} {response.text}"
        if response.ok or response.status_code < 500:
            break
    raise ClientError(f"docling: {said}")


def _text(answer: Any, *fields: str) -> str:
    if answer["status"] != "success":
        raise ClientError(str(answer["errors"]))
    document = answer["document"]
    return next(str(document[name]) for name in fields if document.get(name))


DRIVERS: dict[str, Driver] = {"ragflow-docling": ragflow, "paperless-gpt": paperless_gpt}
