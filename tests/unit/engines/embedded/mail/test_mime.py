"""Mails in the form of MIME: which leaf is the body, which is attached; each is accounted for."""

from __future__ import annotations

import pytest

from ilios.core.conversion_errors import CorruptDocument, DocumentTooLarge
from ilios.engines.embedded.mail import limits, mime
from ilios.engines.embedded.mail.letters import Kind, Letter
from tests.unit.engines.embedded.mail.mails import attached, mail, png

TEXT = "Content-Type: text/plain\n\nplain\n"
PAGE = "Content-Type: text/html\n\n<p>page</p>\n"
PDF = (
    'Content-Type: application/pdf; name="a.pdf"\nContent-Disposition: inline; filename="a.pdf"\n'
    "Content-Transfer-Encoding: base64\n\nJVBERg==\n"
)


def multipart(kind: str, *parts: str, boundary: str = "b") -> str:
    body = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return f"Content-Type: multipart/{kind}; boundary={boundary}\n\n{body}--{boundary}--\n"


def letter(source: str | bytes) -> Letter:
    return mime.letter_of(source.encode() if isinstance(source, str) else source)


def body(found: Letter) -> list[tuple[Kind, bytes]]:
    return [(piece.kind, piece.content.strip()) for piece in found.body]


def names(found: Letter) -> list[str]:
    return [attachment.name for attachment in found.attachments]


def test_a_mail_has_the_fields_of_its_head_that_say_who_and_when() -> None:
    found = mime.letter_of(mail(Cc="Ann <ann@example.com>").as_bytes())

    assert found.subject == "The report for May"
    assert found.fields == [
        ("From", "Jane Doe <jane@example.com>"),
        ("To", "John <john@example.com>, accounts@example.com"),
        ("Cc", "Ann <ann@example.com>"),
        ("Date", "2024-05-01T14:03:05+02:00"),
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(TEXT, [(Kind.PLAIN, b"plain")], id="plain"),
        pytest.param(PAGE, [(Kind.HTML, b"<p>page</p>")], id="HTML"),
        pytest.param(
            multipart("alternative", TEXT, PAGE), [(Kind.HTML, b"<p>page</p>")], id="the richer"
        ),
        pytest.param(
            multipart("alternative", PAGE, TEXT), [(Kind.HTML, b"<p>page</p>")], id="in any order"
        ),
        pytest.param(
            multipart("mixed", TEXT, PAGE),
            [(Kind.PLAIN, b"plain"), (Kind.HTML, b"<p>page</p>")],
            id="text beside HTML",
        ),
        pytest.param(
            multipart("alternative", TEXT, multipart("mixed", PAGE, PDF, PAGE, boundary="c")),
            [(Kind.HTML, b"<p>page</p>")] * 2,
            id="HTML around a PDF",
        ),
        pytest.param("Content-Type: multipart/mixed\n\nplain\n", [], id="parts without a boundary"),
        pytest.param("Subject: only a head\n", [(Kind.PLAIN, b"")], id="no body"),
    ],
)
def test_the_body_is_all_text_that_is_no_file(
    source: str, expected: list[tuple[Kind, bytes]]
) -> None:
    assert body(letter(source)) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(multipart("mixed", TEXT, PDF), ["a.pdf"], id="a PDF"),
        pytest.param(PDF, ["a.pdf"], id="a mail that is a PDF"),
        pytest.param(
            multipart("alternative", TEXT, multipart("mixed", PAGE, PDF, PAGE, boundary="c")),
            ["a.pdf"],
            id="within HTML",
        ),
        pytest.param(
            multipart(
                "alternative", TEXT, PAGE, "Content-Type: text/calendar\n\nBEGIN:VCALENDAR\n"
            ),
            ["part-1.ics"],
            id="an invitation",
        ),
        pytest.param(
            multipart(
                "alternative", TEXT, PAGE, "Content-Type: text/x-amp-html\n\n<html amp4email>"
            ),
            [],
            id="another form of the text",
        ),
        pytest.param(
            multipart("signed", TEXT, "Content-Type: application/pgp-signature\n\n-----\n"),
            [],
            id="a signature",
        ),
        pytest.param(
            multipart("mixed", TEXT, "Content-Type: message/rfc822\n\nSubject: Inner\n\nin\n"),
            ["Inner"],
            id="a mail",
        ),
        pytest.param(
            multipart(
                "report", TEXT, "Content-Type: message/delivery-status\n\nAction: failed\n\n"
            ),
            ["delivery-status.txt"],
            id="a report of delivery",
        ),
        pytest.param(
            multipart("mixed", TEXT, "Content-Type: text/plain; name=notes.txt\n\nnotes\n"),
            ["notes.txt"],
            id="a text with a name",
        ),
        pytest.param(
            multipart("mixed", "Content-Type: image/jpeg; name*=utf-8''../gr%C3%BCn.jpg\n\nx\n"),
            ["grün.jpg"],
            id="a name in parameters of RFC 2231, in a folder",
        ),
        pytest.param(
            multipart("mixed", 'Content-Type: image/png; name="=?utf-8?q?gr=C3=BCn.png?="\n\nx\n'),
            ["grün.png"],
            id="a name in an encoded word",
        ),
        pytest.param(
            multipart("mixed", "Content-Type: image/png; name=gr\u00fcn.png\n\nx\n"),
            ["grün.png"],
            id="a name in bytes as they are",
        ),
        pytest.param(
            multipart("mixed", "Content-Type: image/png\nContent-Location: a/pic.png\n\nx\n"),
            ["pic.png"],
            id="a place for a name",
        ),
        pytest.param(
            multipart("mixed", TEXT, "Content-Type: application/octet-stream\n\n"),
            [],
            id="neither a name nor content",
        ),
        pytest.param(
            multipart("mixed", "Content-Type: image/png; name*=a\0b'en'x\n\nx\n"),
            ["part-1.png"],
            id="a name in no encoding",
        ),
    ],
)
def test_what_is_no_text_of_the_mail_is_attached(source: str, expected: list[str]) -> None:
    assert names(letter(source)) == expected


