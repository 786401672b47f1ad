"""What a group of RTF inherits from the one around it."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from ilios.engines.embedded.markdown import Span


@dataclass(slots=True)
class State:
    """The state of a group: where its text goes, and in which style."""

    destination: str = ""  #: empty for the text of the document
    captured: list[str] = field(default_factory=list)  #: where a destination collects its text
    outside: str = ""  #: the destination around `\\upr`
    aside: str = ""  #: the note or text box that the group belongs to
    asides: int = 0  #: how many of them are open
    in_comment: bool = False
    region: str = ""  #: `header` or `footer` inside of one
    fields: int = 0  #: how many fields are open
    objects: int = 0  #: how many embedded objects are open
    is_page_number: bool = False
    in_shape: bool = False
    span: Span = field(default_factory=lambda: Span(""))
    hidden: bool = False
    font: int = 0
    fallback: int = 1  #: characters after a Unicode one that readers without Unicode show
    formula: etree._Element | None = None  #: the part of a formula that the group is in

    def inner(self) -> State:
        """Return the state that a group inside this one begins with."""
        return State(
            self.destination,
            self.captured,
            self.outside,
            self.aside,
            self.asides,
            self.in_comment,
            self.region,
            self.fields,
            self.objects,
            self.is_page_number,
            self.in_shape,
            self.span,
            self.hidden,
            self.font,
            self.fallback,
            self.formula,
        )
