"""What a mail is made of, whichever file it comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto


class Kind(Enum):
    """The language of a piece of a body."""

    HTML = auto()
    PLAIN = auto()
    RTF = auto()


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the body of a mail."""

    kind: Kind
    content: bytes
    charset: str = ""  #: as the mail names it; empty if it does not
    is_flowed: bool = False  #: whether lines that end in a blank go on in the next (RFC 3676)
    loses_blanks: bool = False  #: whether those blanks are none of the text
    address: str = ""  #: of a page in a web archive


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file or a mail that is attached to a mail; one of `read` and `letter` opens it."""

    name: str
    content_id: str = ""  #: by which the body shows it, without angle brackets
    address: str = ""  #: likewise, in a web archive
    is_of_page: bool = False  #: whether it is nothing beside a page of a web archive
    read: Callable[[], bytes] | None = None
    letter: Callable[[], Letter] | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail. `fields` are label and text of those of its head that are shown, in order."""

    subject: str
    fields: Sequence[tuple[str, str]]
    date: str = ""
    body: Sequence[Piece] = ()
    attachments: Sequence[Attachment] = field(default=())

    def field(self, label: str) -> str:
        """Return what a field of the head says; empty if there is none."""
        return next((text for name, text in self.fields if name == label), "")
