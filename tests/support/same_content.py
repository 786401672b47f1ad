"""The same content as a file of every format: paragraphs, lists, a table, a heading."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from ilios.engines.detection import media_types
from tests.support.sample_files import archive, docx

OASIS = "urn:oasis:names:tc:opendocument:xmlns"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
LINK = "https://example.com/a_b"
SQUARE_ROOT = "√"


@dataclass(frozen=True, slots=True)
class Run:
    """Text in one look: "", "bold", "sup", "sub", "link", "hidden" or "symbol".

    The text of "symbol" is one letter of the font Symbol; a line break in a text is one of the
    line.
    """

    text: str
    look: str = ""


Paragraph = Sequence[Run]


@dataclass(frozen=True, slots=True)
class Content:
    """What a document holds, from above to below; every part may be missing."""

    heading: str = ""
    paragraphs: Sequence[Paragraph] = ()
    letters: Sequence[str] = ()  #: items labelled a), b) …
    root_of: str = ""  #: a letter below the sign of a square root, in a paragraph of its own
    table: Sequence[Sequence[str]] = ()


def word(content: Content) -> bytes:
    parts = [_word_paragraph([Run(content.heading)], '<w:outlineLvl w:val="0"/>')]
    parts = parts if content.heading else []
    parts += [_word_paragraph(paragraph) for paragraph in content.paragraphs]
    numbered = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>'
    parts += [_word_paragraph([Run(text)], numbered) for text in content.letters]
    if content.root_of:
        parts.append(f"<w:p>{_omml(content.root_of)}</w:p>")
    if content.table:
        rows = (
            "".join(f"<w:tc>{_word_paragraph([Run(cell)])}</w:tc>" for cell in row)
            for row in content.table
        )
        parts.append(f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>")
    numbering = (
        f'<w:numbering xmlns:w="{WORD}"><w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0">'
        '<w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1)"/></w:lvl>'
        '</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num></w:numbering>'
    )
    return docx(
        "".join(parts),
        word__numbering_dot_xml=numbering,
        word___rels__document_dot_xml_dot_rels=_relation("hyperlink", LINK, "External"),
    )


def _word_paragraph(runs: Paragraph, properties: str = "") -> str:
    looks = {
        "bold": "<w:b/>",
        "hidden": "<w:vanish/>",
        "sup": '<w:vertAlign w:val="superscript"/>',
        "sub": '<w:vertAlign w:val="subscript"/>',
    }
    written = f"<w:pPr>{properties}</w:pPr>"
    for run in runs:
        text = f'<w:t xml:space="preserve">{escape(run.text)}</w:t>'
        text = text.replace("\n", '</w:t><w:br/><w:t xml:space="preserve">')
        if run.look == "symbol":
            text = f'<w:sym w:font="Symbol" w:char="F0{ord(run.text):02X}"/>'
        made = f"<w:r><w:rPr>{looks.get(run.look, '')}</w:rPr>{text}</w:r>"
        is_link = run.look == "link"
        written += f'<w:hyperlink r:id="r1">{made}</w:hyperlink>' if is_link else made
    return f"<w:p>{written}</w:p>"


def _omml(letter: str) -> str:
    space = f'xmlns:m="{OFFICE}/math"'
    radicand = f"<m:e><m:r><m:t>{letter}</m:t></m:r></m:e>"
    hidden = '<m:radPr><m:degHide m:val="1"/></m:radPr><m:deg/>'
    return f"<m:oMath {space}><m:rad>{hidden}{radicand}</m:rad></m:oMath>"


def _relation(kind: str, target: str, mode: str = "Internal") -> str:
    return (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{OFFICE}/relationships/{kind}" Target="{target}" '
        f'TargetMode="{mode}"/></Relationships>'
    )


def opendocument(content: Content) -> bytes:
    body = ""
    if content.heading:
        body += f'<text:h text:outline-level="1">{_odf_text(content.heading)}</text:h>'
    body += "".join(f"<text:p>{_odf_runs(runs)}</text:p>" for runs in content.paragraphs)
    if content.letters:
        items = (
            f"<text:list-item><text:p>{_odf_text(t)}</text:p></text:list-item>"
            for t in content.letters
        )
        body += f'<text:list text:style-name="L">{"".join(items)}</text:list>'
    if content.root_of:
        body += f"<text:p><draw:frame><draw:object>{mathml(content.root_of)}</draw:object>"
        body += "</draw:frame></text:p>"
    if content.table:
        rows = (
            "".join(
                f"<table:table-cell><text:p>{_odf_text(cell)}</text:p></table:table-cell>"
                for cell in row
            )
            for row in content.table
        )
        written = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
        body += f"<table:table>{written}</table:table>"
    return archive({"content.xml": _ODF.replace("BODY", body)})


_ODF = (
    "<office:document-content "
    + " ".join(
        f'xmlns:{name}="{OASIS}:{space}:1.0"'
        for name, space in {
            "office": "office", "text": "text", "table": "table", "draw": "drawing",
            "style": "style", "fo": "xsl-fo-compatible",
        }.items()
    )
    + ' xmlns:xlink="http://www.w3.org/1999/xlink"><office:font-face-decls><style:font-face '
    'style:name="Symbol" style:font-charset="x-symbol"/></office:font-face-decls>'
    "<office:automatic-styles>"
    '<style:style style:name="bold" style:family="text">'
    '<style:text-properties fo:font-weight="bold"/></style:style>'
    '<style:style style:name="sup" style:family="text">'
    '<style:text-properties style:text-position="super 58%"/></style:style>'
    '<style:style style:name="sub" style:family="text">'
    '<style:text-properties style:text-position="sub 58%"/></style:style>'
    '<style:style style:name="hidden" style:family="text">'
    '<style:text-properties text:display="none"/></style:style>'
    '<style:style style:name="symbol" style:family="text">'
    '<style:text-properties style:font-name="Symbol"/></style:style>'
    '<text:list-style style:name="L"><text:list-level-style-number text:level="1" '
    'style:num-format="a" style:num-suffix=")"/></text:list-style>'
    "</office:automatic-styles><office:body><office:text>BODY</office:text></office:body>"
    "</office:document-content>"
)  # fmt: skip


def _odf_runs(runs: Paragraph) -> str:
    written = ""
    for run in runs:
        text = f"&#xF0{ord(run.text):02X};" if run.look == "symbol" else _odf_text(run.text)
        if run.look == "link":
            written += f'<text:a xlink:href="{LINK}">{text}</text:a>'
        elif run.look:
            written += f'<text:span text:style-name="{run.look}">{text}</text:span>'
        else:
            written += text
    return written


def _odf_text(text: str) -> str:
    return escape(text).replace("\n", "<text:line-break/>")


def mathml(letter: str) -> str:
    root = f"<msqrt><mi>{letter}</mi></msqrt>"
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML">{root}</math>'


def rtf(content: Content) -> bytes:
    body = ""
    if content.heading:
        body += f"\\pard\\outlinelevel0 {_rtf_text(content.heading)}\\par\n"
    for runs in content.paragraphs:
        body += f"\\pard {''.join(map(_rtf_run, runs))}\\par\n"
    for number, text in enumerate(content.letters):
        label = f"{{\\listtext {chr(ord('a') + number)})\\tab}}"
        body += f"\\pard\\ls1 {label}{_rtf_text(text)}\\par\n"
    for row in content.table:
        cells = "".join(f"\\pard\\intbl {_rtf_text(cell)}\\cell" for cell in row)
        places = "".join(f"\\cellx{1000 * n}" for n in range(1, len(row) + 1))
        body += f"\\trowd{places}{cells}\\row\n"
    fonts = "{\\fonttbl{\\f0 Arial;}{\\f1\\fcharset2 Symbol;}}"
    return f"{{\\rtf1\\ansi\\ansicpg1252\\deff0{fonts}\n{body}}}".encode("ascii")


def _rtf_run(run: Run) -> str:
    text = _rtf_text(run.text)
    if run.look == "link":
        return f'{{\\field{{\\*\\fldinst HYPERLINK "{LINK}"}}{{\\fldrslt {text}}}}}'
    words = {"bold": "b", "sup": "super", "sub": "sub", "hidden": "v", "symbol": "f1"}
    return f"{{\\{words[run.look]} {text}}}" if run.look else text


def _rtf_text(text: str) -> str:
    written = ""
    for character in text:
        if character == "\n":
            written += "\\line "
        elif character in "\\{}":
            written += f"\\{character}"
        elif character.isascii():
            written += character
        else:
            units = character.encode("utf-16-le")
            for n in range(0, len(units), 2):
                unit = int.from_bytes(units[n : n + 2], "little", signed=True)
                written += f"\\u{unit}?"
    return written


def html(content: Content) -> bytes:
    return f"<!DOCTYPE html><meta charset=utf-8><body>{_html_body(content)}</body>".encode()


def _html_body(content: Content) -> str:
    body = f"<h1>{escape(content.heading)}</h1>" if content.heading else ""
    body += "".join(f"<p>{''.join(map(_html_run, runs))}</p>" for runs in content.paragraphs)
    if content.letters:
        # What HTML labels "a." is not what a document labels "a)".
        body += "".join(
            f"<ul><li>{chr(ord('a') + n)}) {_html_text(text)}</li></ul>"
            for n, text in enumerate(content.letters)
        ).replace("</ul><ul>", "")
    if content.root_of:
        body += f"<p>{mathml(content.root_of)}</p>"
    if content.table:
        rows = ("".join(f"<td>{_html_text(cell)}</td>" for cell in row) for row in content.table)
        body += f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
    return body


def _html_run(run: Run) -> str:
    text = _html_text(run.text)
    if run.look == "link":
        return f'<a href="{LINK}">{text}</a>'
    tags = {"bold": "b", "sup": "sup", "sub": "sub"}
    if run.look in tags:
        return f"<{tags[run.look]}>{text}</{tags[run.look]}>"
    return f"<span hidden=''>{text}</span>" if run.look == "hidden" else text


def _html_text(text: str) -> str:
    return escape(text).replace("\n", "<br/>")


def epub(content: Content) -> bytes:
    page = f'<html xmlns="http://www.w3.org/1999/xhtml"><body>{_html_body(content)}</body></html>'
    opf = (
        '<package><manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/>'
        '</manifest><spine><itemref idref="a"/></spine></package>'
    )
    container = '<container><rootfiles><rootfile full-path="b.opf"/></rootfiles></container>'
    return archive({"META-INF/container.xml": container, "b.opf": opf, "a.xhtml": page})


def presentation(content: Content) -> bytes:
    spaces = (
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
        'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
        f'xmlns:r="{OFFICE}/relationships" '
        'xmlns:a14="http://schemas.microsoft.com/office/drawing/2010/main"'
    )
    letters = '<a:pPr><a:buAutoNum type="alphaLcParenR"/></a:pPr>'
    body = "".join(f"<a:p>{''.join(map(_slide_run, runs))}</a:p>" for runs in content.paragraphs)
    body += "".join(f"<a:p>{letters}{_slide_run(Run(t))}</a:p>" for t in content.letters)
    if content.root_of:
        body += f"<a:p><a14:m>{_omml(content.root_of)}</a14:m></a:p>"
    shapes = _shape(f"<a:p>{_slide_run(Run(content.heading))}</a:p>", "title", 0)
    shapes = (shapes if content.heading else "") + _shape(body, "", 1000)
    if content.table:
        rows = (
            "".join(
                f"<a:tc><a:txBody><a:p>{_slide_run(Run(cell))}</a:p></a:txBody></a:tc>"
                for cell in row
            )
            for row in content.table
        )
        made = "".join(f"<a:tr>{row}</a:tr>" for row in rows)
        place = '<p:xfrm><a:off x="0" y="9000000"/></p:xfrm>'
        shapes += f"<p:graphicFrame>{place}<a:tbl>{made}</a:tbl></p:graphicFrame>"
    slide = f"<p:sld {spaces}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
    listed = '<p:sldIdLst><p:sldId id="256" r:id="r1"/></p:sldIdLst>'
    return archive(
        {
            "_rels/.rels": _relation("officeDocument", "ppt/show.xml"),
            "ppt/show.xml": f"<p:presentation {spaces}>{listed}</p:presentation>",
            "ppt/_rels/show.xml.rels": _relation("slide", "slides/a.xml"),
            "ppt/slides/a.xml": slide,
            "ppt/slides/_rels/a.xml.rels": _relation("hyperlink", LINK, "External"),
        }
    )


def _shape(body: str, kind: str, top: int) -> str:
    mark = f'<p:ph type="{kind}"/>' if kind else ""
    place = f'<a:xfrm><a:off x="0" y="{top}"/></a:xfrm>'
    return (
        f"<p:sp><p:nvSpPr><p:cNvPr/><p:nvPr>{mark}</p:nvPr></p:nvSpPr><p:spPr>{place}</p:spPr>"
        f"<p:txBody>{body}</p:txBody></p:sp>"
    )


def _slide_run(run: Run) -> str:
    looks = {"bold": " b='1'", "sup": " baseline='30000'", "sub": " baseline='-25000'"}
    inner = '<a:hlinkClick r:id="r1"/>' if run.look == "link" else ""
    inner += '<a:latin typeface="Symbol"/>' if run.look == "symbol" else ""
    properties = f"<a:rPr{looks.get(run.look, '')}>{inner}</a:rPr>"
    return "<a:br/>".join(
        f"<a:r>{properties}<a:t>{escape(line)}</a:t></a:r>" for line in run.text.split("\n")
    )


def workbook(content: Content) -> bytes:
    """Return a workbook; paragraphs are rows of one cell, what a sheet cannot say is left out."""
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rows = [[_cell_runs(runs)] for runs in content.paragraphs]
    rows += [[_cell_runs([Run(cell)]) for cell in row] for row in content.table]
    data = ""
    for number, row in enumerate(rows, start=1):
        cells = "".join(
            f'<c r="{chr(65 + n)}{number}" t="inlineStr"><is>{cell}</is></c>'
            for n, cell in enumerate(row)
        )
        data += f'<row r="{number}">{cells}</row>'
    sheet = '<sheet name="S" sheetId="1" r:id="r1"/>'
    return archive(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": _relation("officeDocument", "xl/workbook.xml"),
            "xl/workbook.xml": f'<workbook xmlns="{space}" xmlns:r="{OFFICE}/relationships">'
            f"<sheets>{sheet}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": _relation("worksheet", "sheet1.xml"),
            "xl/sheet1.xml": f'<worksheet xmlns="{space}"><sheetData>{data}</sheetData>'
            "</worksheet>",
        }
    )


def _cell_runs(runs: Paragraph) -> str:
    places = {"sup": "superscript", "sub": "subscript"}
    written = ""
    for run in runs:
        place = places.get(run.look)
        raised = f'<vertAlign val="{place}"/>' if place else ""
        text = f'<t xml:space="preserve">{escape(run.text)}</t>'
        written += f"<r><rPr>{raised}</rPr>{text}</r>"
    return written


FORMATS: Mapping[str, Callable[[Content], bytes]] = {
    media_types.DOCX: word,
    media_types.ODT: opendocument,
    media_types.RTF: rtf,
    media_types.HTML: html,
    media_types.EPUB: epub,
    media_types.PPTX: presentation,
    media_types.XLSX: workbook,
}
