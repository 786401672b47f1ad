"""Archives of documents: what is in them, and what is refused before it can hurt."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest

from ilios.engines import archive_members
from ilios.engines.archive_rules import Bounds, Member, RefusedMember
from tests.support.hostile_archives import (
    GOOD,
    HOSTILE,
    many_entries,
    tarred,
    without_utf8_mark,
    zipped,
)

BOUNDS = Bounds(entries=20_000, documents=100, member_bytes=256 * 1024, total_bytes=1024 * 1024)
TREE = [("read me.txt", GOOD), ("docs/a.txt", b"A"), ("docs/deep/ü.txt", b"")]
OF_PARENT = ("duplicate", "nesting")  #: rules that the process that asks looks after


def unpacked(content: bytes, folder: Path, bounds: Bounds = BOUNDS) -> list[tuple[str, bytes]]:
    path = folder / "archive"
    path.write_bytes(content)
    return [
        (member.name, b"".join(member.blocks())) for member in archive_members.members(path, bounds)
    ]


def refusal(content: bytes, folder: Path, bounds: Bounds = BOUNDS) -> tuple[str, str]:
    with pytest.raises(RefusedMember) as refused:
        unpacked(content, folder, bounds)
    return refused.value.rule, refused.value.name


@pytest.mark.parametrize(
    "packed",
    [
        zipped(*TREE),
        zipped(*TREE, method=zipfile.ZIP_STORED),
        tarred(*TREE),
        tarred(*TREE, form=tarfile.GNU_FORMAT),
        tarred(*TREE, form=tarfile.USTAR_FORMAT),
        gzip.compress(tarred(*TREE)),
        bz2.compress(tarred(*TREE)),
        lzma.compress(tarred(*TREE), preset=0),
    ],
    ids=["zip", "stored", "pax", "gnu", "ustar", "gzip", "bzip2", "xz"],
)
def test_the_documents_of_an_archive_have_their_paths(packed: bytes, tmp_path: Path) -> None:
    assert unpacked(packed, tmp_path) == TREE


def test_what_systems_leave_in_archives_is_no_document(tmp_path: Path) -> None:
    left = ("__MACOSX/docs/._a.txt", "docs/.DS_Store", "Thumbs.db", "docs/._a.txt", "docs/")

    content = zipped(*((name, b"") for name in left), ("docs/a.txt", GOOD))

    assert unpacked(content, tmp_path) == [("docs/a.txt", GOOD)]


def test_names_are_read_as_they_were_meant(tmp_path: Path) -> None:
    content = zipped(*((name, GOOD) for name in ("docs\\a.txt", "./b.txt", "grüße.txt")))

    for one in (content, without_utf8_mark(content)):
        names = [name for name, _ in unpacked(one, tmp_path)]
        assert names == ["docs/a.txt", "b.txt", "grüße.txt"]


@pytest.mark.parametrize(
    "kind", [one for one, made in HOSTILE.items() if made.rule not in OF_PARENT]
)
def test_a_hostile_archive_is_refused_by_the_name_of_what_is_wrong(
    kind: str, tmp_path: Path
) -> None:
    hostile = HOSTILE[kind]

    rule, name = refusal(hostile.content(), tmp_path)

    assert rule == hostile.rule
    if hostile.member:
        assert hostile.member in name


@pytest.mark.parametrize("count", [20_001, 100_000])
def test_more_entries_than_are_looked_at_are_refused(count: int, tmp_path: Path) -> None:
    assert refusal(many_entries(count), tmp_path) == ("entries", "")


def test_entries_of_a_tar_are_counted_too(tmp_path: Path) -> None:
    content = tarred(*((f"{number}/._a", b"") for number in range(21)))

    assert refusal(content, tmp_path, Bounds(20, 100, 100, 1000)) == ("entries", "")


def test_documents_are_added_up(tmp_path: Path) -> None:
    content = zipped(*((f"{number}.txt", bytes(range(256)) * 3) for number in range(9)))

    assert refusal(content, tmp_path, Bounds(100, 100, 1000, 5000)) == ("size", "")


def test_a_member_is_read_while_it_is_the_present_one(tmp_path: Path) -> None:
    path = tmp_path / "archive"
    path.write_bytes(tarred(*TREE))

    found: list[Member] = list(archive_members.members(path, BOUNDS))

    assert [member.name for member in found] == [name for name, _ in TREE]
