"""`gunicorn -c python:ilios.api.server.gunicorn_conf 'app:create_app()'`: what `ilios web` runs."""

from __future__ import annotations

from ilios.api.app import create_app

__all__ = ["create_app"]
