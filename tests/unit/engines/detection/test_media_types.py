from __future__ import annotations

import bz2
import io
import json
import lzma
import struct
import tracemalloc
import zipfile
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilios.core.archive_errors import ArchiveGiven
from ilios.core.request_errors import EmptyFile, RequestError, UnsupportedType
from ilios.engines.detection import media_types
from tests.support.compound_files import compound

MIB = 1024 * 1024
OOXML = "application/vnd.openxmlformats-officedocument."
MAIL = (
    b"Received: from a\n by b\nFrom: Ann <a@example.com>\nSubject: lunch\n"
    b"Message-ID: <1@example.com>\n\nHello"
)
NOTEBOOK = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(17)
APNG = b"\x89PNG\r\n\x1a\n\0\0\0\x04acTL" + bytes(17)
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(20)
WEBP = b"RIFF\x24\0\0\0WEBPVP8 " + bytes(20)
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
RTF = b"{\\rtf1\\ansi Hello}"


def zipped(entries: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return body.getvalue()


def ooxml(main_type: str, folder: str = "word") -> bytes:
    types = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/{folder}/main.xml" ContentType="{main_type}"/></Types>'
    )
    return zipped(
        {
            "[Content_Types].xml": types.encode(),
            "_rels/.rels": b"<Relationships/>",
            f"{folder}/main.xml": b"<main/>",
        }
    )


def ole(*streams: str) -> bytes:
    """Build a compound file: the allocation table, then the directory's sectors, last one first."""
    names = ["Root Entry", *streams]
    needed = -(-len(names) // 4)
    sectors = [needed - n for n in range(needed)]
    table = [0xFFFFFFFF] * 128
    table[0] = 0xFFFFFFFD
    for sector, following in zip(sectors, [*sectors[1:], 0xFFFFFFFE], strict=True):
        table[sector] = following
    header = bytearray(512)
    header[:8] = bytes.fromhex("d0cf11e0a1b11ae1")
    struct.pack_into("<HHHH", header, 24, 0x3E, 3, 0xFFFE, 9)
    struct.pack_into("<II", header, 44, 1, sectors[0])
    struct.pack_into("<109I", header, 76, 0, *[0xFFFFFFFF] * 108)
    entries = b"".join(
        name.encode("utf-16-le").ljust(64, b"\0") + struct.pack("<H", 2 * len(name) + 2) + bytes(62)
        for name in names
    ).ljust(512 * needed, b"\0")
    blocks = [entries[512 * n : 512 * (n + 1)] for n in range(needed)]
    return bytes(header) + struct.pack("<128I", *table) + b"".join(reversed(blocks))


def ftyp(*brands: bytes) -> bytes:
    """Build the first box of a file of ISO's container."""
    main, *others = brands
    return struct.pack(">I", 16 + 4 * len(others)) + b"ftyp" + main + bytes(4) + b"".join(others)


DOCX = ooxml(f"{OOXML}wordprocessingml.document.main+xml")
PPTX = ooxml(f"{OOXML}presentationml.presentation.main+xml", "ppt")
XLSX = ooxml(f"{OOXML}spreadsheetml.sheet.main+xml", "xl")
ODT = zipped({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"<x/>"})
EPUB = zipped({"mimetype": b"application/epub+zip\n", "META-INF/container.xml": b"<x/>"})
BARE_EPUB = zipped({"META-INF/container.xml": b"<x/>", "content.opf": b"<x/>"})
MANIFEST = (
    b'<manifest:manifest xmlns:manifest="urn:x"><manifest:file-entry manifest:full-path="/" '
    b'manifest:version="1.3" manifest:media-type="application/vnd.oasis.opendocument.text"/>'
    b"</manifest:manifest>"
)
XHTML = (
    b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- made by hand -->\n<!DOCTYPE html PUBLIC '
    b'"-//W3C//DTD XHTML 1.0 Strict//EN">\n<html xmlns="http://www.w3.org/1999/xhtml">'
)
FLAT_ODT = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    b"office:version='1.3' office:mimetype='application/vnd.oasis.opendocument.text'>"
    b"<office:body><office:text/></office:body></office:document>"
)


