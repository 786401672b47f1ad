"""Cutting PDFs: which pages go into which file, and what they show there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2 as pdfium
import pytest

from ilios.core.conversion_errors import (
    DocumentTooLarge,
    EncryptedDocument,
    PagesOutOfRange,
    WrongPassword,
)
from ilios.engines import pdf_cutting
from ilios.engines.page_selection import PageSelection
from ilios.engines.pdf_cutting import Original, PartLimits, balanced
from ilios.engines.pdf_opening import UnreadablePdf
from tests.support import protected, sample_files
from tests.support.forking import REPOSITORY
from tests.support.protected import PASSWORD
from tests.unit.engines import pdf_forms

ROOMY = PartLimits(pages=50, size_bytes=50 * 10**6)

Cut = Callable[..., dict[tuple[int, ...], Path]]


@pytest.fixture
def cut(tmp_path: Path) -> Cut:
    """Cut a PDF; return the files by the indexes of their pages."""

    def cut(
        content: bytes,
        pages: str | None = None,
        limits: PartLimits = ROOMY,
        password: str | None = None,
    ) -> dict[tuple[int, ...], Path]:
        path = tmp_path / "source"
        path.write_bytes(content)
        selection = PageSelection.parse(pages) if pages else None
        pdf = pdf_cutting.cut(Original(path, password), selection, tmp_path, limits)
        if pdf.files is None:
            return {tuple(range(pdf.page_count)): path}
        return {file.indexes: file.path for file in pdf.files}

    return cut


def pages(count: int) -> bytes:
    return sample_files.pdf(
        *(sample_files.text(f"Page {number}") for number in range(1, count + 1))
    )


def texts(path: Path) -> list[str]:
    with pdfium.PdfDocument(path) as pdf:
        return [page.get_textpage().get_text_range() for page in pdf]


def ink_in_field(path: Path, index: int) -> int:
    """Count dark pixels in the area of the form field."""
    with pdfium.PdfDocument(path) as pdf:
        pdf.init_forms()
        pixels: Any = pdf[index].render(scale=2).to_numpy()
    field = pixels[2 * 123 : 2 * 148, 2 * 120 : 2 * 320]
    return int(np.count_nonzero(field < 128))


def test_a_document_that_fits_is_not_cut(cut: Cut, tmp_path: Path) -> None:
    assert cut(pages(3)) == {(0, 1, 2): tmp_path / "source"}


def test_a_selection_of_everything_is_not_cut(cut: Cut, tmp_path: Path) -> None:
    assert cut(pages(3), "1-3") == {(0, 1, 2): tmp_path / "source"}


def test_a_selection_becomes_a_file_of_its_pages(cut: Cut) -> None:
    ((indexes, path),) = cut(pages(9), "2-3,7").items()

    assert indexes == (1, 2, 6)
    assert texts(path) == ["Page 2", "Page 3", "Page 7"]


def test_a_long_document_becomes_ranges_of_like_length(cut: Cut) -> None:
    found = cut(pages(10), limits=PartLimits(pages=4, size_bytes=50 * 10**6))

    assert list(found) == [(0, 1, 2), (3, 4, 5), (6, 7, 8, 9)]
    assert [text for path in found.values() for text in texts(path)] == [
        f"Page {number}" for number in range(1, 11)
    ]


@pytest.mark.parametrize(
    ("count", "most", "lengths"),
    [(1, 50, [1]), (50, 50, [50]), (51, 50, [25, 26]), (101, 50, [33, 34, 34]), (3, 1, [1, 1, 1])],
)
def test_ranges_differ_by_one_page_at_most(count: int, most: int, lengths: list[int]) -> None:
    ranges = balanced(range(count), most)

    assert [len(one) for one in ranges] == lengths
    assert [index for one in ranges for index in one] == list(range(count))


def test_heavy_pages_make_short_ranges(cut: Cut) -> None:
    pictures = sample_files.pdf(
        *(sample_files.picture(72, 300, 200, 200) for _ in range(4)),
        image=sample_files.noise(400, 400),
    )
    limits = PartLimits(pages=50, size_bytes=len(pictures) - 1)

    found = cut(pictures, limits=limits)

    assert [index for indexes in found for index in indexes] == [0, 1, 2, 3]
    assert all(path.stat().st_size <= limits.size_bytes for path in found.values())


def test_a_range_that_is_too_heavy_is_halved(cut: Cut, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {path: path.stat().st_size for path in cut(pages(8), "1-4").values()}
    limits = PartLimits(pages=8, size_bytes=max(sizes.values()))
    monkeypatch.setattr(pdf_cutting, "_pages_per_part", lambda *_: 8)

    found = cut(pages(8), "1-7", limits)

    assert list(found) == [(0, 1, 2), (3, 4, 5, 6)]


def test_a_page_that_is_too_heavy_by_itself_is_named(cut: Cut) -> None:
    with pytest.raises(DocumentTooLarge, match="Page 1 alone"):
        cut(pages(2), limits=PartLimits(pages=50, size_bytes=100))


@pytest.mark.parametrize("drawn", [True, False])
def test_fields_that_are_filled_in_stay_filled_in(cut: Cut, tmp_path: Path, drawn: bool) -> None:
    ((_, path),) = cut(pdf_forms.form(3, drawn=drawn), "2").items()

    (text,) = texts(path)
    assert "Ada Lovelace" in text
    assert ink_in_field(path, 0) > 100
    assert ink_in_field(path, 0) == pytest.approx(ink_in_field(tmp_path / "source", 1), rel=0.1)


def test_pages_beyond_the_document_are_named(cut: Cut) -> None:
    with pytest.raises(PagesOutOfRange, match="2 pages"):
        cut(pages(2), "2-3")


def test_a_document_with_a_password_is_refused(cut: Cut) -> None:
    encrypted = (REPOSITORY / "tests" / "samples" / "encrypted.pdf").read_bytes()

    with pytest.raises(EncryptedDocument):
        cut(encrypted)


@pytest.mark.parametrize(
    ("name", "password"),
    [("r6-user.pdf", PASSWORD), ("r2-user.pdf", PASSWORD), ("r6-owner.pdf", None)],
)
def test_what_is_sent_of_a_protected_document_is_not(
    cut: Cut, name: str, password: str | None
) -> None:
    files = cut(protected.pdf(name), password=password)

    assert list(files) == [(0, 1)]
    assert [protected.TEXT in text for text in texts(files[0, 1])] == [True, True]
    assert b"/Encrypt" not in files[0, 1].read_bytes()


def test_a_selection_of_a_protected_document_is_cut_out(cut: Cut) -> None:
    ((_, file),) = cut(protected.pdf(), "2", password=PASSWORD).items()

    assert [f"{protected.TEXT} 2" in text for text in texts(file)] == [True]


def test_a_wrong_password_is_called_so(cut: Cut) -> None:
    with pytest.raises(WrongPassword):
        cut(protected.pdf(), password=protected.WRONG)


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7 and nothing else", b"\x00" * 100])
def test_what_pdfium_cannot_read_is_unreadable(cut: Cut, content: bytes) -> None:
    with pytest.raises(UnreadablePdf):
        cut(content)
