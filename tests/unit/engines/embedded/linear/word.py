"""Word documents that grow."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

from ilios.engines.detection import media_types
from tests.support import old_office, sample_files
from tests.support.sample_files import docx
from tests.unit.engines.embedded.linear.growth import MARKS, Case, lines, numbers

_W: Final = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)


def word_signs(n: int) -> bytes:
    return docx("".join(sample_files.word_paragraph(escape(line)) for line in lines(n)))


def word_runs(n: int) -> bytes:
    run = "<w:r><w:rPr><w:b/></w:rPr><w:t>a[</w:t></w:r><w:r><w:t>](</w:t></w:r>"
    return docx(f"<w:p>{run * n}</w:p>" + "<w:p/>" * n)


def word_notes(n: int) -> bytes:
    """Return a book with a note, an endnote and a comment for every paragraph."""
    text = numbers(
        n,
        "<w:p><w:r><w:t>text t@</w:t></w:r>"
        '<w:r><w:footnoteReference w:id="@"/></w:r><w:r><w:endnoteReference w:id="@"/></w:r>'
        '<w:r><w:commentReference w:id="@"/></w:r></w:p>',
    )
    parts = {
        f"word/{kind}s.xml": f"<w:{kind}s {_W}>"
        + numbers(n, f'<w:{kind} w:id="@"><w:p><w:r><w:t>note n@</w:t></w:r></w:p></w:{kind}>')
        + f"</w:{kind}s>"
        for kind in ("footnote", "endnote", "comment")
    }
    return docx(
        text,
        **{name.replace("/", "__").replace(".", "_dot_"): part for name, part in parts.items()},
    )


def word_fields(n: int) -> bytes:
    field = (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>HYPERLINK "http://a/@"'
        '</w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r>'
        "<w:r><w:t>a@</w:t></w:r>"
        '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )
    formula = (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>EQ '
        + "\\a" * n
        + '</w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )
    marks = numbers(n, '<w:bookmarkStart w:id="@" w:name="b@"/><w:bookmarkEnd w:id="@"/>')
    return docx(f"<w:p>{numbers(n, field)}{marks}</w:p><w:p>{formula}</w:p>")


def word_styles(n: int) -> bytes:
    """Return many styles, of a list with many levels, each based on the one before."""
    styles = numbers(
        n,
        '<w:style w:type="paragraph" w:styleId="s@"><w:name w:val="List Bullet   x"/>'
        '<w:basedOn w:val="s0"/></w:style>',
    ).replace(
        '<w:basedOn w:val="s0"/>',
        '<w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr><w:basedOn w:val="s1"/>',
        1,
    )
    levels = numbers(n, '<w:lvl w:ilvl="@"><w:start w:val="1"/></w:lvl>')
    numbering = (
        f'<w:numbering {_W}><w:abstractNum w:abstractNumId="0">{levels}</w:abstractNum>'
        + '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
        + numbers(n, '<w:num w:numId="1@"><w:abstractNumId w:val="0"/></w:num>')
        + "</w:numbering>"
    )
    body = numbers(n, '<w:p><w:pPr><w:pStyle w:val="s@"/></w:pPr><w:r><w:t>a</w:t></w:r></w:p>')
    again = '<w:p><w:pPr><w:pStyle w:val="s0"/></w:pPr><w:r><w:t>a</w:t></w:r></w:p>' * n
    return docx(
        body + again,
        word__styles_dot_xml=f"<w:styles {_W}>{styles}</w:styles>",
        word__numbering_dot_xml=numbering,
    )


def word_tables(n: int) -> bytes:
    cell = "<w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc>"
    merged = '<w:tc><w:tcPr><w:gridSpan w:val="3"/><w:vMerge/></w:tcPr><w:p/></w:tc>'
    rows = f"<w:tr>{cell}{merged}{cell}</w:tr>" * n
    nested = (
        f"<w:tbl><w:tr><w:tc>{'<w:tbl><w:tr>' + cell * 2 + '</w:tr></w:tbl>'}</w:tc></w:tr></w:tbl>"
    )
    return docx(f"<w:tbl>{rows}</w:tbl>" + nested * n)


def word_long_link(n: int) -> bytes:
    """Return a link with a long address, whose text is in many runs."""
    run = "<w:r><w:rPr><w:b/></w:rPr><w:t>a</w:t></w:r><w:r><w:t>b</w:t></w:r>"
    parts = {
        "word___rels__document_dot_xml_dot_rels": (
            f'<Relationships xmlns="{sample_files.RELATIONS}"><Relationship Id="r1" '
            f'TargetMode="External" Target="http://a/{"b" * 40 * n}"/></Relationships>'
        )
    }
    return docx(f'<w:p><w:hyperlink r:id="r1">{run * n}</w:hyperlink></w:p>', **parts)


def word_drawings(n: int) -> bytes:
    picture = '<w:r><w:drawing><a:blip r:embed="r1"/></w:drawing></w:r>'
    box = (
        "<w:r><w:drawing><w:txbxContent><w:p><w:r><w:t>a</w:t></w:r></w:p></w:txbxContent>"
        "</w:drawing></w:r>"
    )
    return docx(
        f"<w:p>{picture * n}</w:p>" + f"<w:p>{box}</w:p>" * n,
        word___rels__document_dot_xml_dot_rels=sample_files.relations(r1="media/a.png"),
        word__media__a_dot_png=sample_files.encoded(sample_files.noise(40, 40), "PNG"),
    )


def word_formulas(n: int) -> bytes:
    math = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
    run = "<m:r><m:t>a</m:t></m:r>"
    fraction = f"<m:f><m:num>{run}</m:num><m:den>{run}</m:den></m:f>"
    deep = "<m:e>" * 50 + run * n + "</m:e>" * 50
    return docx(
        f"<w:p><m:oMath {math}>{fraction * n}</m:oMath></w:p>"
        f"<w:p><m:oMath {math}><m:r><m:t>{'a' + MARKS * n}</m:t></m:r>{deep}</m:oMath></w:p>"
        + f"<w:p><m:oMath {math}>{run}</m:oMath><w:r><w:t>b</w:t></w:r></w:p>"
        * n
    )


def old_word_pieces(n: int) -> bytes:
    return old_office.word([f"{number} [a](b)" for number in range(n)])


CASES: Final = (
    Case("old-word-pieces", media_types.DOC, old_word_pieces, 500),
    Case("word-signs", media_types.DOCX, word_signs, 2_000),
    Case("word-runs", media_types.DOCX, word_runs, 400),
    Case("word-notes", media_types.DOCX, word_notes, 200),
    Case("word-fields", media_types.DOCX, word_fields, 400),
    Case("word-styles", media_types.DOCX, word_styles, 300),
    Case("word-tables", media_types.DOCX, word_tables, 200),
    Case("word-long-link", media_types.DOCX, word_long_link, 400),
    Case("word-drawings", media_types.DOCX, word_drawings, 300),
    Case("word-formulas", media_types.DOCX, word_formulas, 200),
)
