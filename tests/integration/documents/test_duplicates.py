"""The same bytes again, with the same options, from the same owner: one conversion, one price."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from ilios.conversion.converter import Converter
from ilios.core import clock
from ilios.core.conversion_errors import CorruptDocument
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import DocumentStatus
from ilios.documents import results
from ilios.documents.admission import Order
from ilios.documents.queries import DocumentReader
from ilios.documents.snapshots import Snapshot
from ilios.documents.submission import Submissions
from ilios.documents.uploads import Received
from ilios.engines.base import Conversion, Engine, Keep, Options, Part, Progress
from ilios.engines.page_layout import Layout
from ilios.engines.page_selection import PageSelection
from ilios.engines.registry import EMBEDDED
from ilios.queue import jobs
from tests.support import documents
from tests.support.engines import EchoEngine

pytestmark = pytest.mark.both_databases

MakeConverter = Callable[[Engine], Converter]
Receive = Callable[..., Received]
ORDER = Order(owner="me")


class BlocksEngine(EchoEngine):
    def convert(self, part: Part, *args: object) -> Conversion:
        found = super().convert(part, *args)  # type: ignore[arg-type]  # as it was called
        assert isinstance(found, Conversion)
        return replace(found, pages=tuple(replace(one, layout=Layout()) for one in found.pages))


class BrokenEngine(EchoEngine):
    def convert(self, part: Part, options: Options, *_: object) -> Conversion:
        raise CorruptDocument("It is broken.")


@pytest.fixture
def submit(submissions: Submissions, receive: Receive) -> Callable[..., Snapshot]:
    def submit(order: Order = ORDER, content: bytes = b"Hello", name: str = "a.txt") -> Snapshot:
        return submissions.submit(receive(content, name), order)

    return submit


@pytest.fixture
def convert_all(
    settings: Settings, database: Database, make_converter: MakeConverter
) -> Callable[..., int]:
    def convert_all(engine: Engine | None = None) -> int:
        converter = make_converter(engine or EchoEngine(settings))
        done = 0
        while lease := _claim(database):
            converter.run(lease)
            done += 1
        return done

    return convert_all


def _claim(database: Database) -> jobs.Lease | None:
    with database.writing() as session:
        lease = jobs.claim(session, EMBEDDED, "node/worker-0", clock.now())
        if lease is not None:
            results.begin(session, lease.job_id, clock.now())
    return lease


def text_of(reports: DocumentReader, document_id: str) -> list[str]:
    return ["".join(page.pieces()) for page in reports.result(document_id, owner="me").pages()]


def test_a_duplicate_joins_what_is_on_its_way(
    submit: Callable[..., Snapshot],
    convert_all: Callable[..., int],
    reports: DocumentReader,
    database: Database,
) -> None:
    first = submit()
    second = submit(name="b.txt")

    assert (second.status, second.result_of) == (DocumentStatus.PENDING, first.id)
    assert convert_all() == 1
    assert text_of(reports, first.id) == text_of(reports, second.id) == ["Hello"]
    assert len(documents.calls(database)) == 1
    report = reports.document(second.id, owner="me")
    assert (report.document.file_name, report.progress_percent) == ("b.txt", 100)
    assert report.document.processed_at is not None


def test_fifty_at_once_are_converted_once(
    submit: Callable[..., Snapshot],
    convert_all: Callable[..., int],
    reports: DocumentReader,
    database: Database,
) -> None:
    with ThreadPoolExecutor(50) as pool:
        submitted = list(pool.map(lambda _: submit(), range(50)))

    assert convert_all() == 1
    assert len(documents.calls(database)) == 1
    assert {tuple(text_of(reports, one.id)) for one in submitted} == {("Hello",)}


def test_a_duplicate_of_what_is_done_is_done(
    submit: Callable[..., Snapshot], convert_all: Callable[..., int], reports: DocumentReader
) -> None:
    first = submit()
    convert_all()

    second = submit()

    assert (second.status, second.result_of) == (DocumentStatus.COMPLETED, first.id)
    assert convert_all() == 0
    assert text_of(reports, second.id) == ["Hello"]
    assert reports.result(second.id, owner="me").totals().cost_micros == 0


def test_a_duplicate_fails_with_its_duplicate_and_the_next_one_is_tried_anew(
    submit: Callable[..., Snapshot], convert_all: Callable[..., int], database: Database
) -> None:
    submit()
    second = submit()
    convert_all(BrokenEngine.__new__(BrokenEngine))

    row = documents.document(database, second.id)
    assert (row.status, row.error_code) == (DocumentStatus.FAILED, "corrupt_document")
    assert submit().result_of is None


@pytest.mark.parametrize(
    "other",
    [
        replace(ORDER, owner="somebody else"),
        replace(ORDER, cache=False),
        replace(ORDER, options=Options(PageSelection.parse("1"))),
        replace(ORDER, options=Options(extract_header=True)),
    ],
    ids=["owner", "cache", "pages", "options"],
)
def test_another_owner_or_other_options_are_no_duplicate(
    submit: Callable[..., Snapshot], convert_all: Callable[..., int], other: Order
) -> None:
    submit()
    convert_all()

    assert submit(other).result_of is None


@pytest.mark.parametrize("options", [Options(include_blocks=True), Options(confidence="page")])
def test_a_result_of_before_there_were_blocks_does_not_answer_a_request_for_them(
    submit: Callable[..., Snapshot],
    convert_all: Callable[..., int],
    settings: Settings,
    options: Options,
) -> None:
    older = submit()
    convert_all()

    newer = submit(replace(ORDER, options=options))
    assert newer.result_of is None
    convert_all(BlocksEngine(settings))

    assert submit(replace(ORDER, options=options)).result_of == newer.id
    assert submit().result_of in (newer.id, older.id)


def test_other_bytes_or_another_type_are_no_duplicate(submit: Callable[..., Snapshot]) -> None:
    submit()

    assert submit(content=b"Hello!").result_of is None
    assert submit(name="a.csv").result_of is None


def test_an_urgent_duplicate_hastens_the_job_that_it_joins(
    submit: Callable[..., Snapshot], database: Database
) -> None:
    for number in range(3):
        submit(content=b"%d" % number)
    last = submit(replace(ORDER, priority=1), content=b"humble")

    submit(replace(ORDER, priority=10), content=b"humble")

    lease = _claim(database)
    assert lease is not None
    assert documents.job(database, lease.job_id).document_id == last.id


def test_a_batch_of_the_same_file_is_converted_once(
    submissions: Submissions,
    receive: Receive,
    convert_all: Callable[..., int],
    reports: DocumentReader,
) -> None:
    batch, _ = submissions.submit_batch([receive(b"Hello") for _ in range(5)], ORDER)

    assert convert_all() == 1
    assert reports.batch(batch.id, owner="me").count(DocumentStatus.COMPLETED) == 5
    lines = [
        ["".join(page.pieces()) for page in result.pages()]
        for _, result in reports.batch_results(batch.id, owner="me")
        if result is not None
    ]
    assert lines == [["Hello"]] * 5


def test_progress_of_a_duplicate_is_that_of_the_conversion(
    submit: Callable[..., Snapshot],
    convert_all: Callable[..., int],
    reports: DocumentReader,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ilios.conversion.converter.PROGRESS_INTERVAL_SECONDS", 0.0)
    submit()
    duplicate = submit()
    seen = []

    class HalfWay(EchoEngine):
        def convert(
            self, part: Part, options: Options, workspace: object, progress: Progress, keep: Keep
        ) -> Conversion | bytes:
            progress(5, 10)
            seen.append(reports.document(duplicate.id, owner="me").progress_percent)
            return EchoEngine.convert(self, part, options, part.source.path, progress, keep)

    convert_all(HalfWay(settings))

    assert seen == [50]
