"""The result of text recognition: lines of text with their positions in the image."""

from __future__ import annotations

from dataclasses import dataclass

from ilios.engines.page_structure import Box


@dataclass(frozen=True, slots=True)
class TextLine:
    """A recognised line: bounds in pixels of the upright image, confidence from 0 to 1.

    `place` is where the image as it came shows it, which may be turned or aslant.
    """

    text: str
    confidence: float
    left: float
    top: float
    right: float
    bottom: float
    place: Box

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


@dataclass(frozen=True, slots=True)
class RecognizedText:
    """All lines of an image, and the quarter turns, counter-clockwise, that set it upright."""

    lines: tuple[TextLine, ...]
    quarter_turns: int = 0
    unread: int = 0  #: lines that were detected but could not be recognised

    @property
    def confidence(self) -> float:
        """Mean confidence, weighted by characters; 0 without text."""
        characters = sum(len(line.text) for line in self.lines)
        if not characters:
            return 0.0
        return sum(line.confidence * len(line.text) for line in self.lines) / characters

    @property
    def plain(self) -> str:
        """All lines as plain text."""
        return "\n".join(line.text for line in self.lines)
