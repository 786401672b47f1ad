#!/usr/bin/env bash
# mistralai: a name of its `models` or `utils` is imported anew at each use.
#
# One would guess: modules that are loaded when a name is first used (PEP 562) put the name into
# the package, so that the second use is an attribute like any other, as for example the standard
# library's and most lazy packages' do.
#
# What happens: `__getattr__` of the package returns the name and keeps nothing. Each `models.X`,
# also within the SDK's own methods, goes through `importlib.import_module`. One OCR call does so
# some two dozen times.
#
# Why it matters: it is about a tenth of a millisecond of processor time in each call, and
# a program that itself writes `models.OCRRequest` in a loop pays for it there. Names that are
# imported (`from mistralai.client.models import OCRRequest`) cost it once.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mistralai==3.7.0
cat > "$folder/run.py" <<'PYTHON'
import importlib
import importlib.metadata
import json
import sys

import httpx2
from mistralai.client import Mistral, models

models.OCRRequest  # what follows is not the first use
answer = {
    "pages": [],
    "model": "mistral-ocr-latest",
    "usage_info": {"pages_processed": 0, "doc_size_bytes": 1},
}
transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json=answer))
client = Mistral(api_key="key", client=httpx2.Client(transport=transport))
document = {"type": "document_url", "document_url": "https://documents.example/one.pdf"}


def call():
    client.ocr.process(model="mistral-ocr-latest", document=document)


call()
imported = []
original = importlib.import_module


def counting(name, package=None):
    imported.append(name)
    return original(name, package)


for module in list(sys.modules.values()):
    if getattr(module, "import_module", None) is original:
        module.import_module = counting
for _ in range(3):
    models.OCRRequest
by_hand = len(imported)
imported.clear()
call()
print("mistralai", importlib.metadata.version("mistralai"))
print(f"three more uses of one name: {by_hand} imports; a second OCR call: {len(imported)}")
sys.exit(0 if by_hand == 3 and len(imported) > 10 else "The behaviour has changed.")
PYTHON
"$folder/venv/bin/python" "$folder/run.py"
# Seen: mistralai 3.7.0, Python 3.11: 3 imports, and 24.
