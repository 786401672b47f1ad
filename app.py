"""`gunicorn -c python:ilios.api.server.gunicorn_conf 'app:create_app()'`."""

from __future__ import annotations

from flask import Flask

from ilios.api import app
from ilios.api.server import startup
from ilios.core.errors import StartupError
from ilios.core.settings import Settings, load


def create_app(settings: Settings | None = None) -> Flask:
    """Create the application, by default with the settings of the environment.

    If it cannot start, end the process with one line that names the cause and the remedy.
    """
    try:
        return app.build(settings or load())
    except StartupError as error:
        startup.end(error.detail)
