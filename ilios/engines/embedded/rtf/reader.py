"""Interprets the groups and control words of RTF: what is text, and in which style."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from lxml import etree

from ilios.engines.embedded import symbol_fonts
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.markdown import Span
from ilios.engines.embedded.rtf import formulas
from ilios.engines.embedded.rtf.destinations import CAPTURED, RtfDestinations
from ilios.engines.embedded.rtf.pictures import KINDS
from ilios.engines.embedded.rtf.tokens import Token, Tokens
from ilios.engines.embedded.rtf.vocabulary import BREAKS, IGNORED, SIGNS, SYMBOLS

DEPTH_MAX: Final = 1_000
_ASIDES: Final = frozenset(("footnote", "annotation", "shptxt", "dptxbxtext"))
"""Notes and text boxes: paragraphs of their own in the middle of another one."""
_REGIONS: Final = frozenset(
    ("header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf")
)
_SILENT: Final = frozenset(("sp", "picprop", "formfield", "listtable", "listoverridetable", "upr"))
"""Destinations that have no text of their own, but parts that count."""
_SHOWN_WITH_STAR: Final = frozenset(("shppict", "shpinst", "do", "cs", "ds", "ts"))
_MOST_DOUBLE_BYTES: Final = frozenset(
    ("cp932", "shift_jis", "cp949", "euc_kr", "gbk", "gb2312", "cp950", "big5", "johab")
)
_WITH_SIGNS: Final = ("", "pntext", "listtext", "leveltext")
RAISED_HALF_POINTS: Final = 2
"""Text raised or lowered by more is a superscript or a subscript."""

Action = Callable[[int | None], None]


class RtfReader(RtfDestinations):
    """Reads tokens and passes the text of the document to a builder."""

    def __init__(self, images: ImageFolder, tokens: Tokens, *, is_utf8: bool) -> None:
        """Prepare to read tokens; `is_utf8` for a file whose bytes make sense as UTF-8."""
        super().__init__(images)
        self._tokens = tokens
        self._is_utf8 = is_utf8
        self._pending = bytearray()
        self._skip = 0
        self._high_surrogate = 0
        self._overflow = 0
        self._starred = False
        self._is_first = False  #: nothing but a star stands between the brace and here
        self._by_destination = self._actions()

    def read(self) -> None:
        """Read the whole document, up to the brace that closes it."""
        for token in self._tokens:
            self._take(token)
            if self.ended:
                break
        self._flush()
        is_inside = len(self._states) > 2 or self.builder.is_in_paragraph
        self.is_cut_off = is_inside and not self.ended
        while len(self._states) > 1:
            self._leave_group()

    def _take(self, token: Token) -> None:
        if token.text:
            self._characters(token.text)
        elif token.byte is not None:
            self._byte(token.byte)
        elif token.symbol and self._is_trail(token.symbol):
            self._pending.append(ord(token.symbol))
        else:
            self._flush()
            self._sign(token)

    def _sign(self, token: Token) -> None:
        if token.word:
            self._word(token.word, token.number)
            self._starred = False
        elif token.brace == "{":
            self._enter_group()
            return
        elif token.brace:
            self._skip = 0
            self._leave_group()
        elif token.symbol == "*":
            self._starred = self._is_first
        elif token.symbol in ("\r", "\n"):
            self._word("par", None)
        elif token.symbol and self._skip:
            self._skip -= 1
        elif token.symbol:
            self._text(SYMBOLS.get(token.symbol, ""))
        elif token.binary and self._state.destination == "pict":
            self._state.captured.append(token.binary.encode("latin-1").hex())
        self._is_first = False

    def _enter_group(self) -> None:
        self._skip = 0
        self._starred, self._is_first = False, True
        if len(self._states) < DEPTH_MAX:
            self._states.append(self._state.inner())
        else:
            self._overflow += 1

    def _leave_group(self) -> None:
        if self._overflow:
            self._overflow -= 1
        else:
            self._left(self._states.pop())
            self.ended = len(self._states) == 1

    def _word(self, word: str, number: int | None) -> None:
        state = self._state
        if state.destination == "ignored":
            return
        if self._opens(word):
            return
        if word in SIGNS:
            self._sign_word(word)
            return
        if state.formula is not None and word.startswith("m"):
            self._math_word(state.formula, word, number)
            return
        action = self._by_destination.get(state.destination, self._everywhere).get(word)
        if self._starred and action is None and word not in _SHOWN_WITH_STAR:
            state.destination = "ignored"
            return
        self._skip -= bool(self._skip)  # a control word counts as one character of a fallback
        if action is not None:
            action(number)

    def _opens(self, word: str) -> bool:
        """Return whether a word begins a destination, or leaves one, and do so."""
        state = self._state
        if word in IGNORED:
            state.destination = "ignored"
        elif word in CAPTURED:
            state.destination, state.captured = word, []
        elif word in _SILENT:
            state.outside = state.destination
            state.destination = word
            self._begin_silent(word)
        elif word == "ud":
            state.destination = state.outside
        elif word in _ASIDES and not state.destination:
            self._begin_aside(word)
        elif word in _REGIONS and not state.destination:
            self._begin_region(word)
        elif word in formulas.DESTINATIONS and not state.destination:
            self._begin_formula(word)
        else:
            return False
        return True

    def _math_word(self, around: etree._Element, word: str, number: int | None) -> None:
        if not self._is_next_part():
            return
        if self._is_first or self._starred:
            self._state.formula = formulas.opened(around, word)
        else:
            formulas.set_property(around, word, number)

    def _sign_word(self, word: str) -> None:
        if self._skip and word not in BREAKS:
            self._skip -= 1
            return
        self._skip = 0
        self._text(SIGNS[word])

    def _actions(self) -> Mapping[str, Mapping[str, Action]]:
        lists = {name: _numbered(take) for name, take in self.lists.actions.items()}
        self._everywhere: Mapping[str, Action] = {
            "u": self._unicode,
            "uc": lambda number: setattr(self._state, "fallback", max(number or 0, 0)),
            "f": lambda number: setattr(self._state, "font", number or 0),
        }
        fonts: dict[str, Action] = {
            "fcharset": lambda number: self.fonts.set_charset(self._state.font, number or 0),
            "cpg": lambda number: self.fonts.set_code_page(self._state.font, number or 0),
        }
        return {
            "": {**self._everywhere, **self._document_actions(), **self._text_actions()},
            "fonttbl": {**self._everywhere, **fonts},
            "stylesheet": {
                **self._everywhere,
                "s": self._paragraph_style,
                "outlinelevel": self._outline,
            },
            "listtable": lists,
            "listoverridetable": lists,
            "formfield": self._form_actions(),
            "pict": {kind: self._picture_kind(kind) for kind in KINDS},
        }

    def _document_actions(self) -> dict[str, Action]:
        def page(word: str) -> Action:
            return lambda number: self.fonts.set_document_encoding(word, number)

        return {
            **{word: page(word) for word in ("ansi", "mac", "pc", "pca", "ansicpg")},
            "deff": self._default_font,
            "field": lambda _: self._begin_field(),
            "chpgn": lambda _: self._note_page_number(),
            "shp": lambda _: self._begin_shape(),
            "object": lambda _: self._begin_object(),
            "result": lambda _: self.objects.show(),
            "s": self._paragraph_style,
            "outlinelevel": self._outline,
            "par": lambda _: self._ends(self.builder.end_paragraph),
            "sect": lambda _: self._ends(self.builder.end_paragraph),
            "page": lambda _: self._ends(self.builder.end_paragraph),
            "nestcell": lambda _: self._ends(self.builder.end_paragraph),
            "cell": lambda _: self._ends(self.builder.end_cell),
            "row": lambda _: self._ends(self.builder.end_row),
            "pard": lambda _: self.builder.begin_paragraph_style(),
            "ls": lambda number: setattr(self.builder.paragraph, "override", number or 0),
            "ilvl": lambda number: setattr(self.builder.paragraph, "depth", max(number or 0, 0)),
            "intbl": lambda _: setattr(self.builder.paragraph, "in_table", True),
        }

    def _text_actions(self) -> dict[str, Action]:
        return {
            "plain": lambda _: self._plain(),
            "b": lambda number: self._styled(bold=number != 0),
            "i": lambda number: self._styled(italic=number != 0),
            "strike": lambda number: self._styled(struck=number != 0),
            "striked": lambda number: self._styled(struck=number != 0),
            "super": lambda number: self._styled(superscript=number != 0, subscript=False),
            "sub": lambda number: self._styled(subscript=number != 0, superscript=False),
            "nosupersub": lambda _: self._styled(superscript=False, subscript=False),
            "up": lambda number: self._raised(6 if number is None else number),
            "dn": lambda number: self._raised(-(6 if number is None else number)),
            "v": lambda number: setattr(self._state, "hidden", number != 0),
            "mvf": lambda number: setattr(self._state, "hidden", number != 0),
            "deleted": lambda number: setattr(self._state, "hidden", number != 0),
        }

    def _styled(self, **changes: Any) -> None:
        self._state.span = replace(self._state.span, **changes)

    def _raised(self, half_points: int) -> None:
        self._styled(
            superscript=half_points > RAISED_HALF_POINTS,
            subscript=half_points < -RAISED_HALF_POINTS,
        )

    def _plain(self) -> None:
        state = self._state
        state.span = Span("", target=state.span.target)
        state.hidden = False
        state.font = self._states[0].font

    def _default_font(self, number: int | None) -> None:
        for state in self._states:
            state.font = number or 0

    def _unicode(self, number: int | None) -> None:
        code = (number or 0) % 0x10000
        self._skip = self._state.fallback
        if 0xD800 <= code < 0xDC00:
            self._high_surrogate = code
        elif 0xDC00 <= code < 0xE000 and self._high_surrogate:
            self._text(chr(0x10000 + (self._high_surrogate - 0xD800) * 0x400 + code - 0xDC00))
            self._high_surrogate = 0
        elif 0xF000 <= code <= 0xF0FF:
            self._text(symbol_fonts.text(self.fonts.symbol_font(self._state.font), chr(code)))
        else:
            self._text(chr(code))

    def _byte(self, byte: int) -> None:
        if self._skip:
            self._skip -= 1
        else:
            self._pending.append(byte)
        self._is_first = False

    def _characters(self, text: str) -> None:
        """Take characters as they stand in the file: bytes of the current encoding."""
        self._is_first = self._starred = False
        if self._state.destination == "pict":
            self._state.captured.append(text)
            return
        if self._skip:
            skipped = min(self._skip, len(text))
            self._skip -= skipped
            text = text[skipped:]
        if self._is_utf8 and not text.isascii():
            self._flush()
            self._text(text.encode("latin-1").decode("utf-8", "replace"))
            return
        self._pending += text.encode("latin-1")
        if not text.isascii() and self._is_open():
            self._pending += self._tokens.trail_byte().encode("latin-1")

    def _is_trail(self, symbol: str) -> bool:
        return bool(self._pending) and symbol in ("\\", "{", "}") and self._is_open()

    def _is_open(self) -> bool:
        """Return whether the last byte is the first half of a character; pass on what is whole."""
        font = self._state.font
        encoding = self.fonts.encoding(font)
        if encoding not in _MOST_DOUBLE_BYTES or self.fonts.symbol_font(font):
            return False
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        whole = decoder.decode(bytes(self._pending))
        if whole:
            self._text(whole)
        self._pending[:] = decoder.getstate()[0]
        return bool(self._pending)

    def _flush(self) -> None:
        if not self._pending:
            return
        content, font = bytes(self._pending), self._state.font
        self._pending.clear()
        name = self.fonts.symbol_font(font)
        if name and self._state.destination in _WITH_SIGNS:
            self._text(symbol_fonts.text(name, content.decode("latin-1")))
        else:
            self._text(content.decode(self.fonts.encoding(font), errors="replace"))


def _numbered(take: Callable[[int], None]) -> Action:
    return lambda number: take(number or 0)
