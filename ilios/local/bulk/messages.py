"""What passes between a run and its workers, which may be on other machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

Form = Literal["jsonl", "parquet"]
FORMS: Final[tuple[Form, ...]] = ("jsonl", "parquet")


@dataclass(frozen=True, slots=True)
class Order:
    """How all documents of a run are converted, and into what."""

    form: Form = "jsonl"
    pages: str | None = None
    with_blocks: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """A document of the source that nobody has read yet."""

    shown: str  #: what the result says of where it came from
    name: str  #: of the file
    place: str  #: an absolute path, or `s3://bucket/key`
    version: str  #: changes with the document; empty where that is not known
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A document whose bytes were read: what it is, and the error of one that is none."""

    item: Item
    id: str  #: of its bytes and type: alike for the same document at two places
    sha256: str
    size_bytes: int
    media_type: str | None
    code: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """A document that has no result yet, for a reason that may pass; nothing is written of it."""

    item: Item
    detail: str
    seen: Seen | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A document that cannot be converted."""

    seen: Seen
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Written:
    """A document whose result stands in the part that is being written."""

    seen: Seen
    pages: int


Outcome = Written | Failed | Unread


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of a batch."""

    outcomes: tuple[Outcome, ...]
    part_bytes: int  #: that the part has by now


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the index of a part: a document that it has, or one that is the same as another.

    `mark` is of the place and the version: another run does not read a document of a known mark.
    """

    id: str
    source: str
    mark: str = ""
    is_same: bool = False


@dataclass(frozen=True, slots=True)
class Died:
    """What a call ends with whose worker has died."""

    reason: str
    is_of_machine: bool = False  #: whether no document can be the cause: it lacked memory, or went


class Ended(NamedTuple):
    """A call that has ended: of which worker, and with what."""

    worker: int
    call: int
    result: Any
