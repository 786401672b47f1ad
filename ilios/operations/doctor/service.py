"""The service itself: its port, and its health if it runs."""

from __future__ import annotations

import errno
import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any, Final

from ilios.core import data_folder
from ilios.core.processes import is_locked
from ilios.core.settings import Settings
from ilios.operations.doctor.finding import Finding, error, ok, skipped, warning

CHECK = "port"
HEALTH_CHECK = "service"
ANSWER_SECONDS: Final = 5.0
HEALTHY: Final = {"workers": ("ok",), "queue": ("ok",), "provider": ("ok", "not used", "unknown")}
"""What `/health` shows of a healthy service."""


def examine(settings: Settings) -> Iterator[Finding]:
    """Check that the port is free; when the service runs, check its health."""
    if not is_locked(data_folder.web_lock(settings)):
        yield _port(settings.port)
        yield skipped(HEALTH_CHECK, f"It does not run in {settings.data_folder}.")
        return
    health = _health(settings.port)
    if health is not None:
        yield ok(CHECK, f"The service answers on PORT {settings.port}.")
        yield _condition(health)
    else:
        yield error(
            HEALTH_CHECK,
            f"It runs in {settings.data_folder}, but nothing answers /health on {settings.port}.",
            "Give this command the service's own PORT; if it has that, restart the service.",
        )


def _port(port: int) -> Finding:
    try:
        with socket.create_server(("0.0.0.0", port)):  # noqa: S104  # as gunicorn binds
            return ok(CHECK, f"PORT {port} is free.")
    except OSError as fault:
        if fault.errno != errno.EADDRINUSE:
            reason = fault.strerror
            return error(CHECK, f"PORT {port} cannot be used ({reason}).", "Set PORT to another.")
    taker = "another program" if _health(port) is None else "an Ilios with another data folder"
    return error(CHECK, f"PORT {port} is taken by {taker}.", "Stop it, or set PORT to a free one.")


def _condition(health: dict[str, Any]) -> Finding:
    if cause := health.get("cause"):
        return error(HEALTH_CHECK, str(cause), "Look into its log, then restart it.")
    said: dict[str, Any] = health["services"]
    strange = [
        f"{name}: {said.get(name)}" for name, well in HEALTHY.items() if said[name] not in well
    ]
    if not strange:
        return ok(HEALTH_CHECK, "It is healthy.")
    return warning(
        HEALTH_CHECK,
        f"It runs, but says {'; '.join(strange).removesuffix('.')}.",
        "Look into its log; a backlog goes away with time, or with a larger WORKER_COUNT.",
    )


def _health(port: int) -> dict[str, Any] | None:
    """Return what `/health` answers; None when no Ilios answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/health")
        answer = json.loads(connection.getresponse().read())
        return answer if set(HEALTHY) <= set(answer["services"]) else None
    except (OSError, http.client.HTTPException, ValueError, TypeError, KeyError):
        return None
    finally:
        connection.close()
