"""Engines: what turns the bytes of a document into pages of Markdown."""

from __future__ import annotations

from ilios.engines.base import Engine
from ilios.engines.embedded.engine import EmbeddedEngine
from ilios.settings import Settings


def open_engine(settings: Settings) -> Engine:
    """The engine that the settings ask for. Called in a worker, after the spawn."""
    return EmbeddedEngine(settings)
