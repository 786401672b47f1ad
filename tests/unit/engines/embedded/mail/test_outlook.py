"""Outlook messages: properties, recipients, attachments, mails within mails."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import compressed_rtf
import pytest

from ilios.core.conversion_errors import CorruptDocument
from ilios.engines.detection import media_types
from ilios.engines.embedded.compound_file import CompoundFile
from ilios.engines.embedded.mail import outlook, outlook_properties
from tests.support.compound_files import (
    Tree,
    binary,
    compound,
    narrow,
    short,
    text,
    ticks,
)
from tests.unit.engines.embedded.conftest import Convert
from tests.unit.engines.embedded.mail.mails import png

MOMENT = datetime(2024, 5, 1, 12, 3, 5, tzinfo=UTC)
RTF = rb"{\rtf1\ansi\deff0{\fonttbl{\f0 Arial;}}{\b Dear} John,\par here it is.\par}"


def person(kind: int, name: str, address: str) -> Tree:
    return {**short(8, n0C15=kind), **text(0x3001, name), **text(0x39FE, address)}


def attachment(name: str, content: bytes, more: Tree | None = None) -> Tree:
    return {**short(8), **text(0x3707, name), **binary(0x3701, content), **(more or {})}


def message(
    *attachments: Tree, head: int = 32, more: Tree | None = None
) -> dict[str, bytes | Tree]:
    parts = {f"__attach_version1.0_#{n:08X}": part for n, part in enumerate(attachments)}
    return {
        **short(head, t0039=ticks(MOMENT)),
        **text(0x0037, "The report for May"),
        **text(0x0C1A, "Jane Doe"),
        **text(0x5D01, "jane@example.com"),
        "__recip_version1.0_#00000000": person(1, "John", "john@example.com"),
        "__recip_version1.0_#00000001": person(2, "Ann", "ann@example.com"),
        **(more or {}),
        **parts,
    }


def test_a_message_has_head_body_and_attachments(convert: Convert) -> None:
    tree = message(
        attachment("a.csv", b"a,b\n1,2\n"), more=text(0x1000, "Dear John,\r\n\r\nhere it is.")
    )

    converted = convert(compound(tree), media_types.MSG)

    assert [page.markdown for page in converted.pages] == [
        "# The report for May\n\n**From:** Jane Doe \\<jane@example.com>  \n"
        "**To:** John \\<john@example.com>  \n**Cc:** Ann \\<ann@example.com>  \n"
        "**Date:** 2024-05-01T12:03:05+00:00  \n**Attachments:** a.csv\n\n"
        "Dear John,\n\nhere it is.",
        "## a.csv\n\n| a | b |\n| --- | --- |\n| 1 | 2 |",
    ]
    assert converted.warnings == []
    assert converted.counts.info.author == "Jane Doe <jane@example.com>"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (binary(0x1013, b"<p>Dear <b>John</b></p>"), "Dear **John**"),
        (text(0x1013, "<p>Dear <b>John</b></p>"), "Dear **John**"),
        (binary(0x1009, compressed_rtf.compress(RTF)), "**Dear** John,\n\nhere it is."),
        (
            binary(0x1009, compressed_rtf.compress(RTF, compressed=False)),
            "**Dear** John,\n\nhere it is.",
        ),
        ({**binary(0x1009, b"damaged"), **text(0x1000, "plain")}, "plain"),
        (narrow(0x1000, "Größe".encode("cp1252")), "Größe"),
        ({}, ""),
    ],
    ids=["HTML", "HTML in text", "packed RTF", "RTF", "damaged RTF", "a code page", "nothing"],
)
def test_the_richest_form_of_the_body_is_read(
    convert: Convert, body: dict[str, bytes], expected: str
) -> None:
    markdown = convert(compound(message(more=body)), media_types.MSG).markdown

    assert markdown.partition("+00:00")[2].strip() == expected


def test_short_texts_are_of_the_code_page_of_the_message(convert: Convert) -> None:
    tree = {
        **short(32, n3FFD=1251),
        **narrow(0x0037, "Отчёт".encode("cp1251")),
        **narrow(0x1000, "Да".encode("cp1251")),
    }

    assert convert(compound(tree), media_types.MSG).markdown == "# Отчёт\n\nДа"


def test_a_message_within_a_message_is_a_section(convert: Convert) -> None:
    inner = message(attachment("deep.txt", b"deep"), head=24, more=text(0x1000, "within"))
    part: Tree = {**short(8), "__substg1.0_3701000D": inner}

    section = convert(compound(message(part)), media_types.MSG).pages[1].markdown

    assert section.startswith("## The report for May\n\n**Subject:** The report for May")
    assert section.endswith("within\n\n### deep.txt\n\ndeep")


def test_an_object_of_another_program_is_named(convert: Convert) -> None:
    part: Tree = {**short(8), **text(0x3001, "Drawing"), "__substg1.0_3701000D": {"CONTENTS": b"x"}}

    page = convert(compound(message(part)), media_types.MSG).pages[1]

    assert "object of another program" in page.warnings[0].message


def test_the_signed_form_of_a_message_is_read(convert: Convert) -> None:
    signed = b"Content-Type: multipart/signed; boundary=b\n\n--b\n\nsigned text\n--b--\n"
    part = attachment("", signed, text(0x370E, "multipart/signed"))

    page = convert(compound(message(part)), media_types.MSG).pages[1]

    assert page.markdown == "## attachment 1\n\nsigned text"


def test_a_picture_of_the_body_is_no_section(convert: Convert) -> None:
    picture = attachment("image001.png", png(), text(0x3712, "image001@x"))
    body = binary(0x1013, b"<p>See <img src='cid:image001@x'></p>")

    converted = convert(compound(message(picture, more=body)), media_types.MSG)

    assert len(converted.pages) == 1
    assert converted.markdown.endswith("See ![](image-1.png)")


def test_the_head_of_mime_says_best_who_wrote(tmp_path: Path) -> None:
    path = tmp_path / "a.msg"
    tree = message(more=text(0x007D, "From: =?utf-8?q?J=C3=A4ne?= <j@example.com>\r\nX: y\r\n"))
    path.write_bytes(compound(tree))

    with outlook.opened(path) as letter:
        assert letter.field("From") == "Jäne <j@example.com>"


def test_a_damaged_message_is_corrupt(convert: Convert) -> None:
    with pytest.raises(CorruptDocument):
        convert(compound(message())[:600], media_types.MSG)


def test_a_property_beyond_its_bound_is_absent(tmp_path: Path) -> None:
    path = tmp_path / "a.msg"
    path.write_bytes(compound({**short(32), **binary(0x1013, bytes(5000))}))
    with_file = CompoundFile(path)
    try:
        storage = outlook_properties.message_storage(with_file, with_file.root, 32)

        assert storage.binary(0x1013, 4999) == b""
        assert len(storage.binary(0x1013, 5000)) == 5000
        assert storage.stream_bytes(0x1013) == 5000
    finally:
        with_file.close()
