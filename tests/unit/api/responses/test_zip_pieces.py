"""Archives that are made while they are sent."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime

from ilios.api.responses.zip_pieces import WRITTEN_AT_ONCE, Member, zipped

NOON = datetime(2026, 11, 29, 12, 30, 20, tzinfo=UTC)
NOISE = os.urandom(100_000)


def opened(pieces: Iterator[bytes]) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(pieces)))


def test_members_come_back_as_they_were_given() -> None:
    archive = opened(
        zipped(
            [
                Member("a.md", NOON, iter([b"# A", b"", b"\n" * 10_000])),
                Member("bilder/ü.png", NOON, [NOISE], is_compressed=True),
                Member("empty", NOON, ()),
            ]
        )
    )

    assert archive.testzip() is None
    assert {name: archive.read(name) for name in archive.namelist()} == {
        "a.md": b"# A" + b"\n" * 10_000,
        "bilder/ü.png": NOISE,
        "empty": b"",
    }
    text, image, _ = archive.infolist()
    assert (text.compress_type, image.compress_type) == (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED)
    assert text.compress_size < 100
    assert text.date_time == (2026, 11, 29, 12, 30, 20)
    assert text.external_attr >> 16 == 0o644


def test_a_date_that_the_format_does_not_know_is_its_first() -> None:
    member = Member("old", datetime(1970, 1, 1, tzinfo=UTC), ())

    assert opened(zipped([member])).infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)


def test_an_archive_without_members_is_one() -> None:
    assert opened(zipped([])).namelist() == []


def test_little_is_read_ahead() -> None:
    read: list[int] = []

    def members() -> Iterator[Member]:
        for number in range(3):
            yield Member(str(number), NOON, noise(number), is_compressed=True)

    def noise(number: int) -> Iterator[bytes]:
        for start in range(0, len(NOISE), 1_000):
            read.append(number)
            yield NOISE[start : start + 1_000]

    pieces = zipped(members())
    sizes = [len(next(pieces))]
    assert len(read) <= WRITTEN_AT_ONCE // 1_000 + 1
    sizes += map(len, pieces)
    assert max(sizes) < WRITTEN_AT_ONCE + 2_000
    assert set(read) == {0, 1, 2}


def test_what_is_read_is_closed_when_nobody_reads_on() -> None:
    closed: list[str] = []

    def noise() -> Iterator[bytes]:
        try:
            while True:
                yield NOISE
        finally:
            closed.append("noise")

    pieces = zipped([Member("endless", NOON, noise())])
    next(pieces)
    pieces.close()

    assert closed == ["noise"]
