"""`gunicorn -c python:ilios.api.gunicorn_conf 'app:create_app()'`."""

from __future__ import annotations

from flask import Flask

from ilios import settings as environment
from ilios.api import application, startup
from ilios.errors import StartupError
from ilios.settings import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """The application, by default with the settings of the environment.

    When it cannot start, ends the process with one line that names the cause and the remedy.
    """
    try:
        return application.build(settings or environment.load())
    except StartupError as error:
        startup.end(error.detail)
