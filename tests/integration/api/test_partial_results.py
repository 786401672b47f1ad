"""What a client sees of a document that lacks pages."""

from __future__ import annotations

import pytest

from ilios.db.database import Database
from ilios.db.models import Document
from ilios.documents import failed_pages
from tests.contract.problems import assert_problem
from tests.support.api_callers import Caller
from tests.support.api_working import InTestWorker


def lack(database: Database, document_id: str, *failed: tuple[int, int, str]) -> None:
    """Note that pages of a completed document have failed."""
    with database.writing() as session:
        document = session.get_one(Document, document_id)
        document.failed_pages = [list(one) for one in failed] or None
        session.flush()
        failed_pages.renew(session, document_id)


@pytest.fixture
def partial(anna: Caller, worker: InTestWorker, database: Database) -> str:
    """Provide a document of five pages, of which two have failed."""
    document_id = anna.submit(b"one\ntwo\nthree", allowPartial="0.5")
    worker.work()
    lack(database, document_id, (3, 4, "refused_by_provider"))
    return document_id


def test_status_and_list_say_which_pages_are_missing(anna: Caller, partial: str) -> None:
    status = anna.get(f"/api/documents/status/{partial}").get_json()

    assert (status["status"], status["partial"]) == ("completed", True)
    assert status["failedPages"] == [
        {"number": 4, "code": "refused_by_provider"},
        {"number": 5, "code": "refused_by_provider"},
    ]
    (warning,) = status["warnings"]
    assert (warning["code"], warning["page"]) == ("partial_result", None)
    assert "2 of 5 pages" in warning["message"]
    (listed,) = anna.get("/api/documents").get_json()["documents"]
    assert listed["partial"] is True


@pytest.mark.parametrize("form", ["markdown", "text", "json", "zip"])
def test_every_form_of_a_result_says_how_many_pages_are_missing(
    anna: Caller, worker: InTestWorker, partial: str, form: str
) -> None:
    whole = anna.submit(b"one")
    worker.work()

    lacking, complete = (
        anna.get(f"/api/documents/{document_id}?format={form}") for document_id in (partial, whole)
    )
    unchanged = anna.get(
        f"/api/documents/{partial}?format={form}",
        headers={"If-None-Match": lacking.headers["ETag"]},
    )

    assert (lacking.status_code, lacking.headers["X-Failed-Pages"]) == (200, "2")
    assert (unchanged.status_code, unchanged.headers["X-Failed-Pages"]) == (304, "2")
    assert (complete.status_code, complete.headers.get("X-Failed-Pages")) == (200, None)


def test_a_whole_document_says_so(anna: Caller, worker: InTestWorker) -> None:
    document_id = anna.submit()
    worker.work()

    status = anna.get(f"/api/documents/status/{document_id}").get_json()

    assert (status["partial"], status["failedPages"]) == (False, [])


def test_a_page_that_comes_makes_another_result(
    anna: Caller, partial: str, database: Database
) -> None:
    path = f"/api/documents/{partial}"
    before = anna.get(path)
    assert anna.get(path, headers={"If-None-Match": before.headers["ETag"]}).status_code == 304

    lack(database, partial, (4, 4, "refused_by_provider"))

    after = anna.get(path, headers={"If-None-Match": before.headers["ETag"]})
    assert (after.status_code, after.text) == (200, before.text)
    assert after.headers["ETag"] != before.headers["ETag"]


def test_what_lacks_pages_is_retried_and_answers_no_other_submit(
    anna: Caller, partial: str, worker: InTestWorker
) -> None:
    again = anna.submit(b"one\ntwo\nthree", allowPartial="0.5")
    assert anna.get(f"/api/documents/status/{again}").get_json()["status"] == "pending"
    worker.work()

    retried = anna.post(f"/api/documents/{partial}/retry")

    assert (retried.status_code, retried.get_json()["status"]) == (202, "pending")
    status = anna.get(f"/api/documents/status/{partial}").get_json()
    assert (status["partial"], status["pagesTotal"], status["warnings"]) == (False, 5, [])
    assert_problem(anna.get(f"/api/documents/{partial}"), 409, "document_not_ready")


def test_only_those_that_may_lack_as_many_pages_join_a_conversion(
    anna: Caller, worker: InTestWorker
) -> None:
    first = anna.submit(b"one", allowPartial="0.5")
    strict, same = anna.submit(b"one"), anna.submit(b"one", allowPartial="0.5")
    status_of = "/api/documents/status/{}".format

    cached = [anna.get(status_of(one)).get_json()["cached"] for one in (first, strict, same)]

    assert cached == [False, False, True]
    worker.work()
    late = anna.submit(b"one", allowPartial="0.1")  # a whole result suits everybody
    assert anna.get(status_of(late)).get_json()["status"] == "completed"
