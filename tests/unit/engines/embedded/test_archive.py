"""ZIP-based formats: damaged, encrypted and hostile archives."""

from __future__ import annotations

from pathlib import Path

import pytest

from ilios.core.conversion_errors import (
    CorruptDocument,
    DocumentTooLarge,
    EmptyDocument,
    EncryptedDocument,
    WrongPassword,
)
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits
from ilios.engines.embedded.archive import Archive, related
from tests.support import protected
from tests.support.sample_files import archive, docx, word_paragraph
from tests.unit.engines.embedded.conftest import Convert

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


OFFICE_TYPES = [
    media_types.DOCX,
    media_types.PPTX,
    media_types.XLSX,
    media_types.EPUB,
    media_types.ODT,
    media_types.ODS,
    media_types.ODP,
]


@pytest.mark.parametrize("media_type", OFFICE_TYPES)
def test_an_ole_file_in_place_of_a_zip_is_called_encrypted(media_type: str, tmp_path: Path) -> None:
    path = tmp_path / "document"
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600)

    with pytest.raises(EncryptedDocument, match="Remove the password"):
        Archive(path, media_type)


def test_a_protected_office_file_is_read_with_its_password(convert: Convert) -> None:
    content = protected.locked(protected.roomy(docx(word_paragraph("They wade."))))

    converted = convert(content, media_types.DOCX, password=protected.PASSWORD)

    assert converted.markdown == "They wade."
    with pytest.raises(WrongPassword):
        convert(content, media_types.DOCX, password=protected.WRONG)
    with pytest.raises(EncryptedDocument, match="with its `password`"):
        convert(content, media_types.DOCX)


@pytest.mark.parametrize("media_type", OFFICE_TYPES)
@pytest.mark.parametrize(
    "content", [docx(word_paragraph("x"))[:150], archive({"other.txt": "x"}), b"PK\3\4 not a ZIP"]
)
def test_a_damaged_office_file_is_called_corrupt(
    convert: Convert, media_type: str, content: bytes
) -> None:
    with pytest.raises(CorruptDocument):
        convert(content, media_type)


def test_broken_xml_is_called_corrupt(convert: Convert) -> None:
    with pytest.raises(CorruptDocument):
        convert(archive({"word/document.xml": "<w:document><w:body>"}), media_types.DOCX)


def test_entities_are_not_expanded(convert: Convert) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "boom"><!ENTITY b "&a;&a;">]>'
    body = "<w:body><w:p><w:r><w:t>&b;</w:t></w:r></w:p></w:body>"
    document = archive({"word/document.xml": f"{bomb}<w:document {W}>{body}</w:document>"})

    with pytest.raises(EmptyDocument):
        convert(document, media_types.DOCX)


@pytest.mark.parametrize("media_type", OFFICE_TYPES)
def test_a_zip_bomb_is_refused_before_it_is_unpacked(
    convert: Convert, media_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ARCHIVE_MAX_BYTES", 100_000)

    with pytest.raises(DocumentTooLarge, match="unpacked"):
        convert(archive({"word/document.xml": b"0" * 200_000}), media_type)


@pytest.mark.parametrize(
    "name",
    [
        "Word/Document.xml",
        "word\\document.xml",
        "/word/document.xml",
        "WORD\\DOCUMENT.XML",
        "word/d%6Fcument.xml",
    ],
)
def test_a_part_is_found_under_a_name_that_is_written_otherwise(
    convert: Convert, name: str
) -> None:
    body = f"<w:document {W}><w:body>{word_paragraph('Found.')}</w:body></w:document>"

    assert convert(archive({name: body}), media_types.DOCX).markdown == "Found."


def test_the_name_as_it_is_written_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "twins.zip"
    path.write_bytes(archive({"A.xml": "large", "a.xml": "small", "Caf\u00e9.xml": "composed"}))
    opened = Archive(path, "test file")

    assert opened.read("A.xml") == b"large"
    assert opened.read("a.xml") == b"small"
    assert opened.read("cafe\u0301.xml") == b"composed"
    assert "b.xml" not in opened
    with opened.stream("caf%C3%A9.XML") as stream:
        assert stream.read() == b"composed"
    opened.close()


def test_a_damaged_part_that_is_not_essential_gives_what_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "package"
    path.write_bytes(archive({"a.xml": "<a><b>one</b><c>x & y</c></a>", "b.xml": "no xml"}))
    package = Archive(path, "package")

    root = package.optional_xml("a.xml")

    assert root is not None
    assert root.findtext("b") == "one"
    assert package.optional_xml("b.xml") is None
    assert package.damaged == {"a.xml", "b.xml"}
    package.close()


def test_parts_are_found_by_their_kind_in_both_forms_of_open_xml(tmp_path: Path) -> None:
    listed = "".join(
        f'<Relationship Id="{number}" Type="http://{form}/{kind}" Target="{target}"/>'
        for number, (form, kind, target) in enumerate(
            (("a.example", "notes", "n1.xml"), ("b.example", "notes", "n2.xml"),
             ("b.example", "styles", "gone.xml"))
        )
    )  # fmt: skip
    path = tmp_path / "package"
    path.write_bytes(
        archive(
            {
                "word/_rels/main.xml.rels": f"<Relationships>{listed}</Relationships>",
                "word/n1.xml": "<a/>",
                "word/n2.xml": "<a/>",
            }
        )
    )
    package = Archive(path, "package")

    assert related(package, "word/main.xml") == {"notes": "word/n1.xml"}
    package.close()
