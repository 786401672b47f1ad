"""What the recognition of an image gives: lines of text with their places."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line as it was read: upright box in pixels of the upright image, confidence 0 to 1."""

    text: str
    confidence: float
    left: float
    top: float
    right: float
    bottom: float

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
    """All lines of an image, and the quarter turns (counter-clockwise) that set it upright."""

    lines: tuple[TextLine, ...]
    quarter_turns: int = 0
    unread: int = 0  #: places where text was found but could not be read

    @property
    def confidence(self) -> float:
        """Mean confidence by character; 0 when nothing was read."""
        characters = sum(len(line.text) for line in self.lines)
        if not characters:
            return 0.0
        return sum(line.confidence * len(line.text) for line in self.lines) / characters

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)
