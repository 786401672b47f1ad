"""What files say of themselves in the formats of the embedded engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilios.engines.base import DocumentInfo, Source
from ilios.engines.detection import media_types
from ilios.engines.embedded import file_info
from tests.support.sample_files import docx, pdf, text, word_paragraph
from tests.unit.engines.embedded.conftest import Convert

PAGE = """<!DOCTYPE html><HTML LANG="de-AT"><head><title>
Reiher &amp; andere</title><meta charset="iso-8859-1"><META NAME=author CONTENT='Ä. Reiher'>
<meta property="article:published_time" content="2024-01-31T12:00:00+01:00">
<meta name="generator" content="Hugo"></head><body><p>Text</p></body></HTML>"""
RTF = (
    r"{\rtf1\ansi\ansicpg1251{\fonttbl{\f0 Arial;}}{\*\generator Riched20 10.0;}"
    r"{\info{\title \'d6\'e0\'ef\'eb\u8212\'97 \{x\}}{\author A {\b H}eron}"
    r"{\creatim\yr2024\mo1\dy31\hr7\min5}{\revtim\yr2024\mo2\dy1}}\pard Text\par}"
)


def told(folder: Path, content: bytes, media_type: str) -> DocumentInfo:
    path = folder / "document"
    path.write_bytes(content)
    return file_info.of_source(Source(path, media_type, "document"))


def test_a_web_page_tells_of_itself(tmp_path: Path) -> None:
    assert told(tmp_path, PAGE.encode("latin-1"), media_types.HTML) == DocumentInfo(
        title="Reiher & andere",
        author="Ä. Reiher",
        created="2024-01-31T11:00:00Z",
        language="de-AT",
        producer="Hugo",
    )


def test_an_rtf_file_tells_of_itself(tmp_path: Path) -> None:
    assert told(tmp_path, RTF.encode(), media_types.RTF) == DocumentInfo(
        title="Цапл— {x}",
        author="A Heron",
        created="2024-01-31T07:05:00Z",
        modified="2024-02-01",
        producer="Riched20 10.0",
    )


def test_an_rtf_file_without_signs_for_old_readers_loses_no_letter(tmp_path: Path) -> None:
    content = rb"{\rtf1\ansi\ansicpg99999\uc0{\info{\title \u-10179\u-8704 yes}}"

    assert told(tmp_path, content, media_types.RTF).title == "\U0001f600yes"


def test_a_flat_opendocument_text_tells_of_itself(tmp_path: Path) -> None:
    content = (
        "<office:document><office:meta><dc:language>fr</dc:language></office:meta>"
        "<office:body><text:title>not this one</text:title></office:body></office:document>"
    )

    assert told(tmp_path, content.encode(), media_types.FODT) == DocumentInfo(language="fr")


@pytest.mark.parametrize("kind", [media_types.PLAIN, media_types.CSV, media_types.PNG])
def test_other_files_tell_nothing(tmp_path: Path, kind: str) -> None:
    assert told(tmp_path, b"title: x", kind) == DocumentInfo()


@given(st.binary(max_size=200) | st.text(st.sampled_from("{}\\'u-19 tiacnr")).map(str.encode))
def test_nothing_that_is_written_there_is_a_fault(content: bytes) -> None:
    file_info.of_rtf(rb"{\rtf1{\info{\title " + content)
    file_info.of_web_page(content.decode("latin-1"))


@pytest.mark.parametrize(
    ("content", "media_type", "pages"),
    [
        (pdf(text("One"), text("Two")), media_types.PDF, 2),
        (docx(word_paragraph("One")), media_types.DOCX, 1),
        (
            docx(
                word_paragraph("One"),
                docProps__app_dot_xml="<Pages>7</Pages>",
            ),
            media_types.DOCX,
            7,
        ),
        (b"One", media_types.PLAIN, 1),
    ],
)
def test_a_conversion_tells_how_many_pages_the_original_has(
    convert: Convert, content: bytes, media_type: str, pages: int
) -> None:
    assert convert(content, media_type, pages="1").counts.info.page_count == pages
