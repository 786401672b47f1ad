"""Mails end to end: the first page is the mail, each attachment a section of its own."""

from __future__ import annotations

import base64
import json

import pytest

from ilios.core.conversion_errors import EmptyDocument
from ilios.engines.detection import media_types
from ilios.engines.embedded.mail import limits
from tests.support import sample_files
from tests.support.forking import REPOSITORY
from tests.unit.engines.embedded.conftest import Convert
from tests.unit.engines.embedded.mail.mails import attached, mail, png, white

ENCRYPTED = REPOSITORY / "tests" / "samples" / "encrypted.pdf"


def test_a_mail_begins_with_its_head(convert: Convert) -> None:
    converted = convert(mail().as_bytes(), media_types.EML)

    assert converted.markdown == (
        "# The report for May\n\n"
        "**From:** Jane Doe \\<jane@example.com>  \n"
        "**To:** John \\<john@example.com>, accounts@example.com  \n"
        "**Date:** 2024-05-01T14:03:05+02:00\n\n"
        "Dear John,\n\nhere it is."
    )


def test_what_a_mail_says_of_itself_is_told(convert: Convert) -> None:
    info = convert(mail().as_bytes(), media_types.EML).counts.info

    assert info.title == "The report for May"
    assert info.author == "Jane Doe <jane@example.com>"
    assert info.created == "2024-05-01T12:03:05Z"


def test_attachments_are_pages_each_read_as_what_it_is(convert: Convert) -> None:
    message = mail()
    attached(message, (REPOSITORY / "samples" / "meeting-notes.docx").read_bytes(), "notes.docx")
    attached(message, b"a;b\n1;2\n", "table.csv")
    attached(message, sample_files.pdf(sample_files.text("In a PDF")), "page.pdf", "pdf")

    converted = convert(message.as_bytes(), media_types.EML)

    first, *sections = [page.markdown for page in converted.pages]
    assert "**Attachments:** notes.docx, table.csv, page.pdf" in first
    assert sections.pop(0).startswith("## notes.docx\n\n### ")
    assert sections == [
        "## table.csv\n\n| a | b |\n| --- | --- |\n| 1 | 2 |",
        "## page.pdf\n\nIn a PDF",
    ]
    assert converted.warnings == []


def test_only_the_pages_that_are_asked_for_are_converted(convert: Convert) -> None:
    message = mail()
    attached(message, b"one", "one.txt")
    attached(message, b"two", "two.txt")

    converted = convert(message.as_bytes(), media_types.EML, pages="3")

    assert converted.counts.total == 3
    assert converted.markdown == "## two.txt\n\ntwo"


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (
            b"\x7fELF\x02\x01\x01\0" + bytes(60),
            "tool",
            "The file is of type application/x-executable",
        ),
        (b"%PDF-1.4 broken", "a.pdf", "The PDF cannot be read"),
        (ENCRYPTED.read_bytes(), "secret.pdf", "The PDF is protected by a password"),
    ],
)
def test_an_attachment_that_cannot_be_read_is_named_with_the_reason(
    convert: Convert, content: bytes, name: str, reason: str
) -> None:
    message = mail()
    attached(message, content, name)
    attached(message, b"the next", "next.txt")

    converted = convert(message.as_bytes(), media_types.EML)

    assert converted.pages[1].markdown == f"## {name}"
    assert converted.pages[2].markdown == "## next.txt\n\nthe next"
    [warning] = converted.pages[1].warnings
    assert warning.code == "text_loss"
    assert warning.page == 2
    assert warning.message.startswith(f'The attached file "{name}" was not converted. {reason}')


def test_an_attachment_without_content_is_no_loss(convert: Convert) -> None:
    message = mail()
    attached(message, b"", "empty.bin")
    attached(message, b"<html></html>", "empty.html")

    converted = convert(message.as_bytes(), media_types.EML)

    assert converted.warnings == [("empty_page", 2), ("empty_page", 3)]
    assert [page.markdown for page in converted.pages[1:]] == ["## empty.bin", "## empty.html"]


def test_a_mail_in_a_mail_stands_below_its_own_heading(convert: Convert) -> None:
    inner = mail("# Not a heading", Subject="Inner", From="ann@example.com")
    attached(inner, b"deep", "deep.txt")
    message = mail()
    message.add_attachment(inner)

    section = convert(message.as_bytes(), media_types.EML).pages[1].markdown

    assert section.startswith("## Inner\n\n**Subject:** Inner  \n**From:** ann@example.com")
    assert "\\# Not a heading" in section
    assert section.endswith("### deep.txt\n\ndeep")


def test_a_mail_that_is_attached_as_a_file_is_read_too(convert: Convert) -> None:
    message = mail()
    attached(message, mail("within").as_bytes(), "saved.eml")

    section = convert(message.as_bytes(), media_types.EML).pages[1].markdown

    assert section.startswith("## saved.eml\n\n**Subject:** The report for May")
    assert section.endswith("\n\nwithin")


def test_mails_within_mails_end_at_a_depth(convert: Convert) -> None:
    message = mail("innermost")
    for number in range(limits.DEPTH_MAX + 2):
        outer = mail(f"level {number}")
        outer.add_attachment(message)
        message = outer

    converted = convert(message.as_bytes(), media_types.EML)

    assert "innermost" not in converted.markdown
    assert [code for code, _ in converted.warnings] == ["text_loss"]
    assert "attached to one another" in converted.pages[1].warnings[0].message


def test_headings_of_an_attachment_stand_below_its_own(convert: Convert) -> None:
    message = mail()
    attached(message, b"# Title\n\n```\n# code\n```\n\n###### Deep\n", "notes.md")

    section = convert(message.as_bytes(), media_types.EML).pages[1].markdown

    assert section == "## notes.md\n\n### Title\n\n```\n# code\n```\n\n###### Deep"


