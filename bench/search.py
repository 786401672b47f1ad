"""Full-text search over many documents: `python -m bench.search`.

Fills a database with documents of four pages, whose words are as frequent as those of a language,
in addition to words that stand on every page and pairs of words that stand together in one document
of a hundred. Then it starts the service, with the index as it is and so that it is made anew, has
the workers' steps index all of it, searches as `GET /api/documents?q=` does, once more while new
pages wait to be indexed, completes documents with the index and without it, and deletes some.
`--starts` does no more than the starts, also of a folder that is found again: its index is to be
filled again then.
Wall time is that of an idle machine only; processor time is printed beside it.
"""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Final
from unittest.mock import patch

from sqlalchemy import insert
from sqlalchemy.orm import Session

from bench.durations import Durations
from bench.search_starts import measure_starts
from bench.service import migrate
from ilios.conversion.claimed_job import ClaimedJob
from ilios.conversion.recorder import Recorder
from ilios.core import clock
from ilios.core.disk_space import DiskReserve
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.group_commit import GroupCommit
from ilios.db.models import Document, DocumentStatus, PageRow
from ilios.db.search_index import SEGMENTS_MAX
from ilios.db.sqlite_database import SqliteDatabase
from ilios.documents import indexing, pacing, removal, results
from ilios.documents.listing import Filter, Listing
from ilios.documents.upkeep import Upkeep
from ilios.engines.base import Conversion, Options, Page, Usage
from ilios.engines.embedded.engine import EmbeddedEngine
from ilios.engines.registry import EMBEDDED
from ilios.queue import jobs
from tests.support import documents as made

PAGES: Final = 4  #: of a document
PAGE_WORDS: Final = 500
VOCABULARY: Final = 50_000
RARE_FROM: Final = 20_000  #: the place from which on fewer than 1 % of the documents hold a word
PAIRS: Final = 50  #: of words that one document of a hundred holds, together on one page
EVERYWHERE: Final = "every page"
MANY, FEW = "many", "few"  #: owners: of nearly all documents, and of FEW_DOCUMENTS
FEW_DOCUMENTS: Final = 1_000
LIMIT: Final = 20
STORED_AT_ONCE: Final = 1_000
COMPLETED: Final = SEGMENTS_MAX - 4  #: documents of each half of a pair, before they are merged
ROUNDS: Final = 9
DELETED: Final = 20


class Texts:
    """Makes pages of words; the same ones each time."""

    def __init__(self) -> None:
        self._random = random.Random(20_261_129)  # noqa: S311  # nothing secret
        self.words = ["".join(self._letters()) for _ in range(VOCABULARY)]
        self._weights = list(itertools.accumulate(1 / (place + 3) for place in range(VOCABULARY)))

    def _letters(self) -> list[str]:
        length = min(14, max(3, round(self._random.gauss(7, 2.5))))
        return self._random.choices("abcdefghijklmnopqrstuvwxyz", k=length)

    def page(self, *further: str) -> str:
        words = self._random.choices(self.words, cum_weights=self._weights, k=PAGE_WORDS)
        return " ".join([*words, EVERYWHERE, *further])

    def rare_pairs(self) -> list[str]:
        """Return searches: half of them for two rare words, half for a pair that stands together.

        Of the first, few pages hold both; all pages that hold one of the second hold both.
        """
        rare = self.words[RARE_FROM:]
        return [
            search
            for number in range(PAIRS)
            for search in (" ".join(self._random.choices(rare, k=2)), pair(number))
        ]


def pair(number: int) -> str:
    return f"left{number} right{number}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where the database is kept, and found again")
    parser.add_argument("--starts", action="store_true", help="nothing but starts")
    options = parser.parse_args()
    texts = Texts()
    with tempfile.TemporaryDirectory() as temporary:
        settings = Settings(data_dir=options.folder or Path(temporary))
        is_new = not settings.database_path.exists()
        migrate(settings.data_folder)
        database = SqliteDatabase(settings.database_path)
        if is_new:
            fill(database, texts, options.documents)
        if is_new or options.starts:
            measure_starts(settings, database)
        if not options.starts:
            measure_index(settings, database, texts)
        database.close()


def measure_index(settings: Settings, database: Database, texts: Texts) -> None:
    measure_indexing(settings, database)  # of a folder that is found again, what is left
    completion = Completion(settings, database, texts)
    measure_searches(database, texts)
    completion.complete(MANY)
    measure_searches(database, texts, f"beside {COMPLETED} pages that wait to be indexed, ")
    measure_completion(completion)
    measure_deletion(database)


def fill(database: Database, texts: Texts, count: int) -> None:
    """Store so many completed documents, past the index, as an earlier version did."""
    for start in range(0, count, STORED_AT_ONCE):
        numbers = range(start, min(count, start + STORED_AT_ONCE))
        with database.writing() as session:
            session.execute(insert(Document), [_document(number, count) for number in numbers])
            session.execute(
                insert(PageRow), [page for number in numbers for page in _pages(texts, number)]
            )


