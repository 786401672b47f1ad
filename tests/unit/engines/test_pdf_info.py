"""What a PDF says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from ilios.core.conversion_limits import INFO_TEXT_MAX_CHARACTERS
from ilios.engines import pdf_info
from ilios.engines.base import DocumentInfo
from ilios.engines.pdf_opening import open_pdf
from tests.support.sample_files import pdf, text


def told(folder: Path, entries: bytes = b"", catalog: bytes = b"", pages: int = 1) -> DocumentInfo:
    """Return what a PDF tells with entries of its information, an object of its own as it must."""
    path = folder / "document"
    content = pdf(*[text("Herons")] * pages, catalog=catalog, more=[b"<<%s>>" % entries])
    reference = b"trailer<</Info %d 0 R" % (6 + 2 * pages)
    path.write_bytes(content.replace(b"trailer<<", reference))
    opened = open_pdf(path)
    try:
        return pdf_info.of_pdf(opened)
    finally:
        opened.close()


def test_a_pdf_tells_of_itself(tmp_path: Path) -> None:
    entries = (
        b"/Title(Herons)/Author(A. Heron)/Producer(pdfTeX)/Creator(TeX)"
        b"/CreationDate(D:20240131120000+02'00')/ModDate(D:20240201)"
    )

    assert told(tmp_path, entries, b"/Lang(en-US)", pages=2) == DocumentInfo(
        title="Herons",
        author="A. Heron",
        created="2024-01-31T10:00:00Z",
        modified="2024-02-01",
        language="en-US",
        page_count=2,
        producer="pdfTeX",
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("D:2024", "2024"),
        ("D:202405", "2024-05"),
        ("20240506070809Z", "2024-05-06T07:08:09Z"),
        ("D:2024050607-03'30", "2024-05-06T10:30:00Z"),
        ("D:20240506070809Z00'00'", "2024-05-06T07:08:09Z"),
        ("D:20241306", None),
        ("D:2024050625", None),
        ("soon", None),
    ],
)
def test_dates_are_told_as_exact_as_they_are(
    tmp_path: Path, written: str, expected: str | None
) -> None:
    info = told(tmp_path, b"/CreationDate(%s)" % written.encode())

    assert info.created == expected


def test_what_is_not_there_is_not_known(tmp_path: Path) -> None:
    assert told(tmp_path) == DocumentInfo(page_count=1)


def test_a_language_of_any_length_is_no_fault(tmp_path: Path) -> None:
    assert told(tmp_path, catalog=b"/Lang(%s)" % (b"x" * 10_000)).language is None


def test_a_text_of_any_length_is_cut(tmp_path: Path) -> None:
    assert told(tmp_path, b"/Title(%s)/Author(A)" % (b"x" * 100_000)) == DocumentInfo(
        title="x" * INFO_TEXT_MAX_CHARACTERS, author="A", page_count=1
    )


def test_half_of_a_character_is_replaced(tmp_path: Path) -> None:
    assert told(tmp_path, b"/Title<FEFF0041D800>").title == "A\ufffd"
