"""Logs are events: a constant name, then fields, one line each, whoever speaks.

docs/events.md lists them all. What libraries log, what Python warns of and what ends a thread or a
process comes in the same shape.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Final, NoReturn, TextIO

import structlog

from ilios import log_lines
from ilios import settings as environment
from ilios.log_lines import Scrubber
from ilios.settings import Settings

Log = structlog.typing.FilteringBoundLogger

EXIT_CANNOT_START: Final = 1
EXIT_CRASHED: Final = 1
LOUD: Final = ("gunicorn.error",)  #: of libraries, those whose ordinary messages are of interest
_LEVELS: Final = ("debug", "info", "warning", "error", "critical")

_NONE: Final[dict[str, object]] = {}
_FIELDS: ContextVar[dict[str, object]] = ContextVar("log_fields", default=_NONE)
"""Of the present work. Never changed, only replaced."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks, and how. It can be handed to a child process."""

    process: str = "ilios"  #: `web`, `supervisor`, `worker-0` …
    format: str = "json"
    level: str = "INFO"
    secrets: tuple[str, ...] = field(default=(), repr=False)
    meets_strangers: bool = False  #: opens strangers' files: then libraries' words may quote them


class _Speaker:
    """Writes lines for this process; reconfigured in place, for loggers are kept by modules."""

    def __init__(self) -> None:
        self._turn = threading.RLock()
        self.speak_as(Voice(), None)

    def speak_as(self, voice: Voice, stream: TextIO | None) -> None:
        self.voice = voice
        self._stream = stream  #: None is whatever standard output is at the time
        self._head = {"process": voice.process}
        self._scrub = Scrubber(voice.secrets)
        self._is_json = voice.format == "json"
        target = stream or sys.stdout
        # https://no-color.org; no setting of ours
        colours = target is not None and target.isatty() and not os.environ.get("NO_COLOR")
        self._render = log_lines.as_json if self._is_json else log_lines.console(colours=colours)

    def line(self, logger: _Logger, level: str, event: MutableMapping[str, Any]) -> str:
        """What structlog calls last: all of an event as text."""
        error = _error(event.pop("exc_info", None))
        whole = {
            "timestamp": log_lines.moment(),
            "level": level,
            "event": event.pop("event"),
            **self._head,
            "pid": os.getpid(),
            "logger": logger.name,
            **_FIELDS.get(),
            **event,
        }
        if error is not None:
            whole |= log_lines.describe(error)
        return self._scrub(self._render(whole))

    def write(self, line: str) -> None:
        """A log that nobody takes must not end the work."""
        with self._turn, suppress(OSError, ValueError):
            stream = self._stream or sys.stdout
            stream.write(line + "\n")
            stream.flush()


class _Logger:
    """What structlog wraps: a name, and a way out."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def msg(self, line: str) -> None:
        _speaker.write(line)

    debug = info = warning = error = critical = msg


_speaker = _Speaker()


def configure(settings: Settings, process: str, stream: TextIO | None = None) -> None:
    """Let this process speak to standard output, or a stream, in the shape that is set."""
    speak(Voice(process, settings.log_format, settings.log_level, settings.secrets), stream)


def voice() -> Voice:
    """How this process speaks, for its children; without the secrets."""
    return replace(_speaker.voice, secrets=())


def speak(voice: Voice, stream: TextIO | None = None) -> None:
    """Take over whatever is said in this process."""
    _speaker.speak_as(voice, stream)
    level = logging.getLevelNamesMapping()[voice.level]
    structlog.configure(
        processors=[_speaker.line],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_Logger,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers[:] = [_OfLibraries()]
    root.setLevel(max(level, logging.WARNING))  # below, they log requests with their headers
    for name in LOUD:
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(capture=True)
    sys.excepthook = _process_crashed
    sys.unraisablehook = _raised_in_vain
    threading.excepthook = _thread_crashed
    if voice.format == "json":
        sys.stderr = _Stderr()


def get(name: str) -> Log:
    """The event log of a module."""
    log: Log = structlog.get_logger(name)
    return log


def bind(**fields: object) -> None:
    """Let the lines of this thread's present work have these fields too; None takes one away."""
    known = {**_FIELDS.get(), **fields}
    _FIELDS.set({name: value for name, value in known.items() if value is not None})


@contextmanager
def bound(**fields: object) -> Iterator[None]:
    """Within, lines of this thread have these fields; afterwards, those that they had before."""
    token = _FIELDS.set(_FIELDS.get())
    try:
        bind(**fields)
        yield
    finally:
        _FIELDS.reset(token)


def unbind() -> None:
    """The present work of this thread is over."""
    _FIELDS.set(_NONE)


def refuse_start(process: str, reason: str, exit_code: int = EXIT_CANNOT_START) -> NoReturn:
    """End a process that cannot start, with one line that names the cause and the remedy."""
    if environment.log_format() == "json":
        speak(Voice(process), sys.__stderr__)
        _log.critical("process.cannot_start", reason=reason)
    else:
        print(f"ilios: {reason}", file=sys.__stderr__)  # for people: the one line
    sys.exit(exit_code)


@contextmanager
def last_words() -> Iterator[None]:
    """Log what ends a spawned process before its time; multiprocessing would print it."""
    try:
        yield
    except Exception as error:
        _log.critical("process.crashed", exc_info=error)
        raise SystemExit(EXIT_CRASHED) from error


class _OfLibraries(logging.Handler):
    """What comes by way of Python's own logging."""

    def emit(self, record: logging.LogRecord) -> None:
        level = min(max(record.levelno // 10, 1), len(_LEVELS)) * 10
        message = None if _speaker.voice.meets_strangers else record.getMessage()
        _log.log(
            level,
            "library.logged",
            source=record.name,
            message=message,
            exc_info=record.exc_info,
        )


class _Stderr(io.TextIOBase):
    """Standard error of a process that speaks JSON: whoever prints there says it in the log."""

    def __init__(self) -> None:
        self._rest = ""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return sys.__stderr__.fileno() if sys.__stderr__ else 2

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in filter(None, lines):
            _log.warning("stderr.written", text=line)
        return len(text)


def _process_crashed(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if isinstance(error, Exception):
        _log.critical("process.crashed", exc_info=error)
    else:
        sys.__excepthook__(kind, error, trace)


def _thread_crashed(thread: threading.ExceptHookArgs) -> None:
    name = thread.thread.name if thread.thread else ""
    _log.error("thread.crashed", thread=name, exc_info=thread.exc_value)


def _raised_in_vain(raised: sys.UnraisableHookArgs) -> None:
    _log.error("exception.ignored", exc_info=raised.exc_value)


def _error(given: Any) -> BaseException | None:
    """What `exc_info` stands for."""
    if isinstance(given, tuple):
        given = given[1]
    if given is True:
        given = sys.exc_info()[1]
    return given if isinstance(given, BaseException) else None


_log: Final = get(__name__)
