"""Logs are events: a constant name, then fields, one line each, to standard output."""

from __future__ import annotations

import logging
import logging.config
import sys
from typing import Any, TextIO

import structlog

from ilios.settings import Settings

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(settings: Settings, process: str, stream: TextIO | None = None) -> None:
    """Send our events and those of libraries to standard output, or a stream, in one shape.

    `process` names the part of Ilios that speaks: `web`, `supervisor`, `worker-0` …
    """

    def name_process(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        return {**event, "process": process}

    stream = stream or sys.stdout
    shared = [*_SHARED, name_process]
    json = settings.log_format == "json"
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *([structlog.processors.dict_tracebacks] if json else []),
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for library in ("botocore", "boto3", "s3transfer", "urllib3", "alembic", "httpx2", "PIL"):
        logging.getLogger(library).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def get(name: str) -> structlog.stdlib.BoundLogger:
    """The event log of a module."""
    log: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return log
