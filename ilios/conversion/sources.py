"""The documents of jobs as engines take them: a file, with the password that may open it."""

from __future__ import annotations

from pathlib import Path

from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Document
from ilios.documents import password_sealing, passwords
from ilios.engines.base import Source
from ilios.engines.passwords import OPENED_BY_PASSWORD


class Sources:
    """Makes sources for the threads of a worker, which share it."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database

    def of(self, document: Document, path: Path) -> Source:
        """Return a document whose bytes lie, or are going to lie, at a path.

        Without its password once that is forgotten, or if the key that it was sealed under is gone:
        then the engine says that it needs one.
        """
        return Source(path, document.mime_type, document.file_name, self._password(document))

    def _password(self, document: Document) -> str | None:
        if document.mime_type not in OPENED_BY_PASSWORD:
            return None
        with self._database.watching() as watch:
            sealed = passwords.sealed_of(watch, document.id)
        if sealed is None:
            return None
        found = password_sealing.opened(self._settings, document.id, sealed)
        return None if found is None else found.text