def sniff(content: bytes, file_name: str = "upload") -> str:
    return media_types.sniff(io.BytesIO(content), file_name)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(PDF, media_types.PDF, id="PDF"),
        pytest.param(b"%PDF-1.3\nThis is not valid", media_types.PDF, id="broken PDF"),
        pytest.param(b"%PDF", media_types.PDF, id="four bytes of a PDF"),
        pytest.param(b"\xef\xbb\xbf" + PDF, media_types.PDF, id="PDF behind a byte order mark"),
        pytest.param(bytes(1024) + PDF, media_types.PDF, id="PDF behind 1024 zeros"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\n\r\n" + PDF, media_types.PDF, id="PDF behind HTTP headers"
        ),
        pytest.param(PNG, media_types.PNG, id="PNG"),
        pytest.param(APNG, media_types.PNG, id="animated PNG"),
        pytest.param(JPEG, media_types.JPEG, id="JPEG"),
        pytest.param(WEBP, media_types.WEBP, id="WebP"),
        pytest.param(b"II*\0\x08\0\0\0" + bytes(20), media_types.TIFF, id="TIFF, Intel"),
        pytest.param(b"MM\0*\0\0\0\x08" + bytes(20), media_types.TIFF, id="TIFF, Motorola"),
        pytest.param(b"GIF89a" + bytes(20), media_types.GIF, id="GIF"),
        pytest.param(RTF, media_types.RTF, id="RTF"),
        pytest.param(DOCX, media_types.DOCX, id="DOCX"),
        pytest.param(PPTX, media_types.PPTX, id="PPTX"),
        pytest.param(XLSX, media_types.XLSX, id="XLSX"),
        pytest.param(ODT, media_types.ODT, id="ODT"),
        pytest.param(EPUB, media_types.EPUB, id="EPUB"),
        pytest.param(BARE_EPUB, media_types.EPUB, id="EPUB without mimetype"),
        pytest.param(FLAT_ODT, media_types.FODT, id="flat ODT"),
        pytest.param(
            FLAT_ODT.replace(b"document.text", b"document.spreadsheet"),
            media_types.FODS,
            id="flat ODS",
        ),
        pytest.param(
            FLAT_ODT.replace(b"document.text", b"document.presentation"),
            media_types.FODP,
            id="flat ODP",
        ),
        pytest.param(
            zipped({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet"}),
            media_types.ODS,
            id="ODS",
        ),
        pytest.param(
            zipped({"mimetype": b"application/vnd.oasis.opendocument.presentation"}),
            media_types.ODP,
            id="ODP",
        ),
        pytest.param(b"BM" + bytes(30), media_types.BMP, id="bitmap"),
        pytest.param(ftyp(b"avif", b"mif1", b"miaf"), media_types.AVIF, id="AVIF"),
        pytest.param(ftyp(b"mif1", b"avif"), media_types.AVIF, id="AVIF by a further brand"),
        pytest.param(ftyp(b"heic", b"mif1"), media_types.HEIC, id="HEIC"),
        pytest.param(ftyp(b"mif1", b"heic"), media_types.HEIC, id="HEIC by a further brand"),
        pytest.param(b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(20), media_types.JP2, id="JPEG 2000"),
        pytest.param(
            b"\xff\x4f\xff\x51\0\x2f" + bytes(20), media_types.JP2, id="JPEG 2000 without a box"
        ),
        pytest.param(ole("WordDocument"), media_types.DOC, id="DOC"),
        pytest.param(ole("a", "b", "c", "d", "Workbook"), media_types.XLS, id="XLS"),
        pytest.param(ole("Book"), media_types.XLS, id="XLS of before 1997"),
        pytest.param(ole("PowerPoint Document"), media_types.PPT, id="PPT"),
        pytest.param(ole("WORKBOOK"), media_types.XLS, id="XLS in capitals"),
        pytest.param(ole("WORDDOCUMENT"), media_types.DOC, id="DOC in capitals"),
        pytest.param(ole("POWERPOINT DOCUMENT"), media_types.PPT, id="PPT in capitals"),
        pytest.param(ole("__properties_version1.0"), media_types.MSG, id="MSG"),
        pytest.param(
            compound({f"__recip_version1.0_#{n:08X}": {} for n in range(2000)}),
            media_types.MSG,
            id="MSG with more recipients than are looked at",
        ),
        pytest.param(
            compound({"Workbook": b"x", "MBD1": {"WordDocument": b"x"}}),
            media_types.XLS,
            id="XLS around a DOC",
        ),
        pytest.param(
            compound({"WordDocument": b"x", "ObjectPool": {"1": {"Workbook": b"x"}}}),
            media_types.DOC,
            id="DOC around an XLS",
        ),
        pytest.param(MAIL, media_types.EML, id="mail"),
        pytest.param(
            MAIL.replace(b"\n", b"\r\n"), media_types.EML, id="mail with the ends of lines of mails"
        ),
        pytest.param(MAIL + b"\0\x01", media_types.EML, id="mail with binary content"),
        pytest.param(b" " * 80 + b"\n" + MAIL, media_types.EML, id="mail behind an empty line"),
        pytest.param(
            b"From: Ann\nTo: Bob\nDate: today\nSubject: lunch\n\nA memo.",
            media_types.PLAIN,
            id="memo",
        ),
        pytest.param(
            b"Content-Type: text/html\nDate: today\n\nx", media_types.PLAIN, id="head of HTTP"
        ),
        pytest.param(b'<?xml version="1.0"?><feed/>', media_types.XML, id="XML"),
        pytest.param(
            b'<?xml version="1.0"?><article><p>x</p></article>',
            media_types.XML,
            id="XML whose first tag HTML has, too",
        ),
        pytest.param(b"<feed>\n<a/></feed>\n", media_types.XML, id="undeclared XML"),
        pytest.param(json.dumps({"a": [1]}).encode(), media_types.JSON, id="JSON object"),
        pytest.param(json.dumps([{"a": 1}]).encode(), media_types.JSON, id="JSON list"),
        pytest.param(json.dumps(["a", "b"]).encode(), media_types.JSON, id="JSON words"),
        pytest.param(b'{"a": 1}\n{"a": 2}\n', media_types.JSON, id="lines of JSON"),
        pytest.param(NOTEBOOK, media_types.IPYNB, id="notebook"),
        pytest.param(
            NOTEBOOK.replace(b"[]", b'["' + b"x" * 70_000 + b'"]'),
            media_types.IPYNB,
            id="long notebook",
        ),
        pytest.param(
            zipped({"META-INF/manifest.xml": MANIFEST, "content.xml": b"<x/>"}),
            media_types.ODT,
            id="ODT without mimetype",
        ),
        pytest.param(
            zipped({"meta-inf\\Container.xml": b"<x/>"}),
            media_types.EPUB,
            id="EPUB with backslashes, in another case",
        ),
        pytest.param(
            ooxml(f"{OOXML}presentationml.presentation.main+xml", "ppt").replace(
                b"[Content_Types].xml", b"[content_types].XML"
            ),
            media_types.PPTX,
            id="PPTX in another case",
        ),
        pytest.param(DOCX[:-40], media_types.DOCX, id="DOCX that ends early"),
        pytest.param(b"<!DOCTYPE html><p>x", media_types.HTML, id="HTML"),
        pytest.param(b"\n\t <HTML lang=de>", media_types.HTML, id="HTML behind white space"),
        pytest.param(XHTML, media_types.HTML, id="XHTML"),
        pytest.param(b"<!-- a --><!-- b --> <html>", media_types.HTML, id="HTML behind comments"),
        pytest.param("<html>é".encode("utf-16"), media_types.HTML, id="HTML in UTF-16"),
        pytest.param(b"<div class=a>x</div>", media_types.HTML, id="a piece of HTML"),
        pytest.param(
            b'<?xml version="1.0"?>\n<title>x</title>\n</head><body><p>x</body>\n',
            media_types.HTML,
            id="declared XML whose end shows a page",
        ),
        pytest.param(
            b'<?xml version="1.0"?><meta charset=utf-8><p>x</HTML >',
            media_types.HTML,
            id="a declared page without its first tag",
        ),
        pytest.param(b"Hello", media_types.PLAIN, id="text"),
        pytest.param("Grüße, 東京".encode(), media_types.PLAIN, id="text in UTF-8"),
        pytest.param("Grüße".encode("utf-16"), media_types.PLAIN, id="text in UTF-16"),
        pytest.param("Grüße “so”".encode("cp1252"), media_types.PLAIN, id="text in Windows-1252"),
        pytest.param("Größe".encode("mac_roman"), media_types.PLAIN, id="text of a Macintosh"),
        pytest.param("東京都".encode("cp932"), media_types.PLAIN, id="text in Shift-JIS"),
        pytest.param("Zażółć gęślą".encode("cp1250"), media_types.PLAIN, id="in Windows-1250"),
        pytest.param("Grüße".encode("utf-16-le"), media_types.PLAIN, id="UTF-16 without a mark"),
        pytest.param(
            "Привет, мир".encode("utf-16-be"), media_types.PLAIN, id="big-endian, without a mark"
        ),
        pytest.param(
            "お元気ですか。\r\n".encode("utf-16-le"), media_types.PLAIN, id="Japanese UTF-16"
        ),
        pytest.param("Grüße".encode("utf-32"), media_types.PLAIN, id="UTF-32"),
        pytest.param("Grüße".encode("utf-32-be"), media_types.PLAIN, id="UTF-32 without a mark"),
        pytest.param(
            b"\xef\xbb\xbfcaf\xc3\xa9 \x9d", media_types.PLAIN, id="a byte that is no UTF-8"
        ),
        pytest.param("<html>é".encode("utf-16-le"), media_types.HTML, id="HTML without a mark"),
        pytest.param("<html><p>日本語".encode("cp932"), media_types.HTML, id="HTML in Shift-JIS"),
        pytest.param(b" \n", media_types.PLAIN, id="white space"),
        pytest.param(b"GIF is a format", media_types.PLAIN, id="text that begins like a GIF"),
        pytest.param(b"BMW and MZ", media_types.PLAIN, id="text that begins like a bitmap"),
        pytest.param(b"%PDF- is how a PDF begins"[1:], media_types.PLAIN, id="text about PDF"),
        pytest.param(
            b"A file begins with %PDF-1.4.", media_types.PLAIN, id="text that quotes a PDF"
        ),
        pytest.param(b"<john@example.com> wrote", media_types.PLAIN, id="text that begins with <"),
        pytest.param(b"[1] Smith, [2] Jones", media_types.PLAIN, id="text that begins with ["),
        pytest.param(b'["so"](link)', media_types.PLAIN, id="a Markdown link"),
        pytest.param(b"{curly} text", media_types.PLAIN, id="text that begins with {"),
        pytest.param(b"a" * 70_000 + "é".encode(), media_types.PLAIN, id="more text than is read"),
        pytest.param(
            b"a" * 65_535 + "é".encode() * 99, media_types.PLAIN, id="a letter on the border"
        ),
    ],
)
def test_the_bytes_decide_the_type_whatever_the_name(content: bytes, expected: str) -> None:
    assert sniff(content, "no name") == expected
    assert sniff(content, "report.exe") == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("table.csv", media_types.CSV),
        ("TABLE.CSV", media_types.CSV),
        ("table.tsv", media_types.CSV),
        ("table.tab", media_types.CSV),
        ("README.md", media_types.MARKDOWN),
        ("notes.markdown", media_types.MARKDOWN),
        ("notes.txt", media_types.PLAIN),
        ("notes.log", media_types.PLAIN),
        ("notes", media_types.PLAIN),
        ("page.html", media_types.HTML),
        ("page.htm", media_types.HTML),
        ("picture.png", media_types.PLAIN),
        ("report.pdf", media_types.PLAIN),
        ("numbers.json", media_types.JSON),
        ("records.jsonl", media_types.JSON),
        ("feed.xml", media_types.XML),
        ("saved.eml", media_types.PLAIN),
    ],
)
def test_among_texts_the_name_decides(name: str, expected: str) -> None:
    assert sniff(b"a,b\n1,2\n", name) == expected


