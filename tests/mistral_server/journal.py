"""What happened: every call in order, and what was billed for it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Call:
    """One request, or one line of a batch's input (`batch_line`).

    `kind` is a word of `behaviour.On`, or `fetch` for a signed link. `in_flight` counts the calls
    of that kind when this one began, itself included. A call without `status` got no answer.
    """

    number: int
    kind: str
    at: float  #: seconds since the epoch
    in_flight: int = 0
    seconds: float | None = None  #: until the answer was ready; None: still at work
    status: int | None = None
    fault: str | None = None  #: the kind of the fault that struck
    source: str | None = None  #: inline, file or url
    file_id: str | None = None
    file_name: str | None = None
    sha256: str | None = None  #: of the document's bytes
    pages_asked: list[int] | str | None = None
    pages_billed: int = 0
    annotated: bool = False
    batch: bool = False
    bytes_received: int = 0
    custom_id: str | None = None
    job_id: str | None = None
    model: str | None = None
    traceparent: str | None = None  #: as the client sent it


@dataclass(frozen=True, slots=True)
class FileThere:
    """A file that nobody has deleted."""

    id: str
    name: str
    purpose: str
    size_bytes: int
    sha256: str
    expires_at: int | None


@dataclass(frozen=True, slots=True)
class Stats:
    """The journal in short. Billed pages of calls and of batches are counted apart."""

    billed_pages: int
    billed_batch_pages: int
    in_flight: int  #: ocr calls now
    peak_in_flight: int  #: ocr calls at most
    calls: dict[str, int]  #: by kind
    statuses: dict[str, int]  #: ocr answers by status; "none" for calls that got none
    files: int


@dataclass(frozen=True, slots=True)
class Report:
    """All of the journal, and the files that are there."""

    stats: Stats
    calls: list[Call]
    files: list[FileThere]


@dataclass(slots=True)
class Journal:
    """Written by the event loop's thread only."""

    calls: list[Call] = field(default_factory=list)
    in_flight: Counter[str] = field(default_factory=Counter)
    peak: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def call(self, kind: str) -> Iterator[Call]:
        """Provide a call from its first byte until its answer is ready."""
        begun = time.monotonic()
        self.in_flight[kind] += 1
        self.peak[kind] = max(self.peak[kind], self.in_flight[kind])
        call = Call(len(self.calls), kind, time.time(), self.in_flight[kind])
        self.calls.append(call)
        in_flight = self.in_flight  # a reset in between starts new counters
        try:
            yield call
        finally:
            in_flight[kind] -= 1
            call.seconds = time.monotonic() - begun

    def stats(self, files: int) -> Stats:
        ocr = [call for call in self.calls if call.kind == "ocr"]
        return Stats(
            billed_pages=sum(call.pages_billed for call in ocr),
            billed_batch_pages=sum(call.pages_billed for call in self.calls if call.batch),
            in_flight=self.in_flight["ocr"],
            peak_in_flight=self.peak["ocr"],
            calls=dict(Counter(call.kind for call in self.calls)),
            statuses=dict(Counter(str(call.status or "none").lower() for call in ocr)),
            files=files,
        )

    def report(self, files: list[FileThere]) -> Report:
        return Report(self.stats(len(files)), self.calls, files)
