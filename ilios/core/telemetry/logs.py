"""Structured logging: one event per line, with a constant name and fields.

docs/events.md lists all events. Loggers are structlog's; all of them share one list of processors,
which `configure` fills. What libraries log, what Python warns of and what ends a thread or a
process becomes an event too.
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
from typing import TYPE_CHECKING, Any, Final, NoReturn, TextIO, cast

from ilios.core.telemetry import log_processors
from ilios.core.telemetry.log_processors import Scrubber

if TYPE_CHECKING:  # parser children log too, and settings take a quarter of a second to import
    from structlog.typing import EventDict, FilteringBoundLogger, Processor

    from ilios.core.settings import Settings

EXIT_CANNOT_START: Final = 1
EXIT_CRASHED: Final = 1
VERBOSE_LIBRARIES: Final = ("gunicorn.error",)  #: logged at our level; others from WARNING on

_NO_FIELDS: Final[dict[str, object]] = {}
_BOUND_FIELDS: ContextVar[dict[str, object]] = ContextVar("log_fields", default=_NO_FIELDS)
"""Fields of the present work. The dictionary is never changed, only replaced."""


@dataclass(frozen=True, slots=True)
class LogConfig:
    """How a process logs. It can be handed to a child process."""

    process: str = "ilios"  #: `web`, `supervisor`, `worker-0` …
    format: str = "json"
    level: str = "INFO"
    secrets: tuple[str, ...] = field(default=(), repr=False)
    node: str | None = None  #: of a cluster
    opens_documents: bool = False  #: then messages of libraries may quote one, and are left out


class _Output:
    """The logger that structlog wraps: writes lines to a stream, whole and in turn."""

    def __init__(self) -> None:
        self.stream: TextIO | None = None  #: None is whatever standard output is at the time
        # Reentrant: a finalizer that runs during a write may log.
        self._turn = threading.RLock()

    def write(self, line: str) -> None:
        """Write a line. A stream that takes none must not end the work."""
        with self._turn:
            try:
                stream = self.stream or sys.stdout
                stream.write(line + "\n")
                stream.flush()
            except (OSError, ValueError):
                pass

    debug = info = warning = error = critical = write


_output: Final = _Output()
_config = LogConfig()
_processors: Final[list[Processor]] = []
"""Changed in place, so that loggers which exist already follow."""


class _Logger:
    """structlog's logger of a module, made for its first line: most parser children log none.

    structlog takes them as long to import as all that they need.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, method: str) -> Any:
        """Return a method of structlog's logger, which is found here from then on."""
        found = getattr(_bound(self._name), method)
        setattr(self, method, found)
        return found


def get(name: str) -> FilteringBoundLogger:
    """Return the logger of a module."""
    return cast("FilteringBoundLogger", _Logger(name))


def preload() -> None:
    """Import structlog, once for this process and its forks."""
    _bound(__name__)


def _bound(name: str) -> FilteringBoundLogger:
    import structlog

    unfiltered = structlog.make_filtering_bound_logger(logging.NOTSET)
    unbound = structlog.wrap_logger(_output, processors=_processors, wrapper_class=unfiltered)
    logger: FilteringBoundLogger = unbound.bind(logger=name)
    return logger


def configure(settings: Settings, process: str, stream: TextIO | None = None) -> None:
    """Log as the settings say, to standard output or a stream, under the name of a process."""
    node = settings.node if settings.database_url is not None else None
    apply(
        LogConfig(process, settings.log_format, settings.log_level, settings.secrets, node), stream
    )


def config_for_child() -> LogConfig:
    """Return the present configuration, without the secrets."""
    return replace(_config, secrets=())


def apply(config: LogConfig, stream: TextIO | None = None) -> None:
    """Log in this way from now on, and capture what else the process says.

    A command, whose stream is standard error, keeps Python's own output of warnings and crashes.
    """
    global _config
    _config = config
    _output.stream = stream
    _processors[:] = _chain(config, stream or sys.stdout)
    level = logging.getLevelNamesMapping()[config.level]
    root = logging.getLogger()
    root.handlers[:] = [_LibraryHandler()]
    _set_level(root, max(level, logging.WARNING))  # below, they log requests with their headers
    for name in VERBOSE_LIBRARIES:
        _set_level(logging.getLogger(name), level)
    if stream is not sys.stderr:
        _capture_process(config, stream)


def _set_level(logger: logging.Logger, level: int) -> None:
    if logger.level != level:  # else a fork would copy the memory of all loggers
        logger.setLevel(level)


