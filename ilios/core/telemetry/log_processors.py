"""Processors for structlog: the form of a log line, and what is kept out of it.

A line is at most as long as a pipe takes in one write, so that lines of several processes never
mix. Of an exception it has the class and the places in the code; its text only where that is our
own, or that of the operating system or the database: the text of any other may quote a document.
"""

from __future__ import annotations

import json
import re
import time
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ilios.core.errors import IliosError

if TYPE_CHECKING:  # it is imported with the first line: see ilios.core.telemetry.logs
    from structlog.typing import EventDict, Processor

LINE_MAX_BYTES: Final = 4096  #: PIPE_BUF of Linux
TEXT_MAX_CHARACTERS: Final = (1000, 200, 40)  #: of one field; the next when the line is too long
FRAMES_MAX: Final = 20
CAUSES_MAX: Final = 4
SECRET_MIN_CHARACTERS: Final = 6  #: shorter ones would be found in ordinary words
NANOSECONDS_PER_SECOND: Final = 1_000_000_000
NANOSECONDS_PER_MICROSECOND: Final = 1000
REDACTED: Final = "***"
ELLIPSIS: Final = "…"

_ERRORS_WITH_SAFE_TEXT: Final = (
    IliosError, OSError, ImportError, AttributeError, NameError, TypeError,
)  # fmt: skip
_PACKAGES_WITH_SAFE_TEXT: Final = (
    "sqlalchemy",
    "pysqlite3",
    "sqlcipher3",
    "sqlite3",
)  # parameters are hidden
_REPOSITORY: Final = str(Path(__file__).parents[3]) + "/"
_LIBRARIES: Final = "/site-packages/"
_WHERE_SECRETS_ARE: Final = re.compile(
    r"(?<=://)[^/\s\"'@\\]+(?=@)"  # user and password
    r"|(?<=/objects/)[^\s\"'?#<\\]+"  # a link of the local store
    r"|(?<=[?])[^\s\"'?<>\\]*=[^\s\"'<>\\]*"  # a query: that is where links are signed
    r"|(?<=[Bb]earer )[^\s\"'\\]+"
)

_encode: Final = json.JSONEncoder(
    separators=(",", ":"), default=lambda value: _without_content(value)
).encode


def timestamp() -> str:
    """Return the present moment in UTC, always to the microsecond."""
    seconds, nanoseconds = divmod(time.time_ns(), NANOSECONDS_PER_SECOND)
    return f"{_to_the_second(seconds)}.{nanoseconds // NANOSECONDS_PER_MICROSECOND:06d}Z"


@lru_cache(maxsize=1)  # a third of the time: many lines share a second
def _to_the_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def describe_exception(logger: object, level: str, event: EventDict) -> EventDict:
    """Replace `exc_info`, in any form that Python's logging takes, by `exception` and `frames`."""
    if "exc_info" not in event:
        return event
    found = _exception_finder()(logger, level, {"exc_info": event.pop("exc_info")})
    if found:
        event.update(describe(found["exception"]))
    return event


@cache
def _exception_finder() -> Any:
    from structlog.processors import ExceptionRenderer

    return ExceptionRenderer(exception_formatter=lambda exc_info: exc_info[1])


def dropped() -> BaseException:
    """Return what structlog takes for the end of a line that is not written."""
    from structlog import DropEvent

    return DropEvent()


def console(*, colours: bool) -> Processor:
    """Return what writes lines for people."""
    return lambda logger, level, event: _console(colours)(logger, level, event)


@cache
def _console(colours: bool) -> Processor:
    from structlog.dev import ConsoleRenderer

    return ConsoleRenderer(colors=colours)


def describe(error: BaseException) -> dict[str, Any]:
    """Return `exception`, the classes from the error to its first cause, and `frames`.

    At most CAUSES_MAX classes, and the last FRAMES_MAX places in the code.
    """
    causes: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(causes) < CAUSES_MAX:
        causes.append(_name_and_safe_text(cause))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    frames = [
        f"{_short(frame.f_code.co_filename)}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    return {"exception": " from ".join(causes), "frames": frames[-FRAMES_MAX:]}


def render_json(_logger: object, _level: str, event: EventDict) -> str:
    """Return one JSON object in ASCII; shorten texts until it fits into LINE_MAX_BYTES."""
    line = _encode(event)
    for limit in TEXT_MAX_CHARACTERS:
        if len(line) < LINE_MAX_BYTES:
            return line
        line = _encode({name: _shortened(value, limit) for name, value in event.items()})
    return line


def join_frames(_logger: object, _level: str, event: EventDict) -> EventDict:
    """Put `frames` below `exception`, for structlog's ConsoleRenderer."""
    if frames := event.pop("frames", None):
        event["exception"] = "\n    ".join((event["exception"], *frames))
    return event


class Scrubber:
    """Remove secrets and signed links from a rendered line."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {secret for secret in secrets if len(secret) >= SECRET_MIN_CHARACTERS}
        self._secrets = tuple(known | {_encode(secret)[1:-1] for secret in known})

    def __call__(self, _logger: object, _level: str, line: Any) -> str:
        """Return the line, a str, with `***` in place of what is secret."""
        for secret in self._secrets:
            if secret in line:
                line = line.replace(secret, REDACTED)
        # Written out, for speed: most lines have none of these.
        if "://" in line or "/objects/" in line or "?" in line or "earer " in line:
            line = _WHERE_SECRETS_ARE.sub(REDACTED, line)
        return str(line)


def _name_and_safe_text(error: BaseException) -> str:
    kind = type(error)
    is_builtin = kind.__module__ == "builtins"
    name = kind.__qualname__ if is_builtin else f"{kind.__module__}.{kind.__qualname__}"
    is_safe = isinstance(error, _ERRORS_WITH_SAFE_TEXT)
    if not is_safe and not kind.__module__.startswith(_PACKAGES_WITH_SAFE_TEXT):
        return name
    text = error.logged if isinstance(error, IliosError) else str(error)
    return f"{name}: {text}" if text else name


def _short(path: str) -> str:
    if _LIBRARIES in path:
        return path.rpartition(_LIBRARIES)[2]
    return path.removeprefix(_REPOSITORY)


def _shortened(value: Any, limit: int) -> Any:
    if isinstance(value, list):
        return value[-max(1, limit // 100) :]
    if not isinstance(value, str) or len(value) <= limit:
        return value
    return value[: limit - 1] + ELLIPSIS


def _without_content(value: object) -> str:
    """Return a text for a value that JSON cannot hold; of an unknown class only its name."""
    return str(value) if isinstance(value, Path | datetime) else type(value).__name__