@pytest.mark.parametrize(
    "head",
    [
        b"Subject: x\n\ny",
        b"From a@b Mon\nTo: c\n\ny",
        b"X-Mailer: y\n",
        b"To: c\nno field\nCc: d\n",
    ],
)
def test_a_file_that_is_called_a_mail_needs_less_of_a_head(head: bytes) -> None:
    assert sniff(head, "saved.eml") == media_types.EML
    assert sniff(head, "page.mht") == media_types.EML
    assert sniff(head, "notes.txt") == media_types.PLAIN


def test_markdown_may_begin_with_html() -> None:
    assert sniff(b'<h1 align="center">Ilios</h1>\n\nText', "README.md") == media_types.MARKDOWN


@pytest.mark.parametrize(
    ("main_type", "expected"),
    [
        ("application/vnd.ms-word.document.macroEnabled", media_types.DOCX),
        ("application/vnd.ms-word.template.macroEnabledTemplate", media_types.DOCX),
        (f"{OOXML}wordprocessingml.template", media_types.DOCX),
        ("application/vnd.ms-powerpoint.presentation.macroEnabled", media_types.PPTX),
        ("application/vnd.ms-powerpoint.slideshow.macroEnabled", media_types.PPTX),
        ("application/vnd.ms-powerpoint.template.macroEnabled", media_types.PPTX),
        (f"{OOXML}presentationml.slideshow", media_types.PPTX),
        (f"{OOXML}presentationml.template", media_types.PPTX),
        ("application/vnd.ms-excel.sheet.macroEnabled", media_types.XLSX),
        ("application/vnd.ms-excel.template.macroEnabled", media_types.XLSX),
        (f"{OOXML}spreadsheetml.template", media_types.XLSX),
    ],
)
def test_templates_shows_and_files_with_macros_are_of_their_base_type(
    main_type: str, expected: str
) -> None:
    assert sniff(ooxml(f"{main_type}.main+xml")) == expected


