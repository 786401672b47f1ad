"""The list of documents: filters, cursors, and what they refuse."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.contract.problems import assert_problem
from tests.support.api_callers import Caller
from tests.support.api_working import InTestWorker

LIST = "/api/documents"


def listed(caller: Caller, query: str = "") -> list[str]:
    """Return the ids of all pages."""
    found: list[str] = []
    cursor = ""
    while True:
        answer = caller.get(f"{LIST}?limit=2{query}{cursor}")
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.get_json()
        assert len(body["documents"]) <= 2
        found += [one["id"] for one in body["documents"]]
        if body["nextCursor"] is None:
            return found
        cursor = f"&cursor={body['nextCursor']}"


def test_documents_come_newest_first_page_by_page(anna: Caller) -> None:
    submitted = [anna.submit(b"%d" % number) for number in range(5)]

    assert listed(anna) == submitted[::-1]


def test_what_is_submitted_meanwhile_shifts_nothing(anna: Caller) -> None:
    submitted = [anna.submit(b"%d" % number) for number in range(4)]
    first = anna.get(f"{LIST}?limit=2").get_json()
    anna.submit(b"later")

    second = anna.get(f"{LIST}?limit=2&cursor={first['nextCursor']}").get_json()

    ids = [one["id"] for page in (first, second) for one in page["documents"]]
    assert ids == submitted[::-1]


def test_documents_are_found_by_status_batch_and_name(anna: Caller, worker: InTestWorker) -> None:
    done = anna.submit(b"done", "Überblick 100%.txt")
    failed = anna.submit(b"fail: document", "under_score[1].txt")
    worker.work()
    batch_id = anna.submit_batch(b"one", b"two")
    waiting = listed(anna, "&status=pending")

    assert len(waiting) == 2
    assert listed(anna, "&status=completed") == [done]
    assert listed(anna, "&status=failed") == [failed]
    assert listed(anna, f"&batchId={batch_id}") == waiting
    assert listed(anna, f"&batchId={batch_id}&status=failed") == []
    for part, found in (
        ("ÜBERBLICK", [done]),
        ("100%25", [done]),
        ("UNDER_", [failed]),
        ("[1]", [failed]),
        ("?", []),
        ("*", []),
    ):
        assert listed(anna, f"&q={part}") == found, part
    assert listed(anna, "&q=txt&status=failed") == [failed]


def test_a_search_shows_the_pages_that_have_the_words(anna: Caller, worker: InTestWorker) -> None:
    document_id = anna.submit(b"Nothing here.\nA **grey** heron waits.", "birds.txt")
    named = anna.submit(b"Nothing.", "heron.txt")
    worker.work()

    found = anna.get(f"{LIST}?q=heron").get_json()["documents"]

    assert [one["id"] for one in found] == [named, document_id]
    (match,) = found[1]["matches"]
    assert (found[0]["matches"], match["page"]) == ([], 2)
    assert [match["snippet"][start:end] for start, end in match["ranges"]] == ["heron"]
    assert "**" not in match["snippet"]
    assert all("matches" not in one for one in anna.get(LIST).get_json()["documents"])


def test_a_listed_document_says_what_its_status_would(anna: Caller, worker: InTestWorker) -> None:
    document_id = anna.submit(b"one\ntwo")
    worker.work()

    (document,) = anna.get(LIST).get_json()["documents"]

    assert document["id"] == document_id
    assert (document["status"], document["pagesTotal"]) == ("completed", 2)
    assert document["statusUrl"].endswith(f"/api/documents/status/{document_id}")
    assert document["processedAt"]


def test_deleted_documents_are_listed_for_who_asks(anna: Caller) -> None:
    gone, kept = anna.submit(b"gone"), anna.submit(b"kept")
    anna.call("DELETE", f"{LIST}/{gone}")

    assert listed(anna) == [kept]
    assert listed(anna, "&status=deleted") == [gone]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("colour=red", "unknown_field"),
        ("status=done", "invalid_status"),
        ("batchId=1", "invalid_batchId"),
        ("limit=0", "invalid_limit"),
        ("limit=501", "invalid_limit"),
        ("limit=1&limit=2", "invalid_limit"),
        ("limit=5&limit=5", "invalid_limit"),
        ("q=", "invalid_q"),
        ("cursor=", "invalid_cursor"),
        ("cursor=abc", "invalid_cursor"),
        ("cursor=%00", "invalid_cursor"),
        ("cursor=W10", "invalid_cursor"),
    ],
)
def test_what_is_wrong_with_a_list_is_named(anna: Caller, query: str, code: str) -> None:
    assert_problem(anna.get(f"{LIST}?{query}"), 400, code)


def test_a_cursor_of_another_list_is_refused_with_what_to_do(anna: Caller) -> None:
    for number in range(3):
        anna.submit(b"%d" % number)
    cursor = anna.get(f"{LIST}?limit=1").get_json()["nextCursor"]
    place = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    naive = base64.urlsafe_b64encode(
        json.dumps(["2026-01-01T00:00:00", *place[1:]]).encode()
    ).decode()

    for query in (f"limit=1&status=pending&cursor={cursor}", f"cursor={naive}"):
        assert_problem(anna.get(f"{LIST}?{query}"), 400, "invalid_cursor", "leave it out")


def test_an_empty_list(anna: Caller) -> None:
    assert anna.get(LIST).get_json() == {"documents": [], "nextCursor": None}
