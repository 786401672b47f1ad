"""What applications send that cannot be run here, made of the settings that their recipe shows."""

from __future__ import annotations

import json
from typing import Any

import requests

from tests.documentation.places import ANSWER_TIMEOUT_S, INVOICE, KEY, Places
from tests.support.forking import REPOSITORY
from tests.unit.structure.code_blocks import Place, blocks

N8N = REPOSITORY / "docs" / "recipes" / "n8n.md"
SERVICE = "http://ilios:1337"


def test_n8n_sends_the_form_that_its_node_describes_and_gets_markdown(places: Places) -> None:
    (node,) = (json.loads(one.text)["nodes"][0] for one in blocks() if one.page == N8N)
    parameters = node["parameters"]
    service = places.of(Place.KEYS)

    answer = requests.request(
        parameters["method"],
        parameters["url"].replace(SERVICE, service.url),
        headers={"Authorization": f"Bearer {KEY}"},  # httpBearerAuth
        files=_form(parameters["bodyParameters"]["parameters"]),
        timeout=ANSWER_TIMEOUT_S,
    )

    assert parameters["genericAuthType"] == "httpBearerAuth"
    assert parameters["contentType"] == "multipart-form-data"
    assert answer.headers["Content-Type"].startswith("text/markdown")
    assert "Helios Instruments" in answer.text


def _form(fields: list[dict[str, str]]) -> dict[str, Any]:
    """Return the parts: `formBinaryData` is the binary data of the item, with its name and type."""
    binary = (INVOICE.name, INVOICE.read_bytes(), "application/pdf")
    parts: dict[str, Any] = {}
    for one in fields:
        is_binary = one["parameterType"] == "formBinaryData"
        parts[one["name"]] = binary if is_binary else (None, one["value"])
    return parts
