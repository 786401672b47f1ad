"""What a Word document shows beside its plain paragraphs."""

from __future__ import annotations

import base64

import pytest

from ilios.core.conversion_errors import EmptyDocument
from ilios.engines.detection import media_types
from tests.support.sample_files import docx, encoded, noise, relations, word_paragraph
from tests.unit.engines.embedded.conftest import Convert, Converted

NAMESPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
)
RELS = "word___rels__document_dot_xml_dot_rels"


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def part(name: str, content: str) -> str:
    return f"<w:{name} {NAMESPACES}>{content}</w:{name}>"


def shown(convert: Convert, body: str, **parts: str | bytes) -> Converted:
    return convert(docx(body, **parts), media_types.DOCX)


def test_raised_and_lowered_text_is_told_apart_from_the_text_before_it(convert: Convert) -> None:
    styles = part(
        "styles",
        '<w:style w:type="character" w:styleId="Up"><w:name w:val="Up"/>'
        '<w:rPr><w:vertAlign w:val="superscript"/></w:rPr></w:style>',
    )
    up, down = "<w:rStyle w:val='Up'/>", "<w:vertAlign w:val='subscript'/>"
    body = f"<w:p>{run('5 m')}{run('2', up)}{run(' of CO')}{run('2', down)}</w:p>"

    assert shown(convert, body, word__styles_dot_xml=styles).markdown == "5 m² of CO₂"


def test_signs_of_symbol_fonts_are_those_that_are_seen(convert: Convert) -> None:
    symbol = '<w:rFonts w:ascii="Symbol" w:hAnsi="Symbol"/>'
    body = (
        f"<w:p>{run('p', symbol)}{run(' and ')}{run('&#xF0A3;', symbol)}{run(' ')}"
        '<w:r><w:sym w:font="Wingdings" w:char="F0FC"/></w:r>'
        '<w:r><w:sym w:font="Symbol" w:char="00B0"/></w:r></w:p>'
    )

    assert shown(convert, body).markdown == "π and ≤ ✓°"


def test_the_style_of_a_paragraph_says_what_its_text_shows(convert: Convert) -> None:
    looks = {
        "Greek": '<w:rFonts w:ascii="Symbol" w:hAnsi="Symbol"/>',
        "Gone": "<w:vanish/>",
        "Raised": '<w:vertAlign w:val="superscript"/>',
        "Plain": '<w:rFonts w:ascii="Arial"/><w:b/>',
    }
    styles = part(
        "styles",
        "".join(
            f'<w:style w:type="paragraph" w:styleId="{name}"><w:name w:val="{name}"/>'
            f"<w:rPr>{look}</w:rPr></w:style>"
            for name, look in looks.items()
        ),
    )
    texts = {"Greek": "abg dez", "Gone": "a secret of three words", "Raised": "2", "Plain": "end"}
    body = "".join(word_paragraph(text, style=style) for style, text in texts.items())

    converted = shown(convert, body, word__styles_dot_xml=styles)

    assert converted.markdown == "αβγ δεζ\n\n²\n\nend"
    assert not converted.warnings


def test_text_in_symbol_fonts_is_not_taken_for_lost(convert: Convert) -> None:
    symbol = '<w:rFonts w:ascii="Symbol" w:hAnsi="Symbol"/>'

    converted = shown(convert, f"<w:p>{run('alfa beta gamma delta', symbol)}</w:p>")

    assert converted.markdown == "αλφα βετα γαμμα δελτα"
    assert not converted.warnings


def test_headers_come_once_before_and_footers_once_after_their_section(convert: Convert) -> None:
    number = '<w:p><w:r><w:t>Page </w:t></w:r><w:fldSimple w:instr="PAGE">{}</w:fldSimple></w:p>'
    section = (
        '<w:sectPr><w:headerReference w:type="default" r:id="h"/>'
        '<w:headerReference w:type="first" r:id="f"/>'
        '<w:footerReference w:type="default" r:id="b"/></w:sectPr>'
    )
    body = (
        f"<w:p><w:pPr>{section}</w:pPr>{run('First part')}</w:p>{word_paragraph('Second part')}"
        '<w:sectPr><w:footerReference w:type="default" r:id="c"/></w:sectPr>'
    )
    parts: dict[str, str | bytes] = {
        RELS: relations(h="head.xml", f="first.xml", b="foot.xml", c="last.xml"),
        "word__head_dot_xml": part("hdr", word_paragraph("File 77-B")),
        "word__first_dot_xml": part("hdr", word_paragraph("shown on no page")),
        "word__foot_dot_xml": part(
            "ftr", word_paragraph("Bank 12") + number.format("<w:r><w:t>1</w:t></w:r>")
        ),
        "word__last_dot_xml": part("ftr", word_paragraph("The end")),
    }

    converted = shown(convert, body, **parts)

    assert (
        converted.markdown == "File 77-B\n\nFirst part\n\nBank 12\n\n---\n\nSecond part\n\nThe end"
    )
    assert not converted.warnings


