"""What operators see of the full-text index, and that they can have it made anew."""

from __future__ import annotations

from ilios.db import search_index
from ilios.db.database import Database
from ilios.documents import indexing
from ilios.documents.indexing import Progress


class SearchAdmin:
    """Looks at the index; the workers change it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def progress(self) -> Progress:
        with self._database.watching() as watch:
            return indexing.progress(watch)

    def rebuild(self) -> None:
        """Have the workers make the index anew; until it is filled, less is found."""
        with self._database.writing() as session:
            search_index.ask_for_new(session.driver)


def in_words(progress: Progress) -> str:
    """Return the state of the index as `/health` shows it."""
    if progress.is_malformed:
        return "is made anew"
    return "ok" if progress.is_done else f"indexing: {progress.percent} %"
