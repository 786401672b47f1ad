"""What a run knows of one worker: what it was asked, in order, and the part that it writes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ilios.local.bulk.messages import Item, Seen
from ilios.local.bulk.results import OpenPart


@dataclass(frozen=True, slots=True)
class Look:
    """Documents that a worker is asked to read."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Convert:
    """Documents that a worker is asked to convert, into a part."""

    batch: tuple[Seen, ...]
    part: OpenPart


@dataclass(frozen=True, slots=True)
class Close:
    """A part that a worker is asked to hand over."""

    part: OpenPart


@dataclass(frozen=True, slots=True)
class Ready:
    """Whether a worker is there."""


Asked = Ready | Look | Convert | Close


class Hand:
    """A worker and its calls; it does them one after the other."""

    def __init__(self, worker: int) -> None:
        self.worker = worker
        self.part: OpenPart | None = None  #: that conversions go to which are asked for now
        self._calls: deque[tuple[int, Asked]] = deque()

    @property
    def batches(self) -> int:
        """How many batches it has."""
        return sum(isinstance(asked, Look | Convert) for _, asked in self._calls)

    @property
    def is_ready(self) -> bool:
        """Whether it has answered that it is there."""
        return not any(isinstance(asked, Ready) for _, asked in self._calls)

    @property
    def is_idle(self) -> bool:
        return not self._calls

    def note(self, call: int, asked: Asked) -> None:
        """Take note of a call."""
        self._calls.append((call, asked))

    def ended(self, call: int) -> Asked:
        """Return what a call was that has ended."""
        for place, (number, asked) in enumerate(self._calls):
            if number == call:
                del self._calls[place]
                return asked
        raise LookupError(call)

    def parts(self) -> Iterator[OpenPart]:
        """Yield the parts that are not handed over."""
        asked = (one for one in self.asked() if isinstance(one, Convert | Close))
        named = {one.part.name: one.part for one in asked}
        if self.part is not None:
            named[self.part.name] = self.part
        yield from named.values()

    def asked(self) -> Sequence[Asked]:
        """Return what it has not answered yet, in order."""
        return [asked for _, asked in self._calls]

    def seen(self, part: OpenPart) -> dict[str, Seen]:
        """Return the documents that a part of it may have by now, by id."""
        asked = (one for one in self.asked() if isinstance(one, Convert) and one.part is part)
        return {seen.id: seen for one in asked for seen in one.batch} | part.written
