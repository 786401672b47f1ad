"""Office files and e-books with just the parts that tell a service what they are."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OPEN = "urn:oasis:names:tc:opendocument:xmlns"


def deck(paragraphs: str) -> bytes:
    """Return a presentation of one slide."""
    names = (
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
        'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
        f'xmlns:r="{OFFICE}"'
    )
    return archive(
        {
            "[Content_Types].xml": _content_types(
                "/ppt/show.xml",
                "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml",
            ),
            "_rels/.rels": _relations(main=("officeDocument", "ppt/show.xml")),
            "ppt/show.xml": f'<p:presentation {names}><p:sldIdLst><p:sldId id="256" r:id="s"/>'
            "</p:sldIdLst></p:presentation>",
            "ppt/_rels/show.xml.rels": _relations(s=("slide", "slide.xml")),
            "ppt/slide.xml": f"<p:sld {names}><p:cSld><p:spTree><p:sp><p:nvSpPr><p:cNvPr/>"
            f"<p:nvPr/></p:nvSpPr><p:spPr/><p:txBody>{paragraphs}</p:txBody></p:sp></p:spTree>"
            "</p:cSld></p:sld>",
        }
    )


def docx(body: str, parts: Mapping[str, str] | None = None) -> bytes:
    """Return a Word document."""
    return archive(
        {
            "[Content_Types].xml": _content_types(
                "/word/document.xml",
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
            ),
            "_rels/.rels": _relations(main=("officeDocument", "word/document.xml")),
            "word/document.xml": f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body>'
            "</w:document>",
            "word/_rels/document.xml.rels": _relations(notes=("footnotes", "footnotes.xml")),
            **(parts or {}),
        }
    )


def workbook(content: str, number_format: str = "0") -> bytes:
    """Return a workbook of one sheet, and a number format that its cells may use."""
    return archive(
        {
            "[Content_Types].xml": _content_types(
                "/xl/workbook.xml",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
            ),
            "_rels/.rels": _relations(main=("officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheets>'
            '<sheet name="S" sheetId="1" r:id="s"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": _relations(
                s=("worksheet", "s.xml"), t=("styles", "styles.xml")
            ),
            "xl/styles.xml": f'<styleSheet xmlns="{SHEET}"><numFmts><numFmt numFmtId="164" '
            f"formatCode='{number_format}'/></numFmts><cellXfs><xf numFmtId=\"164\"/></cellXfs>"
            "</styleSheet>",
            "xl/s.xml": f'<worksheet xmlns="{SHEET}">{content}</worksheet>',
        }
    )


def odt(body: str) -> bytes:
    """Return an OpenDocument text."""
    media_type = "application/vnd.oasis.opendocument.text"
    return archive(
        {
            "mimetype": media_type,
            "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{OPEN}:manifest:1.0">'
            '<manifest:file-entry manifest:full-path="/" '
            f'manifest:media-type="{media_type}"/></manifest:manifest>',
            "content.xml": f'<office:document-content xmlns:office="{OPEN}:office:1.0" '
            f'xmlns:text="{OPEN}:text:1.0" xmlns:table="{OPEN}:table:1.0"><office:body>'
            f"<office:text>{body}</office:text></office:body></office:document-content>",
        }
    )


def _content_types(part: str, kind: str) -> str:
    return (
        f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" '
        f'ContentType="application/xml"/><Override PartName="{part}" ContentType="{kind}"/></Types>'
    )


def _relations(**targets: tuple[str, str]) -> str:
    listed = "".join(
        f'<Relationship Id="{name}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for name, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{listed}</Relationships>'


def archive(parts: Mapping[str, str]) -> bytes:
    """Return a ZIP file of these parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in parts.items():
            stored = zipfile.ZIP_STORED if name == "mimetype" else None
            written.writestr(name, content, stored)
    return buffer.getvalue()
