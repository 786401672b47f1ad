"""Runs one client: errands come as lines of JSON, and so do their outcomes.

`python -m tests.dialects.drivers CLIENT`. The first line says which version of the client it is.
What clients print goes to standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

from tests.dialects.drivers.errand import Errand

MODULES = {
    "ilios-langchain": "own_langchain",
    "ilios-llamaindex": "own_llamaindex",
    "ilios-haystack": "own_haystack",
    "mistralai": "mistral_sdk",
    "litellm": "litellm_ocr",
    "haystack-mistral": "haystack",
    "haystack-docling": "haystack",
    "haystack-docling-async": "haystack",
    "docling-client": "docling",
    "langchain-docling": "docling",
    "lightrag": "lightrag",
    "open-webui-mistral": "open_webui",
    "open-webui-mistral-base64": "open_webui",
    "open-webui-docling": "open_webui",
    "open-webui-external": "open_webui",
    "open-webui-tika": "open_webui",
    "open-webui-tika-4": "open_webui",
    "open-webui-mineru": "open_webui",
    "open-webui-azure": "open_webui",
    "unstructured-client": "unstructured",
    "langchain-unstructured": "unstructured",
    "azure-documentintelligence": "azure",
    "paperless-ngx": "paperless",
    "librechat": "replayed_mistral",
    "ragflow-mistral": "replayed_mistral",
    "ragflow-docling": "replayed_docling",
    "paperless-gpt": "replayed_docling",
    "ragflow-mineru": "replayed_mineru",
    "dify-mineru": "replayed_mineru",
}


def main() -> None:
    """Serve until standard input ends."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    client = sys.argv[1]
    module = importlib.import_module(f"tests.dialects.drivers.{MODULES[client]}")
    _say(out, {"ready": client})
    for line in sys.stdin:
        asked = json.loads(line)
        errand = Errand(asked["url"], asked["key"], Path(asked["path"]), asked["mime_type"])
        try:
            outcome = {"text": module.DRIVERS[client](errand)}
        except Exception as error:  # noqa: BLE001  # whatever a client raises is what its user sees
            outcome = {"error": f"{type(error).__name__}: {error}"}
        _say(out, outcome)


def _say(out: object, what: dict[str, str]) -> None:
    print(json.dumps(what), file=out, flush=True)  # type: ignore[call-overload]


if __name__ == "__main__":
    main()
