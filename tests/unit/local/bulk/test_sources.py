"""Folders and lists of documents."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ilios.core.errors import StartupError
from ilios.local.bulk import sources
from ilios.local.bulk.counting import Count
from ilios.local.bulk.messages import Item, Unread
from ilios.local.bulk.sources import open_source


def items(named: str | Path) -> list[Item | Unread]:
    return list(open_source(str(named)).items())


def test_a_folder_has_all_documents_below_it_in_order(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("b.txt", "a.pdf", ".hidden.txt", "program.exe", "sub/c.md"):
        (tmp_path / name).write_text("x")

    found = items(tmp_path)

    assert [one.shown for one in found if isinstance(one, Item)] == ["a.pdf", "b.txt", "sub/c.md"]
    assert all(isinstance(one, Item) and one.size_bytes == 1 for one in found)


def test_a_list_names_files_and_objects(tmp_path: Path) -> None:
    document = tmp_path / "a.weird"
    document.write_text("x")
    named = tmp_path / "list.txt"
    named.write_text(
        f"{document}\n\ns3://bucket/some key.pdf\r\n/not/there.pdf\nhttp://a.test/b.pdf\n"
    )

    file, listed, missing, address = items(named)

    assert isinstance(file, Item)
    assert file.place == str(document)
    assert listed == Item(
        "s3://bucket/some key.pdf", "some key.pdf", "s3://bucket/some key.pdf", ""
    )
    assert isinstance(missing, Unread)
    assert missing.detail == "No such file or directory."
    assert isinstance(address, Unread)
    assert "ilios convert" in address.detail


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"a\0b.pdf", "no name"),
        (b"x" * 5000, "too long"),
        (b"s3://", "no bucket"),
        (b"s3://bucket/caf\xe9.pdf", "no UTF-8"),
    ],
)
def test_a_line_that_names_nothing_costs_itself_alone(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    named = tmp_path / "list.txt"
    named.write_bytes(b"/not/there.pdf\n" * 500 + line + b"\n/not/there.pdf\n")

    *_, odd, last = items(named)

    assert isinstance(odd, Unread)
    assert reason in odd.detail
    odd.item.shown.encode()
    assert isinstance(last, Unread)


def test_names_that_are_no_utf_8_are_read_and_shown(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt"))
    path.write_text("x")

    (found,) = items(tmp_path)

    assert isinstance(found, Item)
    assert Path(found.place).read_text() == "x"
    assert found.shown == found.name == "caf\ufffd.txt"


def test_a_mark_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x")
    (before,) = items(tmp_path)
    path.write_text("xy")
    (after,) = items(tmp_path)

    assert isinstance(before, Item)
    assert isinstance(after, Item)
    assert sources.mark_of(before) != sources.mark_of(after)


@pytest.mark.parametrize("content", [b"%PDF-1.7", b"PK\x03\x04\x00"])
def test_a_document_is_not_taken_for_a_list(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(content)

    with pytest.raises(StartupError, match="not a list"):
        open_source(str(path))


def test_a_source_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="No such file"):
        open_source(str(tmp_path / "nowhere"))


def test_a_source_is_counted(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text("x")
    count = Count(open_source(str(tmp_path)))

    count.wait()

    assert count.told() == "3"
