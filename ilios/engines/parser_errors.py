"""Errors of a parser child's work on their way to the worker: class and sentence, as JSON."""

from __future__ import annotations

from collections.abc import Iterator

from ilios.core import conversion_errors
from ilios.core.conversion_errors import ConversionError, DocumentTooLarge
from ilios.engines.parser_process import Message

OUT_OF_MEMORY = DocumentTooLarge(
    "The document needs more memory than a parser may take. Select some of its `pages`."
)


def told(answers: Iterator[Message]) -> Iterator[Message]:
    """The child's side: pass answers on; an error becomes the last of them."""
    try:
        yield from answers
    except ConversionError as error:
        yield _message(error)
    except MemoryError:
        yield _message(OUT_OF_MEMORY)


def error_of(message: Message) -> ConversionError | None:
    """The worker's side: the error that a message tells of, if it does."""
    if message["type"] != "error":
        return None
    cls: type[ConversionError] = getattr(conversion_errors, message["class"])
    return cls(message["detail"], logged="")  # the sentence may quote the document


def _message(error: ConversionError) -> Message:
    return {"type": "error", "class": type(error).__name__, "detail": error.detail}
