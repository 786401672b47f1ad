"""Interprets the groups and control words of RTF: what is text, and in which style."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ilios.engines.embedded import markdown
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.markdown import Span
from ilios.engines.embedded.rtf.builder import RtfBuilder
from ilios.engines.embedded.rtf.tokens import Token
from ilios.engines.embedded.rtf.vocabulary import CODE_PAGES, IGNORED, SIGNS, SYMBOLS

DEPTH_MAX: Final = 1_000
_CAPTURED: Final = frozenset(("fonttbl", "stylesheet", "fldinst", "pict", "pntext", "listtext"))
_ASIDES: Final = frozenset(("footnote", "shptxt"))
"""Notes and text boxes: paragraphs of their own in the middle of another one."""
_SHOWN_WITH_STAR: Final = frozenset(("shppict", "fldinst", "shpinst", *_ASIDES))
_HEADING = re.compile(r"heading\s*([1-9])", re.IGNORECASE)
_LINK = re.compile(r"HYPERLINK\s+\"([^\"]+)\"")


@dataclass(frozen=True, slots=True)
class _State:
    """The state that a group inherits from the one around it."""

    destination: str = ""
    aside: str = ""  #: `footnote` or `shptxt` inside of one
    span: Span = field(default_factory=lambda: Span(""))
    hidden: bool = False
    font: int = 0
    fallback: int = 1  #: characters after a Unicode one that readers without Unicode show


class RtfReader:
    """Reads tokens and passes the text of the document to a builder."""

    def __init__(self, images: ImageFolder) -> None:
        self.builder = RtfBuilder()
        self._images = images
        self._states = [_State()]
        self._captured: list[str] = []
        self._pending = bytearray()
        self._skip = 0
        self._pictures = 0
        self._code_page = "cp1252"
        self._fonts: dict[int, str] = {}
        self._style = 0
        self._levels: dict[int, int] = {}
        self._words = self._actions()

    def take(self, token: Token) -> None:
        if token.byte is not None:
            self._byte(token.byte)
            return
        self._flush()
        if token.brace == "{":
            if len(self._states) < DEPTH_MAX:
                self._states.append(self._state)
        elif token.brace == "}":
            self._leave_group()
        elif token.word:
            self._word(token)
        elif token.symbol == "*":
            self._set(destination="*")
        elif token.symbol:
            self._text(SYMBOLS.get(token.symbol, ""))
        else:
            self._plain(token.text)

    def finish(self) -> str:
        self._flush()
        return self.builder.markdown()

    @property
    def _state(self) -> _State:
        return self._states[-1]

    def _set(self, **changes: Any) -> None:
        self._states[-1] = replace(self._state, **changes)

    def _styled(self, **changes: Any) -> None:
        self._set(span=replace(self._state.span, **changes))

    def _actions(self) -> dict[str, Callable[[int | None], None]]:
        builder = self.builder
        return {
            "par": lambda _: builder.end_paragraph(),
            "sect": lambda _: builder.end_paragraph(),
            "page": lambda _: builder.end_paragraph(),
            "pard": lambda _: builder.begin_paragraph_style(),
            "ilvl": lambda number: setattr(builder.paragraph, "depth", min(number or 0, 8)),
            "intbl": lambda _: setattr(builder.paragraph, "in_table", True),
            "cell": lambda _: builder.end_cell(),
            "nestcell": lambda _: builder.end_paragraph(),
            "row": lambda _: builder.end_row(),
            "outlinelevel": self._outline,
            "plain": lambda _: self._styled(bold=False, italic=False, struck=False),
            "b": lambda number: self._styled(bold=number != 0),
            "i": lambda number: self._styled(italic=number != 0),
            "strike": lambda number: self._styled(struck=number != 0),
            "v": lambda number: self._set(hidden=number != 0),
            "deleted": lambda number: self._set(hidden=number != 0),
            "uc": lambda number: self._set(fallback=number or 0),
            "u": self._unicode,
            "f": lambda number: self._set(font=number or 0),
            "fcharset": self._character_set,
            "ansicpg": lambda number: setattr(self, "_code_page", _known(f"cp{number}")),
            "s": self._paragraph_style,
        }

    def _word(self, token: Token) -> None:
        word = token.word
        if word in IGNORED or word in _CAPTURED:
            self._set(destination=word)
            if word in _CAPTURED and word not in ("fonttbl", "stylesheet"):
                self._captured = []
        elif self._state.destination == "*" and word not in _SHOWN_WITH_STAR:
            self._set(destination="ignored")
        elif word in _ASIDES and self._state.destination in ("", "*"):
            self._begin_aside(word)
        elif self._state.destination == "*":
            self._set(destination="")
        elif word in SIGNS:
            self._text(SIGNS[word])
        elif word in self._words and self._applies(word):
            self._words[word](token.number)

    def _applies(self, word: str) -> bool:
        """Return whether a control word counts here: in a destination, few do."""
        destination = self._state.destination
        if destination in ("", "fonttbl", "stylesheet"):
            return not destination or word in ("f", "fcharset", "s", "outlinelevel", "u", "uc")
        return word in ("u", "uc", "f")

    def _leave_group(self) -> None:
        left = self._states.pop() if len(self._states) > 1 else self._state
        if left.aside and not self._state.aside:
            self.builder.end_aside(is_note=left.aside == "footnote")
        if left.destination == self._state.destination and left.destination != "stylesheet":
            return
        captured = "".join(self._captured)
        if left.destination == "pict":
            self._picture(captured)
        elif left.destination == "fldinst":
            link = _LINK.search(captured)
            self._styled(target=link[1] if link else None)
        elif left.destination in ("pntext", "listtext"):
            self.builder.paragraph.marker = captured
        elif left.destination == "stylesheet":
            self._define_style(captured)
        if left.destination in _CAPTURED:
            self._captured = []

    def _begin_aside(self, word: str) -> None:
        if not self._state.aside:
            self.builder.begin_aside()
        self._set(destination="", aside=self._state.aside or word)

    def _define_style(self, name: str) -> None:
        heading = _HEADING.search(name)
        if heading:
            self._levels[self._style] = int(heading[1])
        elif re.match(r"\s*title\b", name, re.IGNORECASE):
            self._levels[self._style] = 1
        self._style = 0

    def _paragraph_style(self, number: int | None) -> None:
        self._style = number or 0
        if self._state.destination != "stylesheet" and self._style in self._levels:
            self.builder.paragraph.level = self._levels[self._style]

    def _outline(self, number: int | None) -> None:
        if not self._state.destination and number is not None and number < 9:
            self.builder.paragraph.level = number + 1

    def _character_set(self, number: int | None) -> None:
        self._fonts[self._state.font] = CODE_PAGES.get(number or 0, self._code_page)

    def _unicode(self, number: int | None) -> None:
        code = (number or 0) % 0x10000
        self._text(chr(code))
        self._skip = self._state.fallback

    def _byte(self, byte: int) -> None:
        if self._skip:
            self._skip -= 1
        else:
            self._pending.append(byte)

    def _flush(self) -> None:
        if self._pending:
            page = self._fonts.get(self._state.font, self._code_page)
            self._text(bytes(self._pending).decode(page, errors="replace"))
            self._pending.clear()

    def _plain(self, text: str) -> None:
        skipped, self._skip = text[self._skip :], max(0, self._skip - len(text))
        self._text(skipped)

    def _text(self, text: str) -> None:
        if self._state.destination in _CAPTURED:
            self._captured.append(text)
        elif not self._state.destination and not self._state.hidden:
            self.builder.add(replace(self._state.span, text=text))

    def _picture(self, digits: str) -> None:
        try:
            content = binascii.unhexlify("".join(digits.split()))
        except (binascii.Error, ValueError):
            return
        self._pictures += 1
        name = self._images.add(f"image-{self._pictures}", content)
        if name:
            self.builder.add(Span(f" {markdown.image(name)} ", raw=True))


def _known(code_page: str) -> str:
    try:
        "".encode(code_page)
    except LookupError:
        return "cp1252"
    return code_page