def test_a_header_with_only_the_number_of_the_page_is_no_content(convert: Convert) -> None:
    body = '<w:p/><w:sectPr><w:footerReference w:type="default" r:id="f"/></w:sectPr>'
    number = '<w:p><w:fldSimple w:instr=" PAGE "><w:r><w:t>1</w:t></w:r></w:fldSimple></w:p>'
    parts = {RELS: relations(f="foot.xml"), "word__foot_dot_xml": part("ftr", number)}

    with pytest.raises(EmptyDocument):
        shown(convert, body, **parts)


def test_a_name_beside_the_number_of_the_page_is_kept(convert: Convert) -> None:
    body = f'{word_paragraph("Text")}<w:sectPr><w:headerReference r:id="h"/></w:sectPr>'
    number = '<w:fldSimple w:instr=" PAGE "><w:r><w:t>1</w:t></w:r></w:fldSimple>'
    parts = {
        RELS: relations(h="head.xml"),
        "word__head_dot_xml": part("hdr", f"<w:p>{run('Acme Ltd. ')}{number}</w:p>"),
    }

    assert shown(convert, body, **parts).markdown == "Acme Ltd. 1\n\nText"


def test_a_picture_beside_the_number_of_the_page_is_kept(convert: Convert) -> None:
    body = f'{word_paragraph("Text")}<w:sectPr><w:headerReference r:id="h"/></w:sectPr>'
    number = '<w:fldSimple w:instr=" PAGE "><w:r><w:t>1</w:t></w:r></w:fldSimple>'
    logo = '<w:r><w:drawing><a:blip r:embed="p"/></w:drawing></w:r>'
    parts: dict[str, str | bytes] = {
        RELS: relations(h="head.xml"),
        "word__head_dot_xml": part("hdr", f"<w:p>{logo}{number}</w:p>"),
        "word___rels__head_dot_xml_dot_rels": relations(p="media/logo.png"),
        "word__media__logo_dot_png": encoded(noise(40, 40), "PNG"),
    }

    assert shown(convert, body, **parts).image_names == ["image-logo.png"]


def test_comments_are_notes_that_leave_the_numbers_of_footnotes_alone(convert: Convert) -> None:
    body = (
        f"<w:p>{run('Price')}<w:r><w:commentReference w:id='4'/></w:r>"
        f"{run(' fixed')}<w:r><w:footnoteReference w:id='9'/></w:r></w:p>"
    )
    comments = part(
        "comments",
        f'<w:comment w:id="4" w:author="Kim">{word_paragraph("Ask again")}</w:comment>'
        f'<w:comment w:id="5">{word_paragraph("Stray")}</w:comment><!-- no comment -->',
    )
    footnotes = part("footnotes", f'<w:footnote w:id="9">{word_paragraph("In May")}</w:footnote>')

    converted = shown(
        convert, body, word__comments_dot_xml=comments, word__footnotes_dot_xml=footnotes
    )

    assert converted.markdown.split("\n\n") == [
        "Price[^comment-1] fixed[^1]",
        "[^comment-1]: Comment by Kim: Ask again",
        "[^1]: In May",
        "Comment: Stray",
    ]


def test_links_of_a_note_are_those_of_its_own_part(convert: Convert) -> None:
    body = "<w:p><w:r><w:footnoteReference w:id='1'/></w:r></w:p>"
    link = f'<w:p><w:hyperlink r:id="r1">{run("there")}</w:hyperlink></w:p>'
    target = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="r1" Target="https://{}.example/" TargetMode="External"/></Relationships>'
    )
    converted = shown(
        convert,
        body,
        word__footnotes_dot_xml=part("footnotes", f'<w:footnote w:id="1">{link}</w:footnote>'),
        word___rels__footnotes_dot_xml_dot_rels=target.format("note"),
        word___rels__document_dot_xml_dot_rels=target.format("body"),
    )

    assert "[there](https://note.example/)" in converted.markdown


