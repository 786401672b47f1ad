"""What files say of themselves."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilios.engines import document_info
from ilios.engines.base import DocumentInfo
from ilios.engines.detection import media_types
from tests.support.sample_files import archive

CORE = """<?xml version="1.0"?>
<cp:coreProperties xmlns:cp="x" xmlns:dc="y" xmlns:dcterms="z" xmlns:xsi="w">
<dc:title>Herons &amp; others</dc:title><dc:creator>A. Heron</dc:creator>
<dc:language>en-GB</dc:language>
<dcterms:created xsi:type="dcterms:W3CDTF">2024-01-31T12:00:00Z</dcterms:created>
<dcterms:modified xsi:type="dcterms:W3CDTF">2024-02-01T12:00:00+02:00</dcterms:modified>
</cp:coreProperties>"""
APP = "<Properties><Application>Microsoft Office Word</Application><Pages>12</Pages></Properties>"
META = """<office:document-meta><office:meta><meta:generator>LibreOffice/7</meta:generator>
<dc:title>Herons</dc:title><meta:initial-creator>A</meta:initial-creator><dc:creator>B</dc:creator>
<meta:creation-date>2024-01-31T12:00:00.5</meta:creation-date><dc:date>2024-02-01</dc:date>
<meta:document-statistic meta:page-count="3"/></office:meta></office:document-meta>"""
CONTAINER = '<container><rootfile media-type="a" full-path="OPS/a b.opf"/></container>'
PACKAGE = """<package xmlns:dc="y"><metadata><dc:title id="t">Herons</dc:title>
<dc:creator>A</dc:creator>
<dc:language>de</dc:language><dc:date>1999</dc:date><meta name="generator" content="Sigil"/>
<meta property="dcterms:modified">2024-01-31T12:00:00Z</meta></metadata></package>"""


@pytest.mark.parametrize("kind", [media_types.DOCX, media_types.PPTX, media_types.XLSX])
def test_an_office_file_tells_of_itself(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "document"
    path.write_bytes(archive({"docProps/core.xml": CORE, "docProps\\App.xml": APP}))

    assert document_info.of_container(path, kind) == DocumentInfo(
        title="Herons & others",
        author="A. Heron",
        created="2024-01-31T12:00:00Z",
        modified="2024-02-01T10:00:00Z",
        language="en-GB",
        page_count=12,
        producer="Microsoft Office Word",
    )


def test_an_opendocument_text_tells_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "document"
    path.write_bytes(archive({"meta.xml": META.encode("utf-16")}))

    assert document_info.of_container(path, media_types.ODT) == DocumentInfo(
        title="Herons",
        author="A",
        created="2024-01-31T12:00:00Z",
        modified="2024-02-01",
        page_count=3,
        producer="LibreOffice/7",
    )


def test_a_book_tells_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "document"
    path.write_bytes(archive({"META-INF/container.xml": CONTAINER, "OPS/a b.opf": PACKAGE}))

    assert document_info.of_container(path, media_types.EPUB) == DocumentInfo(
        title="Herons",
        author="A",
        created="1999",
        modified="2024-01-31T12:00:00Z",
        language="de",
        producer="Sigil",
    )


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)])
@pytest.mark.parametrize("kind", [media_types.DOCX, media_types.ODT, media_types.EPUB])
def test_a_file_that_cannot_be_read_tells_nothing(
    tmp_path: Path, content: bytes, kind: str
) -> None:
    path = tmp_path / "document"
    path.write_bytes(content)

    assert document_info.of_container(path, kind) == DocumentInfo()


def test_of_a_part_without_end_the_beginning_is_read(tmp_path: Path) -> None:
    path = tmp_path / "document"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("docProps/core.xml", CORE + " " * 50_000_000)

    assert document_info.of_container(path, media_types.DOCX).title == "Herons & others"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024", "2024"),
        ("2024-05", "2024-05"),
        ("2024-05-06", "2024-05-06"),
        ("2024-05-06T07:08:09", "2024-05-06T07:08:09Z"),
        (" 2024-05-06 07:08:09.123+00:30 ", "2024-05-06T06:38:09Z"),
        ("0900-05-06T07:08:09", "0900-05-06T07:08:09Z"),
        ("0001-01-01T00:00:00+10:00", None),
        ("2024-13-06", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_dates_are_told_in_utc_as_exact_as_they_are(
    written: str | None, expected: str | None
) -> None:
    assert document_info.date(written) == expected


def test_texts_are_of_one_line_without_controls_and_of_some_length() -> None:
    info = document_info.told(title=" a\n\x00b\ud800 ", author=" \t", producer="x" * 5_000)

    assert info == DocumentInfo(title="a b\ufffd", producer="x" * 1_000)


@given(st.text(st.sampled_from("<>/:=\"' atilemnyd&;"), max_size=200) | st.text())
def test_nothing_that_is_written_there_is_a_fault(text: str) -> None:
    document_info.of_opendocument(text)
    document_info.date(text)
    assert all(isinstance(found, dict) for found in document_info.elements(text, "meta"))
