"""Whether this process sends its spans: what does is imported only where the settings say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ilios.core.errors import StartupError
from ilios.core.telemetry import spans

if TYPE_CHECKING:  # they take a quarter of a second to import
    from ilios.core.settings import Settings


def preload(settings: Settings) -> None:
    """Import what sends spans, if it is to be, once for this process and its forks.

    Raises StartupError where it is not installed.
    """
    if settings.traces_endpoint is None:
        return
    try:
        from ilios.core.telemetry import span_export
    except ImportError as error:
        raise StartupError(
            "Traces are asked for, and what sends them is not installed: install ilios with its "
            "extra `otel`, as in pip install 'ilios[otel]', or set OTEL_SDK_DISABLED=true."
        ) from error
    span_export.preload()


def start(settings: Settings, process: str) -> None:
    """Send the spans of this process, if the settings say so.

    For a process that forks no more: a thread sends them, and a fork would not have it.
    """
    if settings.traces_endpoint is not None:
        from ilios.core.telemetry import span_export

        span_export.start(settings, process)


def stop() -> None:
    """Send what is left, within a bound, and record no more."""
    if spans.are_on():
        from ilios.core.telemetry import span_export

        span_export.stop()