def test_a_text_box_stands_after_its_paragraph_with_its_own_blocks(convert: Convert) -> None:
    cell = f"<w:tc>{word_paragraph('{}')}</w:tc>"
    table = f"<w:tbl><w:tr>{cell.format('x')}{cell.format('y')}</w:tr></w:tbl>"
    box = f"<w:txbxContent>{word_paragraph('Inside')}{table}</w:txbxContent>"
    old = f"<w:pict>{box.replace('Inside', 'twice')}</w:pict>"
    body = (
        f"<w:p>{run('Before ')}<w:r><w:AlternateContent><w:Choice><w:drawing>{box}</w:drawing>"
        f"</w:Choice><w:Fallback>{old}</w:Fallback></w:AlternateContent></w:r>{run('after')}</w:p>"
    )

    converted = shown(convert, body)

    assert converted.markdown == "Before after\n\nInside\n\n| x | y |\n| --- | --- |"
    assert not converted.warnings


def test_what_only_old_versions_of_word_can_show_is_taken_from_there(convert: Convert) -> None:
    body = (
        "<w:p><w:r><w:AlternateContent><w:Choice><w:drawing/></w:Choice><w:Fallback>"
        f"{run('legible')}</w:Fallback></w:AlternateContent></w:r></w:p>"
        f"<w:AlternateContent><w:Choice/><w:Fallback>{word_paragraph('too')}</w:Fallback>"
        "</w:AlternateContent>"
    )

    assert shown(convert, body).markdown == "legible\n\ntoo"


def test_diagrams_are_lists_nested_as_they_are_drawn(convert: Convert) -> None:
    def point(name: str, text: str) -> str:
        body = f"<w:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p></w:t>" if text else ""
        return f'<w:pt modelId="{name}">{body}</w:pt>'

    def link(parent: str, child: str, order: int) -> str:
        return f'<w:cxn srcId="{parent}" destId="{child}" srcOrd="{order}"/>'

    points = point("0", "") + point("1", "Sow") + point("2", "Reap") + point("3", "Dig")
    links = link("0", "2", 1) + link("0", "1", 0) + link("1", "3", 0)
    body = '<w:p><w:r><w:drawing><w:relIds r:dm="d"/></w:drawing></w:r></w:p>'
    parts: dict[str, str | bytes] = {
        RELS: relations(d="data.xml"),
        "word__data_dot_xml": part("dataModel", points + links),
    }

    assert shown(convert, body, **parts).markdown == "- Sow\n    - Dig\n- Reap"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.html", b"<p>Added <b>text</b></p>"),
        ("note.rtf", b"{\\rtf1 Added {\\b text}\\par}"),
        ("note.txt", b"Added text"),
        (
            "page.mht",
            b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=B\r\n\r\n--B\r\n"
            b"Content-Type: text/html; charset=utf-8\r\n"
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
            b'<p class=3D"x">Added=20text</p>\r\n--B--\r\n',
        ),
        ("inner.docx", docx(word_paragraph("Added text"))),
    ],
)
def test_a_document_inside_the_document_is_part_of_its_text(
    convert: Convert, name: str, content: bytes
) -> None:
    body = f'{word_paragraph("Start")}<w:altChunk r:id="c"/>{word_paragraph("End")}'
    key = f"word__{name.replace('.', '_dot_')}"

    parts: dict[str, str | bytes] = {RELS: relations(c=name), key: content}

    converted = shown(convert, body, **parts)

    assert converted.markdown.replace("**", "") == "Start\n\nAdded text\n\nEnd"
    assert not converted.warnings


def test_an_embedded_document_that_cannot_be_read_is_told(convert: Convert) -> None:
    body = f'{word_paragraph("Start")}<w:altChunk r:id="c"/>'

    converted = shown(convert, body, **{RELS: relations(c="gone.html")})

    assert converted.warnings == [("text_loss", 1)]
    assert "gone.html" in converted.pages[0].warnings[0].message


