"""What a line of the log looks like, and what never stands in it.

A line is at most as long as a pipe takes at once, so that lines of several processes never mix. Of
an exception it has the class and the places in the code; its words only where they are our own, or
those of the operating system and the database: any other's may quote a document.
"""

from __future__ import annotations

import json
import re
import sys
import traceback
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import structlog

from ilios.core.errors import IliosError

LINE_MAX_BYTES: Final = 4096  #: PIPE_BUF of Linux
TEXT_MAX_CHARACTERS: Final = (1000, 200, 40)  #: of one field; the next when the line is too long
FRAMES_MAX: Final = 20
CAUSES_MAX: Final = 4
SECRET_MIN_CHARACTERS: Final = 6  #: shorter ones would be found in ordinary words
HIDDEN: Final = "***"
CUT: Final = "…"

_PLAIN_WORDS: Final = (IliosError, OSError, ImportError, AttributeError, NameError, TypeError)
_PLAIN_PACKAGES: Final = ("sqlalchemy", "pysqlite3", "sqlite3")  # parameters are hidden
_HERE: Final = str(Path(__file__).parents[3]) + "/"
_LIBRARIES: Final = "/site-packages/"
_WHERE_SECRETS_ARE: Final = re.compile(
    r"(?<=://)[^/\s\"'@\\]+(?=@)"  # user and password
    r"|(?<=/objects/)[^\s\"'?#<\\]+"  # a link of the local store
    r"|(?<=[?])[^\s\"'?<>\\]*=[^\s\"'<>\\]*"  # a query: that is where links are signed
    r"|(?<=[Bb]earer )[^\s\"'\\]+"
)
_MARKS_OF_SECRETS: Final = ("://", "/objects/", "?", "earer ")

_encode: Final = json.JSONEncoder(separators=(",", ":"), default=lambda value: _plain(value)).encode
_Event = dict[str, Any]


class Scrubber:
    """Takes out of a line what must not be in it: secrets, presigned links."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {secret for secret in secrets if len(secret) >= SECRET_MIN_CHARACTERS}
        self._secrets = tuple(known | {_encode(secret)[1:-1] for secret in known})

    def __call__(self, line: str) -> str:
        for secret in self._secrets:
            if secret in line:
                line = line.replace(secret, HIDDEN)
        if any(mark in line for mark in _MARKS_OF_SECRETS):
            line = _WHERE_SECRETS_ARE.sub(HIDDEN, line)
        return line


def moment() -> str:
    """Now, in UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def as_json(event: Mapping[str, Any]) -> str:
    """One JSON object of ASCII, as short as it has to be."""
    line = _encode(event)
    for limit in TEXT_MAX_CHARACTERS:
        if len(line) < LINE_MAX_BYTES:
            return line
        line = _encode({name: _cut(value, limit) for name, value in event.items()})
    return line


def console(*, colours: bool) -> Any:
    """For people: structlog's own form, without its tracebacks, which show what variables hold."""
    render = structlog.dev.ConsoleRenderer(colors=colours)

    def rendered(event: _Event) -> str:
        if places := event.pop("frames", None):
            event["exception"] = "\n    ".join((event["exception"], *places))
        return str(render(None, "", event))

    return rendered


def error_of(exc_info: Any) -> BaseException | None:
    """The exception that `exc_info` stands for, as Python's own logging takes it."""
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1]
    if exc_info is True:
        exc_info = sys.exc_info()[1]
    return exc_info if isinstance(exc_info, BaseException) else None


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as fields: classes from the last to its first cause, and places in the code."""
    causes: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(causes) < CAUSES_MAX:
        causes.append(_words(cause))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    frames = [
        f"{_short(frame.f_code.co_filename)}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    return {"exception": " from ".join(causes), "frames": frames[-FRAMES_MAX:]}


def _words(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else _qualified(kind)
    if not isinstance(error, _PLAIN_WORDS) and not kind.__module__.startswith(_PLAIN_PACKAGES):
        return name
    words = error.logged if isinstance(error, IliosError) else str(error)
    return f"{name}: {words}" if words else name


def _qualified(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _short(path: str) -> str:
    if _LIBRARIES in path:
        return path.rpartition(_LIBRARIES)[2]
    return path.removeprefix(_HERE)


def _cut(value: Any, limit: int) -> Any:
    if isinstance(value, list):
        return value[-max(1, limit // 100) :]
    if not isinstance(value, str) or len(value) <= limit:
        return value
    return value[: limit - 1] + CUT


def _plain(value: object) -> str:
    """A value that JSON has no word for; of a stranger's class only its name."""
    return str(value) if isinstance(value, Path | datetime) else type(value).__name__
