"""What a parser child and its parent say to each other: JSON, and of errors only those that may be.

Never unpickle what a parser sends.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any, Final, TypeGuard

from ilios.core import conversion_errors
from ilios.core.conversion_errors import ConversionError, DiskFull, OutOfMemory, ParserCrashed
from ilios.engines import parser_memory, unicode

Message = dict[str, Any]
MESSAGE_MAX_BYTES: Final = 1024 * 1024
"""Of one answer of a child; a longer one is not read, and its child is killed."""
ERROR_MAX_CHARACTERS: Final = 2_000
LOGGED_WITH: Final = "loggedWith"  #: of a task: fields of all that is logged during it
END: Final = "end"  #: type of the last of a task's answers; what a work says in it is passed on
_encode: Final = json.JSONEncoder(ensure_ascii=False).encode


def send(pipe: Connection | None, message: Message) -> None:
    """Send a message to the other side. Raises BrokenPipeError when it is gone."""
    assert pipe is not None  # noqa: S101  # narrows the type
    pipe.send_bytes(_encode(message).encode("utf-8", "surrogatepass"))


def with_errors(answers: Iterator[Message]) -> Iterator[Message]:
    """Pass answers on, in the child; a ConversionError becomes the last of them."""
    try:
        yield from answers
    except ConversionError as error:
        yield _error_message(error)
    except MemoryError:
        yield _error_message(_out_of_memory())


def _out_of_memory() -> OutOfMemory:
    return OutOfMemory(
        "The document needs more memory than a parser may take "
        f"({parser_memory.allowed_bytes() // 1024**2:,} MiB). "
        "Split or shrink it, or select some of its `pages`."
    )


def error_of(message: Message) -> ConversionError | None:
    """Return the error that a child's message carries, None for other messages."""
    if message["type"] != "error":
        return None
    cls, detail = getattr(conversion_errors, str(message.get("class")), None), message.get("detail")
    if not _is_told(cls) or not isinstance(detail, str):
        raise no_answer()
    # The sentence may quote the document.
    return cls(unicode.replace_invalid(detail[:ERROR_MAX_CHARACTERS]), logged="")


def no_answer() -> ParserCrashed:
    """Return the error for a child that sends what no reader sends."""
    return ParserCrashed("The parser process sent what is no answer.")


def _is_told(cls: object) -> TypeGuard[type[ConversionError]]:
    """Return whether a child may end with such an error: it lies in the document or the disk."""
    if not isinstance(cls, type) or not issubclass(cls, ConversionError):
        return False
    return cls is DiskFull or not cls.retryable


def _error_message(error: ConversionError) -> Message:
    return {"type": "error", "class": type(error).__name__, "detail": error.detail}


def read(frame: bytes) -> Message:
    """Read a child's message. Raises ParserCrashed for what is none."""
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError) as error:
        raise no_answer() from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise no_answer()
    return message