def test_a_report_of_delivery_that_is_not_made_of_fields_is_kept_too() -> None:
    report = "Nobody took it.\n\nAction: failed\n\n<ann@example.com> is away\n"
    source = multipart("report", TEXT, f"Content-Type: message/delivery-status\n\n{report}")

    read = letter(source).attachments[0].read

    assert read is not None
    assert read() == b"Nobody took it.\n\nAction: failed\n\n<ann@example.com> is away"


@pytest.mark.parametrize("packing", ["base64", "quoted-printable"])
def test_a_mail_that_is_packed_is_unpacked(packing: str) -> None:
    inner = "U3ViamVjdDogSW5uZXIKCmlu" if packing == "base64" else "Subject: Inner\n\ni=6E"
    source = f"Content-Type: message/rfc822\nContent-Transfer-Encoding: {packing}\n\n\n{inner}\n"

    attachment = letter(multipart("mixed", TEXT, source)).attachments[0]

    assert attachment.letter is not None
    assert body(attachment.letter())[0][1] == b"in"


def test_a_picture_has_the_id_by_which_the_body_shows_it() -> None:
    message = mail()
    message.add_alternative("<p>hi<img src='cid:x@y'></p>", subtype="html")
    page = message.get_payload()[1]  # type: ignore[index]
    page.add_related(png(), "image", "png", cid="<x@y>")  # type: ignore[union-attr]

    attachment = mime.letter_of(message.as_bytes()).attachments[0]

    assert attachment.content_id == "x@y"
    assert attachment.read is not None
    assert attachment.read() == png()


def test_content_comes_as_it_was_attached() -> None:
    message = mail()
    attached(message, bytes(range(256)), "all.bin")

    read = mime.letter_of(message.as_bytes()).attachments[0].read

    assert read is not None
    assert read() == bytes(range(256))


def test_too_many_parts_are_refused() -> None:
    source = multipart("mixed", *["\n"] * (limits.PARTS_MAX + 1))

    with pytest.raises(DocumentTooLarge, match="10,000 parts"):
        letter(source)


def test_endless_nesting_is_refused() -> None:
    source = "".join(
        f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(2000)
    )

    with pytest.raises(CorruptDocument):
        letter(source)


def test_of_a_head_without_end_the_first_fields_are_kept() -> None:
    found = mime.parsed(b"X-A: b\n" * (limits.HEAD_MAX_FIELDS + 5) + b"\ntext")

    assert len(found) == limits.HEAD_MAX_FIELDS