def test_a_picture_that_the_body_shows_is_kept_and_is_no_section(convert: Convert) -> None:
    message = mail()
    message.add_alternative("<p>See <img src='cid:x@y' alt='chart'></p>", subtype="html")
    page = message.get_payload()[1]  # type: ignore[index]
    page.add_related(png(), "image", "png", cid="<x@y>")  # type: ignore[union-attr]

    converted = convert(message.as_bytes(), media_types.EML)

    assert len(converted.pages) == 1
    assert "See ![chart](image-1.png)" in converted.markdown
    assert converted.image_names == ["image-1.png"]


def test_pictures_that_only_decorate_or_tell_who_reads_are_left_out(convert: Convert) -> None:
    page = (
        '<p>Text<img src="https://tracker.example/p.gif?who=1"><img src="cid:dot">'
        '<img src="cid:nowhere" alt="logo"></p>'
    )
    message = mail()
    message.add_alternative(page, subtype="html")
    related = message.get_payload()[1]  # type: ignore[index]
    related.add_related(png(3), "image", "png", cid="<dot>")  # type: ignore[union-attr]

    converted = convert(message.as_bytes(), media_types.EML)

    assert len(converted.pages) == 1
    assert converted.markdown.endswith("\n\nText logo")
    assert converted.warnings == []


def test_pictures_of_attachments_have_names_of_their_own(convert: Convert) -> None:
    message = mail()
    for name, side in (("a.ipynb", 40), ("b.ipynb", 50)):
        output = {"output_type": "display_data", "data": {"image/png": _base64(png(side))}}
        cell = {"cell_type": "code", "source": "plot()", "outputs": [output]}
        attached(message, json.dumps({"cells": [cell], "nbformat": 4}).encode(), name)

    converted = convert(message.as_bytes(), media_types.EML)

    assert converted.image_names == ["attachment-1-image-1.png", "attachment-2-image-1.png"]
    assert "![](attachment-1-image-1.png)" in converted.pages[1].markdown
    assert "![](attachment-2-image-1.png)" in converted.pages[2].markdown
    assert all(image.path.exists() for page in converted.pages for image in page.images)


def test_a_scan_that_is_attached_is_recognised(convert: Convert) -> None:
    message = mail()
    scan = sample_files.scan(["An invoice over 42 pounds"], (900, 300))
    message.add_attachment(sample_files.encoded(scan, "PNG"), "image", "png", filename="scan.png")

    page = convert(message.as_bytes(), media_types.EML).pages[1]

    assert "invoice over 42 pounds" in page.markdown
    assert page.confidence is not None
    assert page.confidence > 0.9


def test_doubts_about_an_attachment_name_it(convert: Convert) -> None:
    message = mail()
    message.add_attachment(white(), "image", "png", filename="blank.png")

    [warning] = convert(message.as_bytes(), media_types.EML).pages[1].warnings

    assert warning.code == "empty_page"
    assert warning.message.startswith('In "blank.png": ')
    assert warning.page == 2


def test_more_attachments_than_a_mail_may_have_are_counted(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ATTACHMENTS_MAX", 2)
    message = mail()
    for number in range(4):
        attached(message, b"text", f"{number}.txt")

    converted = convert(message.as_bytes(), media_types.EML)

    assert len(converted.pages) == 3
    [warning] = converted.pages[0].warnings
    assert warning.message == "2 attached files were not converted: 2.txt, 3.txt."


def test_flowed_lines_are_joined(convert: Convert) -> None:
    source = (
        b"Subject: x\nContent-Type: text/plain; format=flowed\n\n"
        b"This goes \non here.\n> quoted \n> too\n-- \nJane\n"
    )

    markdown = convert(source, media_types.EML).markdown

    assert markdown == ("# x\n\nThis goes on here.  \n\\> quoted  \n\\> too  \n\\--  \nJane")


def test_blanks_that_only_join_lines_are_left_out(convert: Convert) -> None:
    source = (
        "Subject: x\nContent-Type: text/plain; format=flowed; delsp=yes; charset=utf-8\n\n"
        "This goes  \non.\n日本 \n語\n"
    )

    assert convert(source.encode(), media_types.EML).markdown == "# x\n\nThis goes on.  \n日本語"


def test_an_address_that_is_none_leaves_a_picture_out(convert: Convert) -> None:
    source = (
        b"Subject: x\nContent-Type: text/html\nContent-Location: http://[a\n\n"
        b"<p>Text<img src='http://[b'></p>"
    )

    assert convert(source, media_types.EML).markdown == "# x\n\nText"


def test_a_web_archive_shows_its_page_with_its_pictures(convert: Convert) -> None:
    picture = _base64(png())
    source = (
        "From: <Saved by a browser>\nSubject: A page\nMIME-Version: 1.0\n"
        "Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n"
        "Content-Location: https://example.com/a/page.html\n\n"
        '<h1>Head</h1><p>Text <img src="../pic.png"></p>\n--b\nContent-Type: image/png\n'
        f"Content-Transfer-Encoding: base64\nContent-Location: https://example.com/pic.png\n\n{picture}\n"
        "--b\nContent-Type: text/css\nContent-Location: https://example.com/a.css\n\np {}\n--b--\n"
    )

    converted = convert(source.encode(), media_types.EML)

    assert len(converted.pages) == 1
    assert converted.markdown.endswith("## Head\n\nText ![](image-1.png)")


def test_a_file_without_head_and_text_is_empty(convert: Convert) -> None:
    with pytest.raises(EmptyDocument):
        convert(b"X-Mailer: y\n\n", media_types.EML)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