def test_documents_nested_without_end_are_bounded(convert: Convert) -> None:
    content = docx(word_paragraph("core"))
    for _ in range(5):
        content = docx(
            '<w:altChunk r:id="c"/>' + word_paragraph("layer"),
            word___rels__document_dot_xml_dot_rels=relations(c="in.docx"),
            word__in_dot_docx=content,
        )

    converted = convert(content, media_types.DOCX)

    assert converted.markdown.count("layer") == 3
    assert converted.warnings == [("text_loss", None)]


def test_a_picture_that_is_not_kept_leaves_its_description_and_a_warning(convert: Convert) -> None:
    def drawing(relation: str) -> str:
        return (
            '<w:p><w:r><w:drawing><w:docPr descr="Sales by town"/>'
            f'<a:blip r:embed="{relation}"/></w:drawing></w:r></w:p>'
        )

    parts: dict[str, str | bytes] = {
        RELS: relations(p="media/chart.wmf", q="media/dot.png"),
        "word__media__chart_dot_wmf": b"\xd7\xcd\xc6\x9a" + bytes(60),
        "word__media__dot_dot_png": encoded(noise(4, 4), "PNG"),
    }

    converted = shown(convert, drawing("p") + drawing("q"), **parts)

    assert converted.markdown == "Sales by town"
    assert converted.warnings == [("image_skipped", 1)]
    assert "WMF" in converted.pages[0].warnings[0].message


def test_a_picture_that_stands_elsewhere_keeps_its_address(convert: Convert) -> None:
    body = '<w:p><w:r><w:drawing><a:blip r:link="p"/></w:drawing></w:r></w:p>'
    target = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="p" Target="https://ilios.example/a (1).png" TargetMode="External"/>'
        "</Relationships>"
    )

    assert shown(convert, body, **{RELS: target}).markdown == (
        "![](https://ilios.example/a%20%281%29.png)"
    )


def test_a_note_that_is_referred_to_twice_stands_once(convert: Convert) -> None:
    mark = "<w:r><w:endnoteReference w:id='2'/></w:r>"
    notes = part("endnotes", f'<w:endnote w:id="2">{word_paragraph("So")}</w:endnote>')

    converted = shown(convert, f"<w:p>{run('a')}{mark}{run(' b')}{mark}</w:p>",
                      word__endnotes_dot_xml=notes)  # fmt: skip

    assert converted.markdown == "a[^1] b[^1]\n\n[^1]: So &nbsp;"


def test_the_pictures_of_a_web_archive_are_kept(convert: Convert) -> None:
    picture = base64.b64encode(encoded(noise(60, 60), "PNG"))
    archive = (
        b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=B\r\n\r\n--B\r\n"
        b'Content-Type: text/html\r\n\r\n<p>See <img src="cid:one"></p>\r\n--B\r\n'
        b"Content-Type: image/png\r\nContent-ID: <one>\r\nContent-Transfer-Encoding: base64"
        b"\r\n\r\n" + picture + b"\r\n--B--\r\n"
    )
    parts: dict[str, str | bytes] = {RELS: relations(c="a.mht"), "word__a_dot_mht": archive}

    converted = shown(convert, '<w:altChunk r:id="c"/>', **parts)

    assert converted.image_names == ["image-1.png"]
    assert "![](image-1.png)" in converted.markdown


def test_a_web_archive_of_word_is_read_as_word_writes_it(convert: Convert) -> None:
    picture = base64.b64encode(encoded(noise(60, 60), "PNG"))
    archive = (
        b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=B\r\n\r\n--B\r\n"
        b"Content-Location: file:///C:/AB/letter.htm\r\n"
        b'Content-Type: text/html; charset="iso-8859-1"\r\n\r\n'
        b'<p>\x84Salz\x93 5 \x80</p><img src="letter-files/i%201.png">\r\n--B\r\n'
        b"Content-Location: file:///C:/AB/letter-files/i%201.png\r\n"
        b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64"
        b"\r\n\r\n" + picture + b"\r\n--B--\r\n"
    )
    parts: dict[str, str | bytes] = {RELS: relations(c="a.mht"), "word__a_dot_mht": archive}

    converted = shown(convert, '<w:altChunk r:id="c"/>', **parts)

    assert converted.markdown == "„Salz“ 5 €\n\n![](image-1.png)"