def _document(number: int, count: int) -> dict[str, object]:
    moment = clock.now() - timedelta(seconds=count - number)
    return {
        "id": _id(number),
        "owner": FEW if number % max(1, count // FEW_DOCUMENTS) == 0 else MANY,
        "file_name": f"Report {number} of the year {number % 100}.pdf",
        "mime_type": "application/pdf",
        "file_size": 100_000,
        "storage_key": "",
        "status": DocumentStatus.COMPLETED,
        "operation": "convert",
        "options": {},
        "warnings": [],
        "page_count": PAGES,
        "pages_done": PAGES,
        "retention_days": 365,
        "created_at": moment,
        "processed_at": moment,
    }


def _pages(texts: Texts, number: int) -> Iterator[dict[str, object]]:
    for index in range(PAGES):
        further = [pair(number // 2 % 100)] if index == 0 and number // 2 % 100 < PAIRS else []
        yield {
            "document_id": _id(number),
            "index": index,
            "markdown": texts.page(*further),
            "images": [],
        }


def _id(number: int) -> str:
    return f"doc{number:021d}"


def measure_indexing(settings: Settings, database: Database) -> None:
    """Print how long the steps of the workers take, each of which holds the write lock."""
    steps = Durations()
    # A step is followed by a pause in proportion, which is not waited for here.
    upkeep = Upkeep(
        database, DiskReserve(settings), lambda pause: steps.add(pause / pacing.PAUSE_FACTOR)
    )
    begun = time.process_time()
    finish(upkeep)
    print(f"indexing: {time.process_time() - begun:.0f} s of processor time; steps {steps}")


def finish(upkeep: Upkeep) -> None:
    while not upkeep.run():
        pass


def measure_searches(database: Database, texts: Texts, beside: str = "") -> None:
    """Print how long the first documents of a search take, for each owner."""
    searches = {
        "two rare words": texts.rare_pairs(),
        "two words of every page": [EVERYWHERE] * 10,
        "names alone": ["7 of the year 3"] * 20,
    }
    for name, wanted in searches.items():
        for owner in (MANY, FEW):
            listing, found = Listing(database), 0
            wall, processor = Durations(), Durations()
            for q in wanted:
                with wall.measured(), processor.measured(time.thread_time):
                    listed = listing.documents(Filter(owner, q=q), None, LIMIT)
                found += len(listed.documents)
            print(
                f"{beside}search for {name}, key with {owner}: {wall}; processor {processor}; "
                f"{found / len(wanted):.1f} documents each"
            )


class Completion:
    """Completes COMPLETED documents of one page: too few for one of them to index them all."""

    def __init__(self, settings: Settings, database: Database, texts: Texts) -> None:
        self.upkeep = Upkeep(database, DiskReserve(settings), lambda _seconds: None)
        self._database, self._texts = database, texts
        self._engine = EmbeddedEngine(settings)
        self._recorder = Recorder(
            GroupCommit(database), settings.pricing, settings.ambiguous_retries
        )

    def complete(self, owner: str = "anonymous") -> float:
        """Return the milliseconds of processor time for each of COMPLETED documents."""
        work = [_claimed(self._database, self._engine, owner) for _ in range(COMPLETED)]
        pages = [Page(0, self._texts.page()) for _ in range(COMPLETED)]
        answers = [Conversion((page,), Usage(1, EMBEDDED)) for page in pages]
        with redirect_stdout(StringIO()):  # the log
            begun = time.process_time()
            for claimed, answer in zip(work, answers, strict=True):
                call = self._recorder.begin(claimed, Options(), None)
                self._recorder.store(claimed, call, answer, {})
            return 1000 * (time.process_time() - begun) / COMPLETED


def _claimed(database: Database, engine: EmbeddedEngine, owner: str) -> ClaimedJob:
    made.add_document(database, owner=owner)
    with database.writing() as session:
        lease = jobs.claim(session, EMBEDDED, "bench/worker-0", clock.now())
        assert lease is not None
        results.begin(session, lease.job_id, clock.now())
    with database.watching() as watch:
        job, document = jobs.held_with_document(watch, lease)
    return ClaimedJob(lease, job, document, engine)


def measure_completion(completion: Completion) -> None:
    """Print the processor time of the transaction that completes a document of one page.

    The workers index and merge what was entered before the next ones; that is printed apart.
    """
    keeping = Durations()

    def completed(add: Callable[..., None]) -> float:
        with patch.object(indexing, "add", add):
            each = completion.complete()
        upkeep = Durations() if add is not indexing.add else keeping
        with upkeep.measured(time.process_time), redirect_stdout(StringIO()):
            finish(completion.upkeep)
        return each

    def add_at_once(session: Session, document_id: str, pages: Iterable[Page]) -> None:
        add(session, document_id, pages)
        indexing.index_entered(session)

    add = indexing.add
    completed(add)  # warms up
    rounds = [
        (completed(add), completed(lambda *_: None), completed(add_at_once)) for _ in range(ROUNDS)
    ]
    ratio = statistics.median(with_index / without for with_index, without, _ in rounds)
    with_index, without, at_once = (statistics.median(each) for each in zip(*rounds, strict=True))
    print(
        f"completing a page of {PAGE_WORDS} words: {with_index:.2f} ms of processor time with the "
        f"index, {without:.2f} ms without it, ratio {ratio:.2f}; {at_once:.2f} ms if it indexed "
        f"the page itself (medians of {ROUNDS} rounds)"
    )
    print(f"indexing and merging what {COMPLETED} of them have entered: processor {keeping}")


def measure_deletion(database: Database) -> None:
    """Print how long the transactions take that delete the pages of documents."""
    portions, processor = Durations(), Durations()
    for number in range(1, 1 + DELETED):
        with database.writing() as session:
            removal.tombstone(session, _id(number), _id(number), clock.now())
        is_more = True
        while is_more:
            with (
                database.writing() as session,
                portions.measured(),
                processor.measured(time.thread_time),
            ):
                is_more = removal.delete_pages(session, _id(number))
    print(f"deleting documents of {PAGES} pages: {portions} a transaction; processor {processor}")


if __name__ == "__main__":
    main()
