"""A worker without Ray: the real engine, its parser child, and the parts that it writes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ilios.local.bulk import worker as worker_module
from ilios.local.bulk.messages import Converted, Failed, Item, Order, Outcome, Seen, Unread, Written
from ilios.local.bulk.sources import file_item
from ilios.local.bulk.targets import FolderTarget
from ilios.local.bulk.worker import Worker
from ilios.local.converter import Order as OrderOfService
from ilios.local.inputs import Document
from ilios.local.own_service import OwnService
from tests.support import sick
from tests.support.forking import REPOSITORY

SAMPLES = sorted((REPOSITORY / "samples").iterdir())
PART = "part-1"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("target")


@pytest.fixture(scope="module")
def worker(target: Path) -> Iterator[Worker]:
    with closing(Worker(str(target), Order(with_blocks=True))) as worker:
        yield worker


def looked(worker: Worker, *paths: Path) -> list[Seen]:
    items = [file_item(path, path.name) for path in paths]
    found = worker.look([one for one in items if isinstance(one, Item)])
    assert all(isinstance(one, Seen) for one in found), found
    return [one for one in found if isinstance(one, Seen)]


def outcome(worker: Worker, path: Path) -> Outcome:
    converted = worker.convert(looked(worker, path), (), PART)
    assert isinstance(converted, Converted)
    (found,) = converted.outcomes
    return found


def lines(worker: Worker, target: Path) -> list[dict[str, Any]]:
    """Return what the part has that was being written, and end it."""
    worker.close_part()
    path = FolderTarget(target).staged / f"{PART}.jsonl"
    found = [json.loads(line) for line in path.read_text().splitlines()]
    path.unlink()
    return found


def test_a_result_is_what_a_service_answers(worker: Worker, target: Path) -> None:
    worker.convert(looked(worker, *SAMPLES), (), PART)
    ours = {one["source"]: one for one in lines(worker, target)}

    with closing(OwnService(1)) as service:
        for path in SAMPLES:
            document = Document(path.name, path.name, path)
            pieces = service.convert(document, OrderOfService("json"), None)
            theirs = json.loads(b"".join(pieces))
            assert _comparable(ours[path.name]) == _comparable(theirs)


def test_what_cannot_be_converted_fails_with_its_code(worker: Worker, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.pdf"
    damaged.write_bytes(b"%PDF-1.7 and no more")

    found = outcome(worker, damaged)

    assert isinstance(found, Failed)
    assert found.code == "corrupt_document"


def test_a_document_that_kills_its_parser_is_poison_and_the_next_one_is_converted(
    worker: Worker, target: Path, tmp_path: Path
) -> None:
    poison, innocent = tmp_path / "poison.pdf", tmp_path / "innocent.txt"
    poison.write_bytes(sick.pdf_stream_bomb())
    innocent.write_text("An innocent neighbour.")

    found = outcome(worker, poison)

    assert isinstance(found, Failed)
    assert found.code == "poison_document"
    assert isinstance(outcome(worker, innocent), Written)
    assert [one["content"] for one in lines(worker, target)] == ["An innocent neighbour."]


def test_the_same_bytes_have_the_same_id_if_they_are_of_one_type(
    worker: Worker, tmp_path: Path
) -> None:
    content = "a,b\n1,2\n3,4\n"
    for name in ("a.csv", "b.csv", "c.txt"):
        (tmp_path / name).write_text(content)

    a, b, c = looked(worker, *sorted(tmp_path.iterdir()))

    assert a.id == b.id != c.id
    assert a.sha256 == c.sha256


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [("empty.txt", b"", "empty_file"), ("program.txt", b"\x7fELF\x02\x01\x01" + bytes(64), None)],
)
def test_what_is_no_document_has_its_error_at_once(
    worker: Worker, tmp_path: Path, name: str, content: bytes, code: str | None
) -> None:
    (tmp_path / name).write_bytes(content)

    (seen,) = looked(worker, tmp_path / name)

    assert seen.detail
    assert seen.code == (code or "unsupported_type")


def test_a_document_that_is_too_large_is_not_opened(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "FILE_MAX_BYTES", 3)
    (tmp_path / "a.txt").write_text("four")

    (seen,) = looked(worker, tmp_path / "a.txt")

    assert seen.code == "document_too_large"


def test_a_file_that_changes_or_goes_is_left_to_the_next_run(
    worker: Worker, tmp_path: Path
) -> None:
    changed, gone = tmp_path / "changed.txt", tmp_path / "gone.txt"
    changed.write_text("before")
    gone.write_text("here")
    seen = looked(worker, changed, gone)
    changed.write_text("afterwards")
    gone.unlink()

    converted = worker.convert(seen, (), PART)

    first, second = converted.outcomes
    assert isinstance(first, Unread)
    assert "changed" in first.detail
    assert isinstance(second, Unread)
    assert second.detail == "No such file or directory."


def test_what_is_gone_before_it_was_read_is_told(worker: Worker, tmp_path: Path) -> None:
    item = Item("a.txt", "a.txt", str(tmp_path / "a.txt"), "")

    (found,) = worker.look([item])

    assert found == Unread(item, "No such file or directory.")


def _comparable(result: dict[str, Any]) -> dict[str, Any]:
    """Return what a service and a worker have in common; of the images only their names."""
    ours = {"source", "sha256", "status", "error", "errorCode"}
    by_service = {"id", "downloadUrl"}
    text = json.dumps({name: one for name, one in result.items() if name not in ours | by_service})
    found: dict[str, Any] = json.loads(re.sub(r"/api/documents/[a-z0-9]+/images/", "", text))
    found["metadata"].pop("processingTimeMs")
    return found