def test_text_that_goes_on_in_the_next_paragraph_is_one_with_it(convert: Convert) -> None:
    cap = '<w:p><w:pPr><w:framePr w:dropCap="drop"/></w:pPr>{}</w:p>'
    deleted = "<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr>{}</w:p>"
    body = (
        cap.format(run("T")) + word_paragraph("he sea.")
        + deleted.format(run("One ")) + word_paragraph("line.")
        + deleted.format(run("Last"))
    )  # fmt: skip

    assert shown(convert, body).markdown == "The sea.\n\nOne line.\n\nLast"


def test_the_reading_of_a_word_stands_behind_it(convert: Convert) -> None:
    reading, word = f"<w:rt>{run('ねこ')}</w:rt>", f"<w:rubyBase>{run('猫')}</w:rubyBase>"
    ruby = f"<w:r><w:ruby>{reading}{word}</w:ruby></w:r>"

    assert shown(convert, f"<w:p>{ruby}{run('です')}</w:p>").markdown == "猫(ねこ)です"


def test_a_frame_of_one_cell_keeps_its_paragraphs(convert: Convert) -> None:
    body = (
        f"<w:tbl><w:tr><w:tc>{word_paragraph('one')}{word_paragraph('two')}</w:tc></w:tr></w:tbl>"
    )

    assert shown(convert, body).markdown == "one\n\ntwo"


def test_a_fault_in_the_styles_costs_only_the_styles(convert: Convert) -> None:
    converted = shown(convert, word_paragraph("Kept"), word__styles_dot_xml="<w:styles><&")

    assert converted.markdown == "Kept"
    assert not converted.warnings


def test_a_damaged_part_with_text_is_told(convert: Convert) -> None:
    body = "<w:p><w:r><w:t>Kept</w:t><w:footnoteReference w:id='1'/></w:r></w:p>"
    notes = part("footnotes", f'<w:footnote w:id="1">{word_paragraph("read & lost")}</w:footnote>')

    converted = shown(convert, body, word__footnotes_dot_xml=notes)

    assert converted.markdown.startswith("Kept[^1]")
    assert ("text_loss", None) in converted.warnings


def test_blocks_of_a_kind_that_is_not_known_are_read(convert: Convert) -> None:
    body = (
        f"<w:future>{word_paragraph('one')}{word_paragraph('two')}</w:future>"
        f"<w:paragraph>{run('three')}</w:paragraph><w:moveFrom>{run('gone')}</w:moveFrom>"
    )

    assert shown(convert, body).markdown == "one\n\ntwo\n\nthree"


def test_text_in_a_place_where_none_can_be_is_missed(convert: Convert) -> None:
    lost = "<w:p><w:pPr><w:t>alpha beta gamma delta</w:t></w:pPr></w:p>"

    converted = shown(convert, word_paragraph("Kept") + lost)

    assert converted.markdown == "Kept"
    assert converted.pages[0].warnings[0].message == (
        "About 4 of 5 words of page 1 are missing from the result."
    )


def test_hidden_text_is_not_called_missing(convert: Convert) -> None:
    body = f"<w:p>{run('Seen')}{run('one two three four', '<w:vanish/>')}</w:p>"

    converted = shown(convert, body)

    assert converted.markdown == "Seen"
    assert not converted.warnings


def test_whether_a_section_begins_a_page_is_its_own_property(convert: Convert) -> None:
    def section(kind: str) -> str:
        return f'<w:sectPr><w:type w:val="{kind}"/></w:sectPr>'

    def ending(text: str, kind: str) -> str:
        return f"<w:p><w:pPr>{section(kind)}</w:pPr>{run(text)}</w:p>"

    body = ending("a", "nextPage") + ending("b", "continuous") + word_paragraph("c")

    assert shown(convert, body + section("oddPage")).markdown == "a\n\nb\n\n---\n\nc"


def test_the_main_part_is_found_by_its_relationship(convert: Convert) -> None:
    kind = "http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument"
    root = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="a" Type="{kind}" Target="text/main.xml"/></Relationships>'
    )
    main = part("document", f"<w:body>{word_paragraph('Found')}</w:body>")

    converted = shown(
        convert, word_paragraph("Wrong"), _rels___dot_rels=root, text__main_dot_xml=main
    )

    assert converted.markdown == "Found"
