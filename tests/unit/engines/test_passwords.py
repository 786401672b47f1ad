"""What may be meant by a password, and which files have one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ilios.engines.base import Source
from ilios.engines.detection import media_types
from ilios.engines.password_spellings import of_pdf, spellings
from ilios.engines.passwords import is_locked_office
from tests.support import protected, sample_files

DOCX = protected.roomy(sample_files.docx(sample_files.word_paragraph("x")))


@pytest.mark.parametrize(
    ("password", "meant"),
    [
        ("plain", ["plain"]),
        ("Ä", ["Ä"]),
        ("A\u0308", ["A\u0308", "Ä"]),
        ("ﬁ", ["ﬁ", "fi"]),
    ],
)
def test_a_password_has_few_spellings(password: str, meant: list[str]) -> None:
    assert spellings(password) == meant


def test_a_password_of_a_pdf_is_known_as_before_unicode() -> None:
    assert of_pdf("plain") == ["plain"]
    assert of_pdf("10€ Łódź") == ["10€ Łódź", "10\xa0 \x95ódź"]


@pytest.mark.parametrize(
    ("content", "media_type", "is_locked"),
    [
        (protected.locked(DOCX), media_types.DOCX, True),
        (protected.locked(DOCX), media_types.PLAIN, False),
        (DOCX, media_types.DOCX, False),
        (b"", media_types.XLSX, False),
    ],
)
def test_an_office_file_with_a_password_is_told_by_its_first_bytes(
    content: bytes, media_type: str, is_locked: bool, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    assert is_locked_office(Source(path, media_type, "file")) is is_locked


def test_a_source_does_not_show_its_password(tmp_path: Path) -> None:
    source = Source(tmp_path, media_types.PDF, "a.pdf", protected.PASSWORD)

    assert protected.PASSWORD not in repr(source)
