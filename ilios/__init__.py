"""Ilios turns documents into Markdown over HTTP."""

__version__ = "0.1.0"