def bind(**fields: object) -> None:
    """Add fields to the lines of this thread's present work; None removes one."""
    known = {**_BOUND_FIELDS.get(), **fields}
    _BOUND_FIELDS.set({name: value for name, value in known.items() if value is not None})


@contextmanager
def bound(**fields: object) -> Iterator[None]:
    """Add fields to this thread's lines within; afterwards restore those of before."""
    token = _BOUND_FIELDS.set(_BOUND_FIELDS.get())
    try:
        bind(**fields)
        yield
    finally:
        _BOUND_FIELDS.reset(token)


def unbind() -> None:
    """Remove all fields: the present work of this thread is over."""
    _BOUND_FIELDS.set(_NO_FIELDS)


def refuse_start(process: str, reason: str, exit_code: int = EXIT_CANNOT_START) -> NoReturn:
    """End a process that cannot start, with one line that names the cause and the remedy."""
    from ilios.core.settings import configured_log_format

    if configured_log_format() == "json":
        apply(LogConfig(process), sys.__stderr__)
        _log.critical("process.cannot_start", reason=reason)
    else:
        print(f"ilios: {reason}", file=sys.__stderr__)  # for people: the one line
    sys.exit(exit_code)


@contextmanager
def log_crash() -> Iterator[None]:
    """Log an exception that ends a spawned process; multiprocessing would print it.

    Raises SystemExit in its place.
    """
    try:
        yield
    except Exception as error:
        _log.critical("process.crashed", exc_info=error)
        raise SystemExit(EXIT_CRASHED) from error


def _chain(config: LogConfig, target: TextIO | None) -> list[Processor]:
    chain: list[Processor] = [
        _LevelFilter(config.level),
        _HeadFields(config),
        log_processors.describe_exception,
    ]
    if config.format == "json":
        chain.append(log_processors.render_json)
    else:
        # https://no-color.org; no setting of ours
        colours = target is not None and target.isatty() and not os.environ.get("NO_COLOR")
        chain += [log_processors.join_frames, log_processors.console(colours=colours)]
    return [*chain, Scrubber(config.secrets)]


class _LevelFilter:
    """Drop events below a level.

    A processor, for the classes that structlog makes for a level keep it for ever.
    """

    def __init__(self, level: str) -> None:
        least = logging.getLevelNamesMapping()[level]
        levels = logging.getLevelNamesMapping().items()
        self._dropped = frozenset(name.lower() for name, number in levels if number < least)

    def __call__(self, _logger: object, level: str, event: EventDict) -> EventDict:
        if level in self._dropped:
            raise log_processors.dropped()
        return event


class _HeadFields:
    """Put the fields that every line has, and those that are bound, before the event's own."""

    def __init__(self, config: LogConfig) -> None:
        self._origin = {"process": config.process}
        if config.node is not None:
            self._origin = {"node": config.node, **self._origin}

    def __call__(self, _logger: object, level: str, event: EventDict) -> EventDict:
        return {
            "timestamp": log_processors.timestamp(),
            "level": level,
            "event": event.pop("event"),
            **self._origin,
            "pid": os.getpid(),
            "logger": event.pop("logger"),
            **_BOUND_FIELDS.get(),
            **event,
        }


def _capture_process(config: LogConfig, stream: TextIO | None) -> None:
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    sys.unraisablehook = _log_unraisable
    threading.excepthook = _log_thread_crash
    if config.format == "json" and stream is None:
        sys.stderr = _StderrToLog()


class _LibraryHandler(logging.Handler):
    """Turn what comes through Python's own logging into events."""

    def emit(self, record: logging.LogRecord) -> None:
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
        message = None if _config.opens_documents else record.getMessage()
        _log.log(
            level,
            "library.logged",
            source=record.name,
            message=message,
            exc_info=record.exc_info,
        )


class _StderrToLog(io.TextIOBase):
    """Standard error of a process that logs JSON: each line printed there becomes an event."""

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


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if isinstance(error, Exception):
        _log.critical("process.crashed", exc_info=error)
    else:
        sys.__excepthook__(kind, error, trace)


def _log_thread_crash(thread: threading.ExceptHookArgs) -> None:
    name = thread.thread.name if thread.thread else ""
    _log.error("thread.crashed", thread=name, exc_info=thread.exc_value)


def _log_unraisable(raised: sys.UnraisableHookArgs) -> None:
    _log.error("exception.ignored", exc_info=raised.exc_value)


_log: Final = get(__name__)
_processors[:] = _chain(_config, sys.stdout)
