"""PDF files that grow."""

from __future__ import annotations

from typing import Final

from ilios.engines.detection import media_types
from tests.support import sample_files
from tests.unit.engines.embedded.linear.growth import Case

_PDF_SIGNS: Final = ("[", "](", "<", "`", "*", "![", "&#", "$", "|", "\\\\", "a-", "1 ", "- ")


def _drawn(line: str) -> str:
    return line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def pdf_signs(n: int) -> bytes:
    shown = [_drawn(sign * (n // len(sign))) for sign in _PDF_SIGNS]
    return sample_files.pdf(sample_files.text(*shown, size=4))


def pdf_lines(n: int) -> bytes:
    """Return many short lines, each at a place of its own, with words that differ."""
    drawn = "".join(
        f"BT /F1 2 Tf {20 + 60 * (i % 9)} {830 - 3 * (i // 9 % 270)} Td (w{i} [a) Tj ET\n"
        for i in range(n)
    )
    return sample_files.pdf(drawn.encode())


def pdf_annotations(n: int) -> bytes:
    first = 8
    notes = [
        b"<</Type/Annot/Subtype/Text/Rect[%d 10 %d 20]/Contents(note number %d)>>"
        % (i % 500, i % 500 + 5, i)
        for i in range(n)
    ]
    links = [
        b"<</Type/Annot/Subtype/Link/Rect[72 %d 200 %d]/A<</S/URI/URI(http://a/%d)>>>>"
        % (i % 800, i % 800 + 5, i)
        for i in range(n)
    ]
    listed = b" ".join(b"%d 0 R" % (first + i) for i in range(2 * n))
    return sample_files.pdf(
        sample_files.text("words of a page"), page=b"/Annots[%s]" % listed, more=[*notes, *links]
    )


def pdf_outline(n: int) -> bytes:
    first = 8
    entries = [
        b"<</Title(Entry %d)/Parent %d 0 R%s>>"
        % (i, first, b"/Next %d 0 R" % (first + i + 2) if i + 1 < n else b"")
        for i in range(n)
    ]
    root = b"<</Type/Outlines/First %d 0 R/Last %d 0 R/Count %d>>" % (first + 1, first + n, n)
    return sample_files.pdf(
        sample_files.text("a page"), catalog=b"/Outlines %d 0 R" % first, more=[root, *entries]
    )


def pdf_pages(n: int) -> bytes:
    return sample_files.pdf(*[sample_files.text(f"page {i}") for i in range(n)])


CASES: Final = (
    Case("pdf-signs", media_types.PDF, pdf_signs, 1_000),
    Case("pdf-lines", media_types.PDF, pdf_lines, 300),
    Case("pdf-annotations", media_types.PDF, pdf_annotations, 200),
    Case("pdf-outline", media_types.PDF, pdf_outline, 500),
    Case("pdf-pages", media_types.PDF, pdf_pages, 10),
)