@pytest.mark.parametrize("kind", ["text-template", "text-master", "text-web"])
def test_open_document_templates_and_masters_are_texts(kind: str) -> None:
    declared = f"application/vnd.oasis.opendocument.{kind}".encode()

    assert sniff(zipped({"mimetype": declared, "content.xml": b"<x/>"})) == media_types.ODT


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("application/vnd.ms-word.document.macroEnabled.12", media_types.DOCX),
        ("application/vnd.ms-word.template.macroEnabled.12", media_types.DOCX),
        ("application/vnd.ms-excel.sheet.macroenabled.12", media_types.XLSX),
        ("application/vnd.ms-powerpoint.slideshow.macroEnabled.12", media_types.PPTX),
        ("text/tab-separated-values", media_types.CSV),
        ("application/pdf", media_types.PDF),
        ("video/mp4", "video/mp4"),
    ],
)
def test_what_a_client_calls_a_file_leads_to_an_accepted_type(declared: str, expected: str) -> None:
    assert media_types.base_type(declared) == expected


@pytest.mark.parametrize("name", ["page.md", "page.csv", "page.txt", "page.pdf"])
def test_a_page_of_html_is_html_under_any_name(name: str) -> None:
    assert sniff(b"<!doctype html><title>x</title>", name) == media_types.HTML


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        pytest.param(zipped({"a.pdf": PDF}), "ZIP", id="ZIP"),
        pytest.param(zipped({"a.pdf": PDF}, 0), "ZIP", id="ZIP of an open PDF"),
        pytest.param(zipped({"word/a.txt": b"x"}), "ZIP", id="ZIP with a word folder"),
        pytest.param(zipped({}), "ZIP", id="empty ZIP"),
        pytest.param(b"PK\x03\x04", "ZIP", id="a ZIP's first bytes"),
        pytest.param(zipped({"mimetype": b"<b>mine</b>"}), "ZIP", id="odd mimetype"),
        pytest.param(b"\x1f\x8b\x08\0" + bytes(10), "gzip", id="gzip"),
        pytest.param(bz2.compress(PDF), "bzip2", id="bzip2"),
        pytest.param(lzma.compress(PDF), "xz", id="xz"),
        pytest.param(bytes(257) + b"ustar\0" + PDF, "TAR", id="tar of a PDF"),
        pytest.param(bytes(257) + b"ustar  \0" + PDF, "TAR", id="tar of GNU"),
    ],
)
def test_an_archive_of_documents_is_named_and_sent_elsewhere(content: bytes, kind: str) -> None:
    for name in ("upload", "report.pdf", "notes.txt"):
        with pytest.raises(ArchiveGiven, match=f"a {kind} archive") as refused:
            sniff(content, name)
        assert "/v1/batch/submit" in refused.value.detail


