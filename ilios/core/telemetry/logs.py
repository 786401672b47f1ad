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
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Final, NoReturn, TextIO

from ilios.core import settings as environment
from ilios.core.settings import Settings
from ilios.core.telemetry import log_format
from ilios.core.telemetry.log_format import Scrubber

EXIT_CANNOT_START: Final = 1
EXIT_CRASHED: Final = 1
LOUD: Final = ("gunicorn.error",)  #: of libraries, those whose ordinary messages are of interest
_LEVELS: Final = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}

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


class Log:
    """The events of a module: constant names, and fields. `exc_info` adds an exception."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def debug(self, event: str, **fields: Any) -> None:
        _speaker.say(self._name, logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        _speaker.say(self._name, logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        _speaker.say(self._name, logging.WARNING, event, fields)

    def error(self, event: str, **fields: Any) -> None:
        _speaker.say(self._name, logging.ERROR, event, fields)

    def critical(self, event: str, **fields: Any) -> None:
        _speaker.say(self._name, logging.CRITICAL, event, fields)

    def exception(self, event: str, **fields: Any) -> None:
        """An error with the exception that is being handled."""
        _speaker.say(self._name, logging.ERROR, event, {**fields, "exc_info": True})

    def log(self, level: int, event: str, **fields: Any) -> None:
        """At a level of Python's own logging."""
        _speaker.say(self._name, level, event, fields)


class _Speaker:
    """Writes the lines of this process."""

    def __init__(self) -> None:
        self._turn = threading.RLock()
        self.speak_as(Voice(), None)

    def speak_as(self, voice: Voice, stream: TextIO | None) -> None:
        self.voice = voice
        self._stream = stream  #: None is whatever standard output is at the time
        self._least = logging.getLevelNamesMapping()[voice.level]
        self._scrub = Scrubber(voice.secrets)
        target = stream or sys.stdout
        # https://no-color.org; no setting of ours
        colours = target is not None and target.isatty() and not os.environ.get("NO_COLOR")
        is_json = voice.format == "json"
        self._render = log_format.as_json if is_json else log_format.console(colours=colours)

    def say(self, logger: str, level: int, event: str, fields: dict[str, Any]) -> None:
        if level < self._least:
            return
        error = log_format.error_of(fields.pop("exc_info", None))
        whole = {
            "timestamp": log_format.moment(),
            "level": _LEVELS[level],
            "event": event,
            "process": self.voice.process,
            "pid": os.getpid(),
            "logger": logger,
            **_FIELDS.get(),
            **fields,
        }
        if error is not None:
            whole |= log_format.describe(error)
        self._write(self._scrub(self._render(whole)) + "\n")

    def _write(self, line: str) -> None:
        """A log that nobody takes must not end the work."""
        with self._turn:
            try:
                stream = self._stream or sys.stdout
                stream.write(line)
                stream.flush()
            except (OSError, ValueError):
                pass


_speaker = _Speaker()


def configure(settings: Settings, process: str, stream: TextIO | None = None) -> None:
    """Let this process speak to standard output, or a stream, in the shape that is set."""
    speak(Voice(process, settings.log_format, settings.log_level, settings.secrets), stream)


def voice() -> Voice:
    """How this process speaks, for its children; without the secrets."""
    return replace(_speaker.voice, secrets=())


def speak(voice: Voice, stream: TextIO | None = None) -> None:
    """Take over whatever is said in this process.

    But a command, whose stream is standard error, prints and breaks in a form for people.
    """
    _speaker.speak_as(voice, stream)
    level = logging.getLevelNamesMapping()[voice.level]
    root = logging.getLogger()
    root.handlers[:] = [_OfLibraries()]
    root.setLevel(max(level, logging.WARNING))  # below, they log requests with their headers
    for name in LOUD:
        logging.getLogger(name).setLevel(level)
    if stream is sys.stderr:
        return
    logging.captureWarnings(capture=True)
    sys.excepthook = _process_crashed
    sys.unraisablehook = _raised_in_vain
    threading.excepthook = _thread_crashed
    if voice.format == "json" and stream is None:
        sys.stderr = _Stderr()


def get(name: str) -> Log:
    """The event log of a module."""
    return Log(name)


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
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
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


_log: Final = get(__name__)
