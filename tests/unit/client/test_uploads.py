"""Files as they are given: each try reads them from the beginning, under the right name."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from ilios.client.uploads import File, upload


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_bytes(b"text")
    return path


@pytest.mark.parametrize("kind", ["path", "text", "open", "bytes", "pipe"])
def test_every_try_sends_the_whole_file(path: Path, kind: str) -> None:
    with path.open("rb") as opened:
        given: dict[str, tuple[File, str]] = {
            "path": (path, "a.txt"),
            "text": (str(path), "a.txt"),
            "open": (opened, "a.txt"),
            "bytes": (b"text", "document"),
            "pipe": (io.BytesIO(b"text"), "document"),
        }
        file, name = given[kind]
        sent = upload(file)
        assert sent.name == name
        assert upload(b"", "own.md").name == "own.md"
        for _ in range(2):
            with sent.open() as stream:
                assert stream.read() == b"text"


def test_a_name_that_is_no_utf_8_is_sent_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff.txt")
    path.write_bytes(b"text")

    assert upload(path).name == "?.txt"
