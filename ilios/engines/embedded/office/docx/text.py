"""The text of Word paragraphs: runs, links, fields, notes, formulas, pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from lxml import etree

from ilios.engines.embedded import symbol_fonts
from ilios.engines.embedded.archive import attribute, child, local_name
from ilios.engines.embedded.formulas import omml
from ilios.engines.embedded.markdown import Span
from ilios.engines.embedded.office.docx import fields
from ilios.engines.embedded.office.docx.drawings import Aside, Drawings
from ilios.engines.embedded.office.docx.fields import OFF
from ilios.engines.embedded.office.docx.notes import NoteMarks
from ilios.engines.embedded.office.docx.parts import Part
from ilios.engines.embedded.office.docx.styles import Properties, Styles, by_name, font

_SKIPPED_WORDS: Final = (
    "pPr rPr del moveFrom instrText delText fldData delInstrText sdtPr sdtEndPr annotationRef "
    "footnoteRef endnoteRef proofErr Fallback tblPr tblGrid trPr tcPr"
)
SKIPPED = frozenset(_SKIPPED_WORDS.split())
_NOTES: Final = {
    "footnoteReference": "footnotes",
    "endnoteReference": "endnotes",
    "commentReference": "comments",
}
_TEXT = {
    "tab": " ",
    "br": "\n",
    "cr": "\n",
    "noBreakHyphen": "\u2011",
    "softHyphen": "",
    "ptab": " ",
}


class DocxText:
    """Turns the content of paragraphs into spans, of the part that is being read."""

    def __init__(self, part: Part, styles: Styles, drawings: Drawings, notes: NoteMarks) -> None:
        self._part = part
        self._styles = styles
        self._drawings = drawings
        self._notes = notes
        self._asides: list[Aside] = []
        self._hidden: list[str] = []
        self._look: Properties = {}  #: what the style of the paragraph gives its runs

    @contextmanager
    def reading(self, part: Part) -> Iterator[None]:
        """Read another part meanwhile, such as a header, which has references of its own."""
        outer, self._part = self._part, part
        try:
            yield
        finally:
            self._part = outer

    def take_asides(self) -> list[Aside]:
        """Return the text boxes, charts and diagrams of the paragraphs read since the last call."""
        taken, self._asides = self._asides, []
        return taken

    def take_hidden(self) -> list[str]:
        """Return the texts since the last call that are hidden, or shown as other signs."""
        taken, self._hidden = self._hidden, []
        return taken

    def paragraph(self, element: etree._Element, properties: Properties) -> list[Span]:
        """Return the text of a paragraph, as its style lets it look."""
        if "pStyle" in properties:
            self._look = self._styles.run(attribute(properties["pStyle"], "val") or "")
        spans = list(self.spans(element))
        self._look = {}
        return spans

    def formula(self, element: etree._Element) -> Iterator[Span]:
        """Yield a formula that is a block of its own."""
        yield omml.span(element)

    def spans(self, element: etree._Element, style: Span | None = None) -> Iterator[Span]:
        """Yield all text below an element, as spans in reading order."""
        style = style or Span("")
        for part in element:
            name = local_name(part)
            if name in SKIPPED or not name:
                continue
            if name == "r":
                yield from self._run(part, style)
            elif name == "hyperlink":
                target, external = self._part.targets.get(attribute(part, "id") or "", ("", False))
                target = fields.with_place(target, attribute(part, "anchor"))
                yield from self.spans(part, replace(style, target=target if external else None))
            elif name == "fldSimple":
                address = fields.link(attribute(part, "instr") or "")
                yield from self.spans(part, replace(style, target=address or style.target))
            elif name in ("oMath", "oMathPara"):
                yield omml.span(part)
            elif name == "p":  # a paragraph inside a text box
                yield from (*self.spans(part, style), style.saying("\n"))
            else:
                yield from self._other(part, name, style)

    def _run(self, run: etree._Element, style: Span) -> Iterator[Span]:
        look = by_name(child(run, "rPr"))
        if self._look or "rStyle" in look:
            of_style = self._styles.run(attribute(look.get("rStyle"), "val") or "")
            look = {**self._look, **of_style, **look}
        if _is_on(look, "vanish"):
            self._hidden.append("".join(text.text or "" for text in run.iter("{*}t")))
            return
        own = _styled(style, look) if look else style
        used_font = font(look) if "rFonts" in look else ""
        fields = self._part.fields
        for part in run:
            if part in fields.hidden:
                continue
            linked = replace(own, target=fields.links[part]) if part in fields.links else own
            yield from self._run_part(part, local_name(part), linked, used_font)

    def _run_part(
        self, part: etree._Element, name: str, style: Span, used_font: str
    ) -> Iterator[Span]:
        if name == "t":
            stored = part.text or ""
            text = symbol_fonts.text(used_font, stored)
            if text != stored:
                self._hidden.append(stored)
            yield style.saying(text.replace("\n", " "))
        elif name == "br" and attribute(part, "type") in ("page", "column"):
            yield style.saying(" ")
        elif name in _TEXT:
            yield style.saying(_TEXT[name])
        elif name == "sym":
            yield style.saying(_symbol(part))
        elif name == "fldChar":
            yield style.saying(self._part.fields.shown.get(part, ""))
        elif name in _NOTES:
            yield self._notes.mark(_NOTES[name], attribute(part, "id") or "")
        elif name and name not in SKIPPED:
            yield from self._other(part, name, style)

    def _other(self, part: etree._Element, name: str, style: Span) -> Iterator[Span]:
        if name in ("drawing", "pict", "object"):
            for found in self._drawings.contents(part, self._part.targets):
                if isinstance(found, Span):
                    yield found
                else:
                    self._asides.append(found)
        elif name == "AlternateContent":
            yield from self._alternative(part, style)
        elif name == "ruby":
            yield from self._ruby(part, style)
        else:
            yield from self.spans(part, style)

    def _alternative(self, part: etree._Element, style: Span) -> Iterator[Span]:
        """Yield what is meant for the newest version of Word, or else what stands in its place."""
        choice, fallback = child(part, "Choice"), child(part, "Fallback")
        known = len(self._asides)
        spans = list(self.spans(choice, style)) if choice is not None else []
        has_content = any(span.text for span in spans) or len(self._asides) > known
        if not has_content and fallback is not None:
            yield from self.spans(fallback, style)
        yield from spans

    def _ruby(self, ruby: etree._Element, style: Span) -> Iterator[Span]:
        """Yield a word and its reading, which stands above it, in brackets."""
        base, reading = child(ruby, "rubyBase"), child(ruby, "rt")
        yield from self.spans(base, style) if base is not None else ()
        spans = list(self.spans(reading, style)) if reading is not None else []
        if any(span.text.strip() for span in spans):
            yield from (style.saying("("), *spans, style.saying(")"))


def _styled(style: Span, look: Properties) -> Span:
    raised = attribute(look["vertAlign"], "val") if "vertAlign" in look else None
    return Span(
        "",
        bold=_is_on(look, "b"),
        italic=_is_on(look, "i"),
        struck=_is_on(look, "strike") or _is_on(look, "dstrike"),
        superscript=raised == "superscript",
        subscript=raised == "subscript",
        target=style.target,
    )


def _is_on(look: Properties, name: str) -> bool:
    return name in look and (attribute(look[name], "val") or "1").casefold() not in OFF


def _symbol(part: etree._Element) -> str:
    """Return the character for a code of a symbol font."""
    try:
        code = int(attribute(part, "char") or "", 16)
    except ValueError:
        return ""
    if not 0x20 <= code <= 0xFFFF or 0xD800 <= code <= 0xDFFF:
        return ""
    sign = symbol_fonts.sign(attribute(part, "font") or "", code)
    return "•" if sign == "\ufffd" else sign
