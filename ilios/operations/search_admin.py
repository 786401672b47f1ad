"""What operators see of the full-text index, and that they can have it made anew."""

from __future__ import annotations

from ilios.db.database import Database
from ilios.db.dialects import upsert
from ilios.db.prepared import Prepared
from ilios.db.search_index import MALFORMED, STATE
from ilios.documents import indexing
from ilios.documents.indexing import Progress

_ASK = Prepared(upsert(STATE).on_conflict_do_nothing(), ["name", "value"])


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
            _ASK.run(session, name=MALFORMED, value=1)


def in_words(progress: Progress) -> str:
    """Return the state of the index as `/health` shows it."""
    if progress.is_malformed:
        return "is made anew"
    return "ok" if progress.is_done else f"indexing: {progress.percent} %"
