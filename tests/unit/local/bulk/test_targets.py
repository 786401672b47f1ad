"""Targets: what counts, and what is refused."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from ilios.core.errors import StartupError
from ilios.local.bulk import parts, targets
from ilios.local.bulk.messages import Entry, Failed, Item, Order, Seen
from ilios.local.bulk.parts import PartWriter
from ilios.local.bulk.results import Results
from ilios.local.bulk.targets import FolderTarget, prepared

ID = "0a" * 12
LINE = f'{{"id": "{ID}", "source": "a.txt"}}\n'


@pytest.fixture
def target(tmp_path: Path) -> FolderTarget:
    target = FolderTarget(tmp_path / "results")
    target.make()
    return target


def staged(target: FolderTarget, name: str, line: str = LINE) -> None:
    with PartWriter(target.staged, name) as writer:
        writer.append([line])
        writer.close()


def names(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "results").glob("*.jsonl"))


def seen() -> Seen:
    return Seen(Item("a.txt", "a.txt", "/a.txt", "1-1"), ID, "00" * 32, 1, "text/plain")


def test_a_part_counts_with_its_name(target: FolderTarget, tmp_path: Path) -> None:
    staged(target, "part-1")
    assert list(targets.indexed(target, "jsonl")) == []

    targets.commit(target, "part-1", "jsonl", [Entry(ID, "a.txt")])

    assert names(tmp_path) == ["part-1.jsonl"]
    assert list(targets.indexed(target, "jsonl")) == [("part-1", [Entry(ID, "a.txt")])]


def test_an_index_without_its_part_is_removed(target: FolderTarget) -> None:
    target.write(f"{targets.INDEX}/part-1.jsonl", b"")

    assert list(targets.indexed(target, "jsonl")) == []
    assert list(target.names(targets.INDEX)) == []


def test_an_index_of_documents_like_others_has_no_part(target: FolderTarget) -> None:
    same = Entry(ID, "b.txt", is_same=True)
    targets.note(target, f"{parts.SAME}-1", [same])

    assert list(targets.indexed(target, "jsonl")) == [(f"{parts.SAME}-1", [same])]


def test_a_part_that_no_run_has_written_is_refused(target: FolderTarget, tmp_path: Path) -> None:
    (tmp_path / "results" / "part-of-mine.jsonl").write_text("")

    with pytest.raises(StartupError, match="part-of-mine"):
        list(targets.indexed(target, "jsonl"))


def test_other_options_are_refused(target: FolderTarget) -> None:
    with prepared(target, Order(), retry_failed=False):
        pass

    with (
        pytest.raises(StartupError, match="--format jsonl, no --include, no --pages"),
        prepared(target, Order("parquet"), retry_failed=False),
    ):
        pass


def test_a_target_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with (
            pytest.raises(StartupError, match="TARGET cannot be made"),
            prepared(FolderTarget(folder), Order(), retry_failed=False),
        ):
            pass


@pytest.mark.parametrize(
    ("noted", "refusal"),
    [(b"{", "damaged"), (b"null", "damaged"), (b'{"version": 0}', "another version")],
)
def test_a_target_that_cannot_be_understood_is_refused(
    target: FolderTarget, noted: bytes, refusal: str
) -> None:
    target.write(targets.RUN, noted)

    with pytest.raises(StartupError, match=refusal), prepared(target, Order(), retry_failed=False):
        pass


def test_what_the_machine_refuses_is_one_line(target: FolderTarget) -> None:
    with (
        pytest.raises(StartupError, match=r"The disk of .* is full: make room"),
        prepared(target, Order(), retry_failed=False),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_two_runs_do_not_write_into_one_target(target: FolderTarget) -> None:
    with (
        prepared(target, Order(), retry_failed=False),
        pytest.raises(StartupError, match="another run"),
        prepared(target, Order(), retry_failed=False),
    ):
        pass


def test_what_a_killed_run_left_is_taken_over_once(target: FolderTarget, tmp_path: Path) -> None:
    staged(target, "part-killed-1")
    staged(target, "part-killed-2")  # named, but not yet removed here
    (target.staged / "part-killed-3.parquet").write_text("")

    assert Results(target, "jsonl").recover() == 1
    assert Results(target, "jsonl").recover() == 1

    (name,) = names(tmp_path)
    assert (tmp_path / "results" / name).read_text() == LINE
    assert [path.name for path in target.staged.iterdir()] == []


def test_failures_are_parts_of_their_own_and_can_be_forgotten(
    target: FolderTarget, tmp_path: Path
) -> None:
    results = Results(target, "jsonl")
    results.fail(Failed(seen(), "corrupt_document", "It is damaged."))
    results.commit_failures()
    assert [name.split("-")[0] for name in names(tmp_path)] == [parts.FAILED]
    assert Results(target, "jsonl").recover() == 1

    with prepared(target, Order(), retry_failed=True):
        assert Results(target, "jsonl").recover() == 0
