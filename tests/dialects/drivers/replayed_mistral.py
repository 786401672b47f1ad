"""What LibreChat and RAGFlow send to Mistral, call by call: neither is in a package registry."""

from __future__ import annotations

from typing import Any

import requests

from tests.dialects.drivers.errand import TIMEOUT_S, ClientError, Driver, Errand


def librechat(errand: Errand) -> str:
    """Upload, link, OCR, delete. No pages are an error; errors come from `detail` or `message`."""
    base = f"{errand.url}/v1"
    session = _session(errand)
    with errand.path.open("rb") as file:
        uploaded = session.post(
            f"{base}/files",
            data={"purpose": "ocr"},
            files={"file": (errand.path.name, file)},
            timeout=TIMEOUT_S,
        )
    file_id = _answered(uploaded)["id"]
    try:
        link = _answered(session.get(f"{base}/files/{file_id}/url?expiry=24", timeout=TIMEOUT_S))[
            "url"
        ]
        kind = "image_url" if errand.is_image else "document_url"
        asked = {
            "model": "mistral-ocr-latest",
            "image_limit": 0,
            "include_image_base64": False,
            "document": {"type": kind, kind: link},
        }
        found = _answered(session.post(f"{base}/ocr", json=asked, timeout=TIMEOUT_S))
    finally:
        session.delete(f"{base}/files/{file_id}", timeout=TIMEOUT_S)
    if not found.get("pages"):
        raise ClientError("No OCR result returned from service")
    return "\n\n".join(page["markdown"] for page in found["pages"])


def ragflow(errand: Errand) -> str:
    """Ask for the models, then send the file inline and take the blocks' contents only."""
    base = f"{errand.url}/v1"
    session = _session(errand)
    _answered(session.get(f"{base}/models", timeout=TIMEOUT_S))
    asked = {
        "model": "mistral-ocr-latest",
        "document": {"type": "document_url", "document_url": errand.data_url},
        "include_blocks": True,
        "table_format": "html",
        "include_image_base64": False,
    }
    found = _answered(session.post(f"{base}/ocr", json=asked, timeout=TIMEOUT_S))
    contents = []
    for page in found["pages"]:
        width, height = page["dimensions"]["width"], page["dimensions"]["height"]
        for block in page["blocks"]:
            assert 0 <= block["top_left_x"] <= block["bottom_right_x"] <= width, block
            assert 0 <= block["top_left_y"] <= block["bottom_right_y"] <= height, block
            contents.append(block["content"])
    return "\n\n".join(contents)


def _session(errand: Errand) -> requests.Session:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {errand.key or 'none'}"
    return session


def _answered(response: requests.Response) -> Any:
    """Return the answer. Raises ClientError as LibreChat words it."""
    answer = response.json() if response.content else {}
    if not response.ok:
        raise ClientError(
            f"{response.status_code}: {answer.get('detail') or answer.get('message')}"
        )
    return answer


DRIVERS: dict[str, Driver] = {"librechat": librechat, "ragflow-mistral": ragflow}
