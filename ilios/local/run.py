"""A run over many documents: several at once, results in order, a line for each that fails."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from ilios.core.errors import IliosError
from ilios.local import outputs
from ilios.local.converter import Converter, Order
from ilios.local.inputs import Document
from ilios.local.outputs import ImageFolder

AHEAD: Final = 4
"""Of results that go to one stream in order: how many times as many documents as are converted at
once may be done before their turn, in memory."""


@dataclass(frozen=True, slots=True)
class Task:
    """A document, and the file of its result; None for the stream of all results."""

    document: Document
    output: Path | None = None
    with_images: bool = False


class Stream(Protocol):
    """Where the results of all documents go, one after the other."""

    def write(self, block: bytes, /) -> object: ...

    def flush(self) -> object: ...


class Reporter(Protocol):
    """Is told how a run goes."""

    def advance(self) -> None:
        """Take note that a document is done, one way or the other. Called in any thread."""
        ...

    def fail(self, document: Document, reason: str) -> None:
        """Take note of a document without a result, in the order of the documents."""
        ...


def run(
    tasks: Sequence[Task],
    converter: Converter,
    order: Order,
    reporter: Reporter,
    stream: Stream | None = None,
) -> None:
    """Convert documents to files, or to a stream in their order.

    Whatever ends it early, such as Ctrl-C, stops what runs; no half file is left.
    """
    ahead = AHEAD * converter.concurrency if stream else len(tasks)
    in_order = _InOrder(stream)
    waiting: deque[tuple[Task, Future[Sequence[bytes]]]] = deque()
    executor = ThreadPoolExecutor(converter.concurrency, "conversion")
    try:
        for task in tasks:
            future = executor.submit(_done, task, converter, order)
            future.add_done_callback(lambda _: reporter.advance())
            waiting.append((task, future))
            if len(waiting) >= ahead:
                _settle(*waiting.popleft(), in_order, reporter)
        while waiting:
            _settle(*waiting.popleft(), in_order, reporter)
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        converter.stop()
        raise
    finally:
        executor.shutdown()


def _done(task: Task, converter: Converter, order: Order) -> Sequence[bytes]:
    """Convert a document; return what is for the stream."""
    output = task.output
    images = ImageFolder(output) if output is not None and task.with_images else None
    blocks = converter.convert(task.document, order, images)
    if output is None:
        return blocks
    outputs.write(output, blocks)  # behind its images: what skips it later may rely on them
    return ()


def _settle(
    task: Task, future: Future[Sequence[bytes]], stream: _InOrder, reporter: Reporter
) -> None:
    """Wait for a document, and pass on what became of it."""
    try:
        blocks = future.result()
    except IliosError as error:
        reporter.fail(task.document, error.detail)
    except OSError as error:
        reporter.fail(task.document, _sentence(error, task.document))
    except Exception as error:  # noqa: BLE001  # the others go on
        reporter.fail(task.document, f"The engine broke on it ({type(error).__name__}: {error}).")
    else:
        if task.output is None:
            stream.write(blocks)


def _sentence(error: OSError, document: Document) -> str:
    """Return what went wrong, and with what, where that is not the document."""
    reason = error.strerror or str(error)
    name = error.filename2 or error.filename  # of a rename, where it leads
    of_another = name is not None and str(name) != document.shown
    return f"{reason}: {name}." if of_another else f"{reason}."


class _InOrder:
    """Puts a blank line between two results, and nothing else to either."""

    def __init__(self, stream: Stream | None) -> None:
        self._stream = stream
        self._last: bytes | None = None  #: of the result before

    def write(self, blocks: Sequence[bytes]) -> None:
        if self._stream is None:
            raise TypeError("a document without a file, and no stream")
        if self._last is not None:
            self._stream.write(b"\n" if self._last.endswith(b"\n") else b"\n\n")
        for block in blocks:
            self._stream.write(block)
            self._last = block or self._last
        self._last = self._last or b""
        self._stream.flush()
