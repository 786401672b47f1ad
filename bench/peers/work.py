"""What a job of a peer's queue does: nothing, or what a document costs at least.

That is one call to the provider, with the document in it, whose answer is kept in a file. There is
no HTTP in front, no check of the file, no ledger and no limit: all that a document is beside that.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import threading
from pathlib import Path
from urllib.parse import urlsplit

FOLDER = Path(os.environ.get("PEER_FOLDER", "."))
PROVIDER = os.environ.get("PEER_PROVIDER", "")  #: its URL; without one a job does nothing
KEY = os.environ.get("PEER_PROVIDER_KEY", "")
DONE = FOLDER / "done"  #: a byte for each job
DOCUMENT = FOLDER / "document.pdf"

_connections = threading.local()


def work(number: int) -> None:
    """Do one job, and count it."""
    if PROVIDER:
        (FOLDER / f"{number}.json").write_bytes(_answer(DOCUMENT.read_bytes()))
    descriptor = os.open(DONE, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, b".")
    os.close(descriptor)


def _answer(content: bytes) -> bytes:
    if not hasattr(_connections, "open"):
        _connections.open = http.client.HTTPConnection(urlsplit(PROVIDER).netloc, timeout=60)
    address = "data:application/pdf;base64," + base64.b64encode(content).decode()
    body = {
        "model": "mistral-ocr-latest",
        "document": {"type": "document_url", "document_url": address},
    }
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    _connections.open.request("POST", "/v1/ocr", json.dumps(body), headers)
    response = _connections.open.getresponse()
    content = response.read()
    if response.status != 200:
        raise RuntimeError(f"the provider answered {response.status}")
    return content
