"""Lines of a batch's results, as a provider may write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ilios.engines.mistral.batch import lines


@pytest.mark.parametrize(
    "line",
    [
        {"custom_id": "a", "response": {"status_code": 200, "body": "\ud800{}"}},
        {"custom_id": "a", "response": {"status_code": 422, "body": "\ud800"}},
        {"custom_id": "a", "response": {"status_code": "200", "body": {"pages": []}}},
        {"custom_id": "a", "response": None, "error": "a\0b\ud800"},
        {"custom_id": "a", "response": {"status_code": 10**30}, "error": {"n": float("inf")}},
    ],
)
def test_a_line_with_odd_values_stops_no_other(tmp_path: Path, line: Any) -> None:
    path = tmp_path / "results"
    fine = {"custom_id": "b", "response": {"status_code": 200, "body": {"pages": []}}}
    path.write_text("".join(f"{json.dumps(one)}\n" for one in (line, fine)))

    first, second = lines.answers(path, "model", "model")

    assert first.custom_id == "a"
    assert first.fault is None or first.fault.detail.encode()
    assert (second.custom_id, second.answer) == ("b", b'{"pages": []}')


def test_a_line_beyond_all_bounds_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "LINE_MAX_BYTES", 100)
    path = tmp_path / "results"
    fine = {"custom_id": "b", "response": {"status_code": 200, "body": {"pages": []}}}
    path.write_text(f"{'x' * 450}\n{json.dumps(fine)}\n")

    assert [line.custom_id for line in lines.answers(path, "model", "model")] == ["b"]


def test_an_answer_is_no_longer_than_its_line(tmp_path: Path) -> None:
    path = tmp_path / "results"
    body = {"pages": [{"index": 0, "markdown": "漢字😀" * 100 + "\ud800"}]}
    line = {"custom_id": "b", "response": {"status_code": 200, "body": body}}
    path.write_bytes(json.dumps(line, ensure_ascii=False).encode(errors="surrogatepass"))

    (answer,) = lines.answers(path, "model", "model")

    assert len(answer.answer) <= path.stat().st_size
    assert "漢字😀" in answer.answer.decode()


def test_lines_without_sense_are_told_once_for_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results"
    path.write_text("\nnonsense\n" * 100)

    assert list(lines.answers(path, "model", "model")) == []
    assert capsys.readouterr().out.count("batch.line_unreadable") == 1
