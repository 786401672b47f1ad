"""Lines of a batch as they are written and read, and the reports of the lane to the governor."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ilios.core.conversion_errors import BatchLaneClosed
from ilios.engines.base import Options, Source
from ilios.engines.detection import media_types
from ilios.engines.governor import Governor, Outcome, ProviderReport, report_of
from ilios.engines.mistral.batch import lines as batch_lines
from ilios.engines.mistral.batch.lines import InputFile, LineAnswer

CONTENT = bytes(range(256)) * 2_000


@pytest.fixture
def source(tmp_path: Path) -> Source:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return Source(path, media_types.PDF, "report.pdf")


def test_a_line_holds_the_whole_document(tmp_path: Path, source: Source) -> None:
    file = InputFile(tmp_path / "input.jsonl")

    file.add("line-1", source, Options(include_images=True, extract_header=True))
    file.add_uploaded("line-2", "file-1", Options(table_format="html"))

    first, second = (json.loads(line) for line in file.path.read_text().splitlines())
    head, _, encoded = first["body"]["document"].pop("document_url").partition(",")
    assert head == "data:application/pdf;base64"
    assert base64.b64decode(encoded) == CONTENT
    assert first == {
        "custom_id": "line-1",
        "body": {
            "document": {"type": "document_url"},
            "include_blocks": False,
            "include_image_base64": True,
            "extract_header": True,
        },
    }
    assert second["body"]["document"] == {"type": "file", "file_id": "file-1"}
    assert second["body"]["table_format"] == "html"
    assert file.size_bytes == file.path.stat().st_size
    assert batch_lines.inline_bytes(source) == len(encoded)


def test_an_image_is_sent_as_one(tmp_path: Path, source: Source) -> None:
    file = InputFile(tmp_path / "input.jsonl")

    file.add("line-1", Source(source.path, media_types.PNG, "scan.png"), Options())

    (line,) = file.path.read_text().splitlines()
    document = json.loads(line)["body"]["document"]
    assert document["type"] == "image_url"
    assert document["image_url"].startswith("data:image/png;base64,")


def read(tmp_path: Path, *lines: Any) -> list[LineAnswer]:
    path = tmp_path / "output.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts))
    return list(batch_lines.answers(path, "mistral-ocr-4-1", "mistral-ocr-latest"))


def line(status: object, body: object, error: object = None) -> dict[str, Any]:
    return {
        "id": "batch-1",
        "custom_id": "line-1",
        "response": {"status_code": status, "body": body},
        "error": error,
    }


@pytest.mark.parametrize("body", [{"pages": []}, '{"pages": []}'], ids=["object", "string"])
def test_an_answer_is_that_of_a_single_call(tmp_path: Path, body: object) -> None:
    (found,) = read(tmp_path, line(200, body))

    assert found.fault is None
    assert json.loads(found.answer) == {"pages": []}


@pytest.mark.parametrize(
    ("status", "kind", "code", "retryable"),
    [
        (400, "document_parser_invalid_file", "corrupt_document", False),
        (400, "document_parser_too_many_pages", "document_too_large", False),
        (400, "invalid_model", "model_unavailable", False),
        (422, "", "refused_by_provider", False),
        (401, "", "provider_misconfigured", True),
        (429, "rate_limited", "provider_throttled", True),
        (500, "internal_server_error", "provider_unavailable", True),
        (504, "", "outcome_unknown", True),
    ],
)
@pytest.mark.parametrize("as_text", [True, False])
def test_a_fault_is_judged_like_that_of_a_single_call(
    tmp_path: Path, status: int, kind: str, code: str, retryable: bool, as_text: bool
) -> None:
    body = {"type": kind, "message": "Something is wrong"}

    (found,) = read(tmp_path, line(status, json.dumps(body) if as_text else body))

    assert found.fault is not None
    assert (found.fault.code, found.fault.retryable) == (code, retryable)
    assert not found.is_source_lost


@pytest.mark.parametrize(
    ("status", "kind"), [(404, ""), (400, "invalid_request_file")], ids=["404", "3310"]
)
def test_a_source_that_is_not_found_may_have_been_lost(
    tmp_path: Path, status: int, kind: str
) -> None:
    (found,) = read(tmp_path, line(status, {"type": kind, "detail": "File not found"}))

    assert found.is_source_lost
    assert found.fault is not None
    assert found.fault.code == "refused_by_provider"


@pytest.mark.parametrize("response", [None, {}, {"status_code": None}, {"status_code": "done"}])
def test_a_line_without_an_answer_was_not_done(tmp_path: Path, response: object) -> None:
    error = {"message": "worker died"}

    (found,) = read(tmp_path, {"custom_id": "line-1", "response": response, "error": error})

    assert found.fault is not None
    assert found.fault.code == "provider_unavailable"
    assert "worker died" in found.fault.detail


def test_lines_that_make_no_sense_are_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, "", "{", "[]", "null", {"custom_id": 5}, line(200, {}))

    assert [answer.custom_id for answer in found] == ["line-1"]


def test_a_closed_batch_lane_is_named_and_stops_no_single_call() -> None:
    governor = Governor(most=8)
    closed = report_of(BatchLaneClosed("Batches are not paid for (402)."))
    assert closed is not None

    governor.record(closed)

    assert governor.may_start(in_flight=0) == 8
    assert governor.summary() == "batch lane misconfigured: Batches are not paid for (402)."
    governor.record(ProviderReport(Outcome.BATCH_OPEN))
    assert governor.summary() == "ok"