@pytest.mark.parametrize("text", [b"BZh is no archive", b"a" * 257 + b"ustart is a word"])
def test_a_text_that_looks_like_an_archive_is_a_text(text: bytes) -> None:
    assert sniff(text, "notes.txt") == media_types.PLAIN


@pytest.mark.parametrize(
    ("content", "found"),
    [
        pytest.param(
            ooxml("application/vnd.ms-excel.sheet.binary.macroEnabled.main"),
            "application/vnd.ms-excel.sheet.binary.macroEnabled",
            id="XLSB",
        ),
        pytest.param(ole("Anything"), "an OLE compound file", id="other OLE"),
        pytest.param(ole()[:100], "an OLE compound file", id="broken OLE"),
        pytest.param(b"<svg xmlns='x'/>", "an SVG drawing", id="SVG"),
        pytest.param(
            b'<?xml version="1.0"?><!DOCTYPE svg PUBLIC ""><svg>', "an SVG drawing", id="SVG, XML"
        ),
        pytest.param(b"%!PS-Adobe-3.0\n", "PostScript", id="PostScript"),
        pytest.param(b"MZ\x90\0\x03\0\0\0", "application/x-msdownload", id="Windows program"),
        pytest.param(b"\x7fELF\x02\x01\x01\0" + bytes(60), "x-executable", id="Linux program"),
        pytest.param(b"\0\x01\x02\x03", "binary", id="binary"),
        pytest.param(b"text\0text", "binary", id="text with a NUL"),
        pytest.param(b"a" * 70_000 + b"\0", "binary", id="text with a binary end"),
        pytest.param(b"\xff\xfea", "binary", id="half a letter of UTF-16"),
        pytest.param(b"caf\x81\x01", "binary", id="controls amid letters of no encoding"),
        pytest.param(struct.pack("<200I", *range(200)), "binary", id="numbers of four bytes"),
        pytest.param(struct.pack("<200H", *range(0, 60000, 300)), "binary", id="of two bytes"),
        pytest.param(bytes(1030) + PDF, "binary", id="PDF too far behind"),
    ],
)
def test_an_unsupported_type_is_refused_by_name(content: bytes, found: str) -> None:
    for name in ("upload", "report.pdf", "notes.txt"):
        with pytest.raises(UnsupportedType) as refused:
            sniff(content, name)
        assert found in refused.value.detail
        assert "Accepted are PDF" in refused.value.detail


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.docx", media_types.DOCX),
        ("a.PPTX", media_types.PPTX),
        ("a.xlsx", media_types.XLSX),
        ("a.xlsm", media_types.XLSX),
        ("a.dotx", media_types.DOCX),
    ],
)
def test_an_encrypted_office_file_is_taken_by_its_name(name: str, expected: str) -> None:
    encrypted = ole("DataSpaces", "Version", "EncryptionInfo", "More", "EncryptedPackage")

    assert sniff(encrypted, name) == expected
    with pytest.raises(UnsupportedType, match="an encrypted Office document"):
        sniff(encrypted, "a.bin")


