"""PowerPoint presentations: titles, lists, tables, notes."""

from __future__ import annotations

from ilios.engines.detection import media_types
from tests.support.sample_files import archive, relations
from tests.unit.engines.embedded.conftest import Convert

A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'


P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'


R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'


def test_slides_keep_title_bullets_table_and_notes(convert: Convert) -> None:
    def shape(kind: str, text: str) -> str:
        return (
            f'<p:sp><p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr><p:txBody>'
            f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"
        )

    def slide(kind: str, content: str) -> str:
        return f"<p:{kind} {P} {A} {R}><p:cSld><p:spTree>{content}</p:spTree></p:cSld></p:{kind}>"

    cells = "".join(
        f"<a:tc><a:txBody><a:p><a:r><a:t>{t}</a:t></a:r></a:p></a:txBody></a:tc>" for t in "ab"
    )
    table = (
        f"<p:graphicFrame><a:tbl><a:tr>{cells}</a:tr><a:tr>{cells}</a:tr></a:tbl></p:graphicFrame>"
    )
    deck = archive(
        {
            "ppt/presentation.xml": f'<p:presentation {P} {R}><p:sldIdLst><p:sldId r:id="s1"/>'
            "</p:sldIdLst></p:presentation>",
            "ppt/_rels/presentation.xml.rels": relations(s1="slides/slide1.xml"),
            "ppt/slides/slide1.xml": slide(
                "sld", shape("body", "A point") + shape("title", "The title") + table
            ),
            "ppt/slides/_rels/slide1.xml.rels": relations(n="../notesSlides/notesSlide1.xml"),
            "ppt/notesSlides/notesSlide1.xml": slide("notes", shape("body", "Smile")),
        }
    )

    assert convert(deck, media_types.PPTX).markdown.split("\n\n") == [
        "# The title",
        "- A point",
        "| a | b |\n| --- | --- |\n| a | b |",
        "> Notes:\n>\n> Smile",
    ]
