"""Destinations of RTF: notes, headers, fields, styles and pictures, each a group of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from lxml import etree

from ilios.engines import conversion_warnings
from ilios.engines.base import ConversionWarning
from ilios.engines.embedded import accounting, field_texts
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.markdown import Span
from ilios.engines.embedded.rtf import formulas, instructions
from ilios.engines.embedded.rtf.builder import RtfBuilder
from ilios.engines.embedded.rtf.fonts import RtfFonts
from ilios.engines.embedded.rtf.instructions import FormField
from ilios.engines.embedded.rtf.lists import RtfLists
from ilios.engines.embedded.rtf.objects import RtfObjects
from ilios.engines.embedded.rtf.pictures import RtfPictures, Shape
from ilios.engines.embedded.rtf.state import State

CAPTURED: Final = frozenset(
    (
        *("fonttbl", "stylesheet", "fldinst", "pict", "pntext", "listtext", "leveltext"),
        *("sn", "sv", "ffl", "atnauthor", "objclass"),
    )
)
"""Destinations whose text is taken as a whole when they end."""
_HEADING = re.compile(r"heading\s*([1-9])", re.IGNORECASE)
_TITLE = re.compile(r"\s*title\b", re.IGNORECASE)
PAGE_NUMBER_WORDS: Final = 2
"""A header of a page number and at most so many words, such as "Page 3 of 7", is left out."""


class RtfDestinations:
    """Keeps the states of the open groups, and does what is due when one of them ends."""

    def __init__(self, images: ImageFolder) -> None:
        self.ended = False  #: the brace that closes the document has been read
        self.is_cut_off = False  #: the file ends before it, in the middle of something
        self.lists = RtfLists()
        self.fonts = RtfFonts()
        self.builder = RtfBuilder(self.lists)
        self.pictures = RtfPictures(images)
        self.objects = RtfObjects()
        self.source: list[str] = []  #: what the file shows, to compare with what comes out
        self.comments: list[str] = []  #: the same of its comments, which stand in words of others
        self._states = [State()]
        self._outer_builders: list[RtfBuilder] = []
        self._regions: dict[str, dict[str, None]] = {"header": {}, "footer": {}}
        self._has_page_number = False
        self._field_values: list[str] = []
        self._form = FormField()
        self._author = ""
        self._shape = Shape()
        self._property = ""
        self._description = ""
        self._formula_parts = 0
        self._style = 0
        self._levels: dict[int, int] = {}
        self._endings: Mapping[str, Callable[[str], None]] = {
            "pict": self._picture,
            "fldinst": self._instruction,
            "pntext": lambda text: self.builder.begin_item(text),
            "listtext": lambda text: self.builder.begin_item(text),
            "leveltext": self.lists.set_template,
            "sn": lambda text: setattr(self, "_property", text.strip()),
            "sv": self._set_property,
            "ffl": lambda text: self._form.choices.append(text.strip()),
            "atnauthor": lambda text: setattr(self, "_author", text.strip()),
            "objclass": lambda text: setattr(self.objects, "kind", text.strip()),
        }

    def markdown(self) -> str:
        """Return the document: headers, text, footers."""
        body = self.builder.markdown()
        parts = [*self._regions["header"], body, *self._regions["footer"]]
        return "\n\n".join(part for part in parts if part)

    def warnings(self) -> Iterator[ConversionWarning]:
        """Return what was left out of the document."""
        yield from self.pictures.warnings()
        yield from self.objects.warnings()
        if self.is_cut_off:
            yield conversion_warnings.file_cut_off()

    @property
    def _state(self) -> State:
        return self._states[-1]

    def _text(self, text: str) -> None:
        state = self._state
        if not state.destination:
            if not state.hidden and not (state.region and state.is_page_number):
                self._add(text)
        elif state.destination == "fonttbl":
            self.fonts.add_to_name(state.font, text)
        elif state.destination in CAPTURED:
            state.captured.append(text)
        elif state.destination == "mmath" and state.formula is not None:
            if self._is_next_part():
                formulas.add(state.formula, text)
            else:
                self._add(text)

    def _add(self, text: str) -> None:
        style = self._state.span
        (self.comments if self._state.in_comment else self.source).append(text)
        if self._field_values and text.strip():
            self._field_values = [""] * len(self._field_values)
        self.builder.add(style.saying(text))

    def _ends(self, end: Callable[[], None]) -> None:
        """End a paragraph, a cell or a row."""
        (self.comments if self._state.in_comment else self.source).append("\n")
        end()

    def _left(self, left: State) -> None:
        """Do what is due at the end of a group."""
        state = self._state
        if left.captured is not state.captured:
            ending = self._endings.get(left.destination)
            if ending is not None:
                ending("".join(left.captured))
        elif left.destination == "stylesheet":
            self._define_style("".join(left.captured))
            left.captured.clear()
        elif left.formula is not None and left.formula is not state.formula:
            self._end_formula(left.formula)
        if left.objects > state.objects:
            self.objects.end()
        if left.fields > state.fields:
            self._end_field()
        if left.asides > state.asides:
            self._end_aside(left.aside)
        if left.region and not state.region:
            self._end_region(left.region)
        if left.in_shape and not state.in_shape:
            self._end_shape()

    def _begin_silent(self, word: str) -> None:
        if word == "formfield":
            self._form = FormField()

    # Notes, text boxes, headers and footers

    def _begin_aside(self, word: str) -> None:
        state = self._state
        if state.hidden:
            state.destination = "ignored"
            return
        state.in_comment = state.in_comment or word == "annotation"
        (self.comments if state.in_comment else self.source).append("\n")
        self.builder.begin_aside()
        state.aside, state.asides = word, state.asides + 1
        state.span = Span("")

    def _end_aside(self, word: str) -> None:
        if word == "annotation":
            author, self._author = self._author, ""
            self.builder.end_aside(is_note=True, is_comment=True, author=author)
        else:
            self.source.append("\n")
            self.builder.end_aside(is_note=word == "footnote")

    def _begin_region(self, word: str) -> None:
        state = self._state
        self._outer_builders.append(self.builder)
        self.builder = RtfBuilder(self.lists)
        self._has_page_number = False
        state.region, state.span = word[:6], Span("")

    def _end_region(self, region: str) -> None:
        text = self.builder.markdown()
        self.builder = self._outer_builders.pop()
        self.source.append("\n")
        words = accounting.words(text).total()
        is_number = self._has_page_number and words <= PAGE_NUMBER_WORDS and "![" not in text
        if not is_number:
            self._regions[region][text] = None

    def _note_page_number(self) -> None:
        self._has_page_number = True

    # Formulas

    def _begin_formula(self, word: str) -> None:
        state = self._state
        state.destination = "ignored" if state.hidden else "mmath"
        state.formula = formulas.begun(word)
        self._formula_parts = 0

    def _is_next_part(self) -> bool:
        """Count a part of a formula; return whether it may have so many."""
        self._formula_parts += 1
        return self._formula_parts <= formulas.PARTS_MAX

    def _end_formula(self, part: etree._Element) -> None:
        """End a part of a formula; behind the outermost one the formula is complete."""
        if self._state.formula is not None:
            formulas.close(part)
            return
        for span in formulas.spans(part):
            self.builder.add(span)

    # Fields

    def _begin_field(self) -> None:
        self._state.fields += 1
        self._field_values.append("")

    def _instruction(self, text: str) -> None:
        self._state.span = Span("", *_emphasis(self._state.span), target=instructions.link(text))
        if instructions.is_page_number(text):
            self._state.is_page_number = True
            self._has_page_number = True
        if self._field_values:
            self._field_values[-1] = (
                instructions.symbol(text) or field_texts.text(text) or self._form.value()
            )
        self._form = FormField()

    def _end_field(self) -> None:
        value = self._field_values.pop() if self._field_values else ""
        if value:
            self._text(value)

    def _form_actions(self) -> dict[str, Callable[[int | None], None]]:
        return {
            "fftype": lambda number: setattr(self._form, "kind", number or 0),
            "ffres": lambda number: setattr(self._form, "result", number or 0),
            "ffdefres": lambda number: setattr(self._form, "default", number or 0),
        }

    # Styles

    def _define_style(self, name: str) -> None:
        heading = _HEADING.search(name)
        if heading:
            self._levels[self._style] = int(heading[1])
        elif _TITLE.match(name):
            self._levels[self._style] = 1
        self._style = 0

    def _paragraph_style(self, number: int | None) -> None:
        self._style = number or 0
        if self._state.destination != "stylesheet" and self._style in self._levels:
            self.builder.paragraph.level = self._levels[self._style]

    def _outline(self, number: int | None) -> None:
        if number is None or number >= 9:
            return
        if self._state.destination == "stylesheet":
            self._levels[self._style] = number + 1
        else:
            self.builder.paragraph.level = number + 1

    # Pictures and objects

    def _begin_object(self) -> None:
        self._state.objects += 1
        self.objects.begin()

    def _picture_kind(self, kind: str) -> Callable[[int | None], None]:
        return lambda _: setattr(self.pictures, "kind", kind)

    def _picture(self, digits: str) -> None:
        if self._state.destination == "sv":
            self._shape.picture = digits
        else:
            self._show_picture(digits)

    def _show_picture(self, digits: str) -> None:
        span = self.pictures.span(digits, self._description)
        self._description = ""
        if span is not None:
            self.builder.add(span)

    def _begin_shape(self) -> None:
        if not self._state.in_shape:
            self._state.in_shape = True
            self._shape = Shape()

    def _set_property(self, value: str) -> None:
        if self._property == "wzDescription":
            self._description = value.strip()
        else:
            self._shape.properties[self._property] = value

    def _end_shape(self) -> None:
        shape, self._shape = self._shape, Shape()
        if shape.picture:
            self._show_picture(shape.picture)
        word_art = shape.properties.get("gtextUNICODE", "").strip()
        if word_art:
            self._text(f" {word_art}\n")
        self._description = ""


def _emphasis(span: Span) -> tuple[bool, bool, bool, bool, bool]:
    return span.bold, span.italic, span.struck, span.superscript, span.subscript