def test_an_empty_file_is_empty() -> None:
    with pytest.raises(EmptyFile):
        sniff(b"")


def test_the_position_of_the_file_does_not_matter() -> None:
    file = io.BytesIO(PDF)
    file.seek(20)

    assert media_types.sniff(file, "upload") == media_types.PDF


class CountingFile(io.BytesIO):
    """Counts the bytes that are read from it."""

    bytes_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(size)
        self.bytes_read += len(block)
        return block


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(PDF + bytes(8 * MIB), id="PDF"),
        pytest.param(b"a" * (8 * MIB), id="text"),
        pytest.param(zipped({"mimetype": b"x", "big": bytes(8 * MIB)}, 0), id="ZIP"),
        pytest.param(ole("Anything") + bytes(8 * MIB), id="OLE"),
    ],
)
def test_of_a_large_file_little_is_read(content: bytes) -> None:
    file = CountingFile(content)

    outcome(file)

    assert file.bytes_read < 256 * 1024


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("name", ["mimetype", "[Content_Types].xml"])
def test_a_zip_bomb_is_not_unpacked(name: str, method: int) -> None:
    bomb = io.BytesIO(zipped({name: bytes(16 * MIB)}, method))

    assert peak_bytes_of_sniffing(bomb) < 8 * MIB


