"""Parts while they are written, and what is left of one whose writer has died."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ilios.local.bulk import parts
from ilios.local.bulk.parts import PartWriter


def line(id_: str) -> str:
    return json.dumps({"id": id_, "source": f"{id_}.txt"}) + "\n"


def written(folder: Path, name: str, *ids: str) -> Path:
    with PartWriter(folder, name) as writer:
        for id_ in ids:
            writer.append([line(id_)[:5], line(id_)[5:]])
        writer.close()
    return parts.path_of(folder, name)


def test_lines_are_there_as_soon_as_they_are_written(tmp_path: Path) -> None:
    with PartWriter(tmp_path, "part-1") as writer:
        writer.append([line("a")])

        assert writer.path.read_text() == line("a")
        assert writer.size_bytes == len(line("a"))


def test_a_line_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def breaks() -> Iterator[str]:
        yield '{"id": "b"' * parts.BLOCK_BYTES
        raise OSError("gone")

    with PartWriter(tmp_path, "part-1") as writer:
        writer.append([line("a")])
        with pytest.raises(OSError, match="gone"):
            writer.append(breaks())
        writer.append([line("c")])
        writer.close()

    assert writer.path.read_text() == line("a") + line("c")


def test_the_whole_lines_of_a_dead_writer_are_taken_over(tmp_path: Path) -> None:
    path = written(tmp_path, "part-1", "a", "b", "c")
    with path.open("a") as file:
        file.write(line("d")[:-4])

    taken = parts.taken_over(path, "part-2", lambda found: found.id != "b")

    assert [found.id for found in taken] == ["a", "c"]
    assert not path.exists()
    assert parts.path_of(tmp_path, "part-2").read_text() == line("a") + line("c")


def test_what_a_dead_writer_adds_later_does_not_count(tmp_path: Path) -> None:
    path = written(tmp_path, "part-1", "a")
    with path.open("a") as still_open:
        parts.taken_over(path, "part-2", lambda _: True)

        still_open.write(line("b"))

    assert parts.path_of(tmp_path, "part-2").read_text() == line("a")


def test_a_part_of_which_nothing_is_wanted_is_gone(tmp_path: Path) -> None:
    path = written(tmp_path, "part-1", "a")

    assert parts.taken_over(path, "part-2", lambda _: False) == []
    assert list(tmp_path.iterdir()) == []
