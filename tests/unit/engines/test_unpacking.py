"""What the asking side believes of a child that unpacks archives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ilios.core.archive_errors import ArchiveRefused
from ilios.core.conversion_errors import DeadlineExceeded, DiskFull, OutOfMemory, ParserCrashed
from ilios.engines.parser_messages import END, Message
from ilios.engines.unpacking import Found, Unpacker, answer
from tests.support.hostile_archives import GOOD, zipped

BOUNDS = {"entries": 100, "documents": 10, "member_bytes": 1000, "total_bytes": 5000}
MEMBER = {"type": "member", "name": "a.txt", "size_bytes": 3}


def unpacker(monkeypatch: pytest.MonkeyPatch, *answers: Message | Exception) -> Unpacker:
    """Return one whose child says this."""

    def run(*_task: Any) -> Iterator[Message]:
        for one in answers:
            if isinstance(one, Exception):
                raise one
            yield one

    made = Unpacker(1024**3, BOUNDS)
    monkeypatch.setattr(made._parsers, "run", run)
    return made


def test_what_is_found_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = unpacker(monkeypatch, MEMBER, {"type": END})

    assert made.found(tmp_path) == [Found("a.txt", 3)]


@pytest.mark.parametrize(
    "said",
    [
        {**MEMBER, "name": 7},
        {**MEMBER, "size_bytes": -1},
        {**MEMBER, "size_bytes": "3"},
        {**MEMBER, "size_bytes": True},
        {"type": "member"},
        {"type": "refused", "rule": "of its own", "name": "a.txt"},
        {"type": "refused", "rule": "link"},
    ],
)
def test_what_no_child_of_ours_says_is_damage(
    said: Message, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ArchiveRefused, match=r"\[damaged\]"):
        unpacker(monkeypatch, said).found(tmp_path)


def test_fewer_documents_than_were_found_are_damage(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ArchiveRefused, match=r"\[damaged\]"):
        unpacker(monkeypatch, MEMBER).unpack(tmp_path, [tmp_path / "one", tmp_path / "two"])


@pytest.mark.parametrize(
    ("error", "rule"),
    [
        (OutOfMemory("It takes too much."), "memory"),
        (DeadlineExceeded("It takes too long."), "time"),
        (ParserCrashed("It is gone."), "damaged"),
    ],
)
def test_a_child_that_gets_nowhere_is_the_archives_fault(
    error: Exception, rule: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ArchiveRefused, match=rf"\[{rule}\]"):
        unpacker(monkeypatch, error).found(tmp_path)


def test_a_full_disk_is_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    full = {"type": "error", "class": "DiskFull", "detail": "It is full."}

    with pytest.raises(DiskFull):
        unpacker(monkeypatch, full).unpack(tmp_path, [])


def test_a_refusal_has_the_name_without_what_deceives(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = {"type": "refused", "rule": "link", "name": "\u202efdp.exe\0\ud800" + "x" * 500}

    with pytest.raises(ArchiveRefused) as refused:
        unpacker(monkeypatch, said).found(tmp_path)

    assert refused.value.detail.startswith("fdp.exexxx")
    assert len(refused.value.detail) < 300


def test_a_child_looks_without_writing_and_writes_where_it_is_told(tmp_path: Path) -> None:
    path, targets = tmp_path / "archive", [tmp_path / "one", tmp_path / "two"]
    path.write_bytes(zipped(("docs/a.txt", GOOD), ("b.txt", b"B")))
    task = {"path": str(path), "bounds": BOUNDS, "targets": None}

    looked = list(answer(task))
    assert list(tmp_path.iterdir()) == [path]
    wrote = list(answer({**task, "targets": [*map(str, targets)]}))

    assert looked == wrote
    assert [one["name"] for one in looked] == ["docs/a.txt", "b.txt"]
    assert [target.read_bytes() for target in targets] == [GOOD, b"B"]