def test_a_directory_of_a_million_entries_is_not_read() -> None:
    entry = struct.pack("<4s4B4H3L5H2L", b"PK\1\2", *[0] * 11, 1, *[0] * 6) + b"a"
    directory = entry * 1_000_000
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, len(directory), 4, 0)
    archive = io.BytesIO(b"PK\3\4" + directory + end)

    assert peak_bytes_of_sniffing(archive) < 8 * MIB


def test_a_cyclic_directory_chain_is_followed_once() -> None:
    looping = bytearray(ole("Anything"))
    struct.pack_into("<I", looping, 512 + 4 * 1, 1)

    with pytest.raises(UnsupportedType):
        sniff(bytes(looping))


def test_nested_frames_do_not_exhaust_the_stack() -> None:
    with pytest.raises(UnsupportedType):
        sniff(struct.pack("<II", 0x184D2A50, 0) * 8192)


def test_unclosed_markup_takes_no_time() -> None:
    assert sniff(b"<!--" * 16_000) == media_types.PLAIN
    assert sniff(b"<?" * 32_000) == media_types.PLAIN
    assert sniff(b'{"' + b"\\" * 65_000) == media_types.PLAIN
    assert sniff(b"[ " * 32_000) == media_types.PLAIN


@given(st.sampled_from([PDF, DOCX, EPUB, ole("EncryptedPackage"), XHTML, PNG]), st.data())
def test_a_damaged_file_has_a_type_or_is_refused(content: bytes, data: st.DataObject) -> None:
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(damaged) - 1))
        damaged[start : start + 4] = data.draw(st.binary(min_size=4, max_size=4))

    assert outcome(io.BytesIO(damaged[: data.draw(st.integers(0, len(damaged)))]))


@given(st.binary(max_size=300), st.text(max_size=20))
def test_any_bytes_have_a_type_or_are_refused(content: bytes, name: str) -> None:
    assert outcome(io.BytesIO(content), name)


def outcome(file: BinaryIO, name: str = "upload.docx") -> bool:
    try:
        return media_types.sniff(file, name) in media_types.EXTENSIONS
    except RequestError as refused:
        return bool(refused.detail)


def peak_bytes_of_sniffing(file: BinaryIO) -> int:
    tracemalloc.start()
    try:
        outcome(file)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"MZ\x90\0" + b"\1" * 300, id="a program of DOS or Windows"),
        pytest.param(b"\x7fELF\1\1" + b"\1" * 300, id="a program of Linux"),
        pytest.param(b"\xcf\xfa\xed\xfe" + b"\1" * 300, id="a program of macOS"),
        pytest.param(b"\xca\xfe\xba\xbe" + b"\1" * 300, id="a class of Java"),
    ],
)
def test_a_program_is_no_text_whose_bytes_look_like_wide_characters(content: bytes) -> None:
    with pytest.raises(UnsupportedType):
        media_types.sniff(io.BytesIO(content), "program")
