"""A client that a public generator makes of our OpenAPI document does what people do with one."""

from __future__ import annotations

import base64
import io
import json
import time
import zipfile
from typing import Any

from tests.generated_clients.clients import Done
from tests.generated_clients.conftest import DOCUMENT, Generated

WORDS = "Calibration lamp"


def test_its_generator_has_nothing_to_say_against_the_document(generated: Generated) -> None:
    assert generated.done.returncode == 0, generated.done.stderr
    assert generated.done.stderr == ""


def test_its_types_are_right(checked: Done) -> None:
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout + checked.stderr == ""


def test_it_submits_a_document_and_follows_it_to_its_end(outcome: dict[str, Any]) -> None:
    assert outcome["status"] == "completed"
    assert outcome["pagesTotal"] == 1


def test_it_downloads_markdown(outcome: dict[str, Any]) -> None:
    assert WORDS in outcome["markdown"]


def test_it_downloads_json(outcome: dict[str, Any]) -> None:
    assert outcome["content"] == outcome["markdown"]
    assert outcome["mimeType"] == "application/pdf"
    assert outcome["engines"] == ["embedded"]


def test_it_downloads_a_page(outcome: dict[str, Any]) -> None:
    assert outcome["page"] == 1


def test_it_downloads_an_archive(outcome: dict[str, Any]) -> None:
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(outcome["archive"]))) as archive:
        assert archive.testzip() is None
        assert {"invoice.md", "result.json"} <= set(archive.namelist())
        assert json.loads(archive.read("result.json"))["id"] == outcome["id"]


def test_it_lists_documents(outcome: dict[str, Any]) -> None:
    (listed,) = [one for one in outcome["listed"] if one["id"] == outcome["id"]]

    assert listed["fileName"] == DOCUMENT.name
    assert listed["fileSize"] == DOCUMENT.stat().st_size
    assert 0 <= time.time() - listed["createdAt"] < 3600


def test_it_is_told_by_a_problem_that_its_key_is_wrong(outcome: dict[str, Any]) -> None:
    refused = outcome["refused"]

    assert (refused["status"], refused["code"]) == (401, "unauthorized")
    assert refused["requestId"]
