"""Every word of a Word document comes out once, in order, however it is marked up."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from ilios.engines.base import Source
from ilios.engines.detection import media_types
from ilios.engines.embedded.office.docx import document as reader
from tests.support.sample_files import docx

_LOOKS = (
    "", "<w:b/>", "<w:i/>", '<w:rFonts w:ascii="Symbol2"/>', "<w:b/><w:strike/>",
    '<w:vertAlign w:val="superscript"/>', '<w:vertAlign w:val="subscript"/>',
)  # fmt: skip
_PLACE = '<w:numPr><w:ilvl w:val="{}"/><w:numId w:val="1"/></w:numPr>'
_PARAGRAPHS = (
    "", _PLACE.format(0), _PLACE.format(2), '<w:outlineLvl w:val="1"/>', "<w:pageBreakBefore/>",
    '<w:sectPr><w:type w:val="nextPage"/></w:sectPr>', "<w:rPr><w:del/></w:rPr>",
)  # fmt: skip
_WRAPPERS = (
    "{}", "<w:ins>{}</w:ins>", "<w:sdt><w:sdtContent>{}</w:sdtContent></w:sdt>",
    '<w:fldSimple w:instr="REF a">{}</w:fldSimple>', "<w:hyperlink>{}</w:hyperlink>",
    '<w:r><w:fldChar w:fldCharType="begin"/></w:r>{}<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    .replace("{}", '<w:r><w:fldChar w:fldCharType="separate"/></w:r>{}'),
)  # fmt: skip
_NUMBERING = (
    '<w:numbering xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
    '<w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/></w:lvl>'
    '<w:lvl w:ilvl="2"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>'
    '<w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num></w:numbering>'
)


class _Words:
    """Hands out words that are told apart by their numbers: word1, word2 …"""

    def __init__(self) -> None:
        self.count = 0

    def next(self) -> str:
        self.count += 1
        return f"word{self.count}x"


def _run(words: _Words, draw: st.DrawFn) -> str:
    look = draw(st.sampled_from(_LOOKS))
    written = f'<w:r><w:rPr>{look}</w:rPr><w:t xml:space="preserve">{words.next()} </w:t></w:r>'
    return draw(st.sampled_from(_WRAPPERS)).replace("{}", written)


def _paragraph(words: _Words, draw: st.DrawFn) -> str:
    runs = "".join(_run(words, draw) for _ in range(draw(st.integers(1, 3))))
    return f"<w:p><w:pPr>{draw(st.sampled_from(_PARAGRAPHS))}</w:pPr>{runs}</w:p>"


def _table(words: _Words, draw: st.DrawFn) -> str:
    width = draw(st.integers(1, 3))
    rows = (
        "".join(f"<w:tc>{_paragraph(words, draw)}</w:tc>" for _ in range(width))
        for _ in range(draw(st.integers(1, 3)))
    )
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>"


@st.composite
def _documents(draw: st.DrawFn) -> tuple[bytes, int]:
    """Return a document, and how many words it holds."""
    words = _Words()
    kinds = draw(
        st.lists(st.sampled_from((_paragraph, _paragraph, _table)), min_size=1, max_size=6)
    )
    body = "".join(kind(words, draw) for kind in kinds)
    return docx(body, word__numbering_dot_xml=_NUMBERING), words.count


@given(_documents())
@settings(deadline=None, max_examples=40)
def test_every_word_comes_out_once_and_in_order(document: tuple[bytes, int]) -> None:
    content, count = document
    with TemporaryDirectory() as folder:
        path = Path(folder) / "document"
        path.write_bytes(content)
        converted = reader.open_document(Source(path, media_types.DOCX, "d"), Path(folder), 1)
        pages = list(converted.pages(range(converted.page_count)))

    text = "\n".join(page.markdown for page in pages)
    found = [text.find(f"word{number}x") for number in range(1, count + 1)]

    assert found == sorted(found)
    assert -1 not in found
    assert all(text.count(f"word{number}x") == 1 for number in range(1, count + 1))
    assert not [warning for page in pages for warning in page.warnings]
