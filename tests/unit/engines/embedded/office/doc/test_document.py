"""Word documents of before 2007: what they say, and what is refused."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest

from ilios.core.conversion_errors import (
    CorruptDocument,
    DocumentTooLarge,
    EncryptedDocument,
    UnsupportedDocument,
)
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits
from tests.support.old_office import WORD_95, word
from tests.unit.engines.embedded.conftest import Convert

LETTER = word(["Größe *und* Gewicht", "東京 2003"])


def test_a_document_is_read(convert: Convert) -> None:
    converted = convert(LETTER, media_types.DOC)

    assert converted.markdown == "Größe \\*und\\* Gewicht\n\n東京 2003"
    assert converted.counts.total == 1
    assert converted.warnings == []


def test_names_of_streams_may_be_in_capitals(convert: Convert) -> None:
    assert convert(word(["Loud"], capitals=True), media_types.DOC).markdown == "Loud"


def test_nothing_stays_of_what_it_is_rewritten_as(convert: Convert, tmp_path: Path) -> None:
    convert(LETTER, media_types.DOC)

    assert list((tmp_path / "images").iterdir()) == []


def test_a_document_of_word_95_is_refused_with_a_way_out(convert: Convert) -> None:
    with pytest.raises(UnsupportedDocument, match=r"such as Word 95\. Save it as DOCX"):
        convert(word(["Old"], program=WORD_95), media_types.DOC)


def test_a_document_with_a_password_is_refused(convert: Convert) -> None:
    with pytest.raises(EncryptedDocument, match="Word document is protected by a password"):
        convert(word(["Secret"], encrypted=True), media_types.DOC)


def test_a_document_that_cannot_be_read_is_refused_with_a_way_out(convert: Convert) -> None:
    damaged = LETTER.replace(b"\2\x1c\0\0\0", b"\7\x1c\0\0\0")  # no table of pieces any more
    assert damaged != LETTER

    with pytest.raises(UnsupportedDocument, match=r"in this old format\. Save it as DOCX"):
        convert(damaged, media_types.DOC)


@pytest.mark.parametrize("kept", [700, 2000])
def test_a_cut_document_is_corrupt(convert: Convert, kept: int) -> None:
    with pytest.raises(CorruptDocument, match="Word document"):
        convert(word(["x" * 3000])[:kept], media_types.DOC)


@pytest.mark.parametrize("bound", ["ARCHIVE_PART_MAX_BYTES", "ARCHIVE_MAX_BYTES"])
def test_a_document_beyond_a_bound_is_refused(
    convert: Convert, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(limits, bound, 100)

    with pytest.raises(DocumentTooLarge):
        convert(LETTER, media_types.DOC)


def test_documents_that_are_attached_to_a_mail_are_read(convert: Convert) -> None:
    mail = EmailMessage()
    mail["Subject"] = "Two"
    mail.set_content("See below.")
    for name in ("one.doc", "two.doc"):
        mail.add_attachment(
            word([f"The text of {name}"]), maintype="application", subtype="msword", filename=name
        )

    converted = convert(mail.as_bytes(), media_types.EML)

    assert [page.markdown.rpartition("\n\n")[2] for page in converted.pages[1:]] == [
        "The text of one.doc",
        "The text of two.doc",
    ]
    assert converted.warnings == []
