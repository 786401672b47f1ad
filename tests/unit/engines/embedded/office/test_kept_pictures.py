"""Pictures of Office files, kept by their parts."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ilios.core.conversion_errors import DocumentTooLarge
from ilios.engines.embedded import limits
from ilios.engines.embedded.archive import Archive
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.office.kept_pictures import KeptPictures
from tests.support.sample_files import archive, encoded, noise


def test_a_picture_is_read_once_however_often_it_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(archive({"a.png": encoded(noise(40, 40), "PNG"), "b.emf": b"\1\0\0\0"}))
    with closing(Archive(path, "file")) as opened:
        pictures = KeptPictures(opened, ImageFolder(tmp_path))

        shown = [pictures.keep(f"image-{n}", "a.png") for n in range(3)]

        assert shown == [("image-0.png", None)] * 3
        assert pictures.keep("image-4", "b.emf") == (None, "EMF")


def test_a_file_whose_parts_are_read_again_and_again_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ARCHIVE_REREAD_BYTES", 0)
    path = tmp_path / "file"
    path.write_bytes(archive({"a": b"x" * 100}))
    with closing(Archive(path, "file")) as opened:
        for _ in range(limits.ARCHIVE_READINGS_MAX):
            opened.read("a")

        with pytest.raises(DocumentTooLarge, match="again and again; the limit is 10 times"):
            opened.read("a")
