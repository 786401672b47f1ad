"""What clients of the predecessor find again once its database was adopted."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from ilios.core import clock
from ilios.core.settings import Settings
from tests.support import predecessor
from tests.support.api_callers import Caller
from tests.support.migrating import upgrade
from tests.support.predecessor import (
    ANNA,
    BERT,
    BORN,
    CONTENTS,
    DAY,
    GOING_ON,
    KEYS,
    Predecessor,
    cuid,
)

CallAs = Callable[..., Caller]


def status_of(caller: Caller, name: str) -> Any:
    return caller.get(f"/api/documents/status/{cuid(name)}").get_json()


def test_every_document_is_readable_by_its_owner_to_the_character(adopted: CallAs) -> None:
    anna = adopted()

    read = {name: anna.get(f"/api/documents/{cuid(name)}").text for name in CONTENTS}

    assert read == CONTENTS


def test_what_belongs_to_others_is_not_found(adopted: CallAs) -> None:
    paths = {name: f"/api/documents/{cuid(name)}" for name in ("completed", "of-bert", "of-nobody")}

    anna, bert = (
        {name: adopted(key).get(path).status_code for name, path in paths.items()}
        for key in (ANNA, BERT)
    )

    assert anna == {"completed": 200, "of-bert": 404, "of-nobody": 404}
    assert bert == {"completed": 404, "of-bert": 200, "of-nobody": 404}


def test_without_keys_everything_that_had_none_is_readable(
    old_settings: Settings, adopted: CallAs, make_app: Callable[[Settings], Flask]
) -> None:
    adopted()
    app = make_app(old_settings.model_copy(update={"api_key": None}))

    nobody = Caller(app.test_client(), None)

    assert nobody.get(f"/api/documents/{cuid('of-nobody')}").text == "Nobody's"
    assert nobody.get(f"/api/documents/{cuid('of-bert')}").status_code == 404


@pytest.mark.parametrize("since", [0, BORN + 2 * DAY])
def test_usage_sums_are_what_they_were(full_file: Path, adopted: CallAs, since: int) -> None:
    before = {key: Predecessor(full_file).sums(key, since) for key in KEYS}
    start = clock.iso(datetime.fromtimestamp(since, UTC))

    for key in KEYS:
        answer = adopted(key).get(f"/api/usage/summary?startDate={start}").get_json()
        assert {name: answer["summary"][name] for name in before[key]} == before[key]


def test_metadata_is_shown_as_before(adopted: CallAs) -> None:
    answer = adopted().get(f"/api/documents/{cuid('completed')}?format=json").get_json()

    noted = answer["metadata"]
    assert noted["model"] == "mistral-ocr-latest"
    assert noted["extractedPages"] == 3
    assert noted["processingTimeMs"] == 2500
    assert answer["usage"]["costUsd"] == 0.13
    assert answer["warnings"] == []


def test_moments_are_those_of_the_predecessor(adopted: CallAs) -> None:
    status = status_of(adopted(), "completed")

    assert status["createdAt"] == clock.iso(datetime.fromtimestamp(BORN, UTC))
    assert status["processedAt"] == clock.iso(datetime.fromtimestamp(BORN + 60, UTC))


def test_pages_can_be_selected(adopted: CallAs) -> None:
    answer = adopted().get(f"/api/documents/{cuid('completed')}?pages=3")

    assert answer.text == "Three"


def test_results_wait_to_be_indexed(adopted: CallAs) -> None:
    state = adopted().get("/health").get_json()["services"]["search"]

    assert state == "indexing: 0 %"


@pytest.mark.parametrize(
    ("name", "pages", "warning"),
    [
        ("with-rules", 2, "page_breaks_uncertain"),
        ("too-few-pages", 1, "page_breaks_uncertain"),
        ("blank", 0, "result_missing"),
    ],
)
def test_a_result_that_is_not_quite_certain_says_so(
    adopted: CallAs, name: str, pages: int, warning: str
) -> None:
    answer = adopted().get(f"/api/documents/{cuid(name)}?format=json").get_json()

    assert answer["metadata"]["extractedPages"] == pages
    assert [item["code"] for item in answer["warnings"]] == [warning]


def test_statuses(adopted: CallAs) -> None:
    anna = adopted()

    found = {
        name: (status["status"], status.get("errorCode"), status.get("error"))
        for name in (
            "completed", "archived", "paid-but-failed", "failed", "failed-alone", "failed-in-hand",
            "never-told", "hung-up", "hung-up-early", "never-uploaded", *GOING_ON,
        )
        for status in [status_of(anna, name)]
    }  # fmt: skip

    assert found == {
        "completed": ("completed", None, None),
        "archived": ("archived", None, None),
        "paid-but-failed": ("completed", None, None),
        "failed": ("failed", "failed_before_adoption", "401 for Bearer [key]"),
        "failed-alone": (
            "failed",
            "failed_before_adoption",
            "The conversion failed, and the predecessor gave no reason.",
        ),
        "failed-in-hand": ("failed", "failed_before_adoption", "The file is damaged"),
        "never-told": ("failed", "failed_before_adoption", "timed out"),
        "hung-up": ("failed", "interrupted", found["hung-up"][2]),
        "hung-up-early": ("failed", "interrupted", found["hung-up"][2]),
        "never-uploaded": ("awaiting_upload", None, None),
        **dict.fromkeys(GOING_ON, ("pending", None, None)),
    }
    assert "Send the document again" in str(found["hung-up"][2])


def test_an_archived_document_has_a_download_link(adopted: CallAs) -> None:
    status = status_of(adopted(), "archived")

    assert status["progress"] == 100
    assert status["downloadUrl"].endswith(cuid("archived"))


def test_a_missing_original_is_gone_and_its_markdown_stays(adopted: CallAs) -> None:
    anna = adopted()

    for name in ("completed", "immediate", "archived", "bare"):
        answer = anna.get(f"/api/documents/{cuid(name)}/original")
        assert answer.status_code == 410
        assert answer.get_json()["code"] == "original_missing"


@pytest.mark.parametrize("name", ["archived", "waiting"])
def test_an_original_that_is_there_is_given(
    old_settings: Settings, adopted: CallAs, name: str
) -> None:
    anna = adopted()
    predecessor.store_originals(old_settings)
    archive = old_settings.data_folder / "objects" / "archive" / "1-old.txt"
    archive.parent.mkdir()
    archive.write_text("I am archived.")

    link = anna.get(f"/api/documents/{cuid(name)}/original")

    assert link.status_code == 302
    assert anna.get(link.headers["Location"]).text == f"I am {name}."


def test_an_upload_that_was_never_finished_can_be(old_settings: Settings, adopted: CallAs) -> None:
    anna = adopted()
    path = f"/api/documents/upload-complete/{cuid('never-uploaded')}"
    early = anna.post(path)
    key = f"documents/{BORN}000-{cuid('never-uploaded')}.txt"
    original = old_settings.data_folder / "objects" / key
    original.parent.mkdir(parents=True)
    original.write_text("Hello")

    late = anna.post(path)

    assert (early.status_code, early.get_json()["code"]) == (409, "upload_incomplete")
    assert late.status_code == 202


def test_the_same_bytes_are_no_duplicate_of_an_adopted_document(adopted: CallAs) -> None:
    anna = adopted()

    document_id = anna.submit(b"Hello", "completed.txt")

    assert anna.get(f"/api/documents/status/{document_id}").get_json()["cached"] is False


def test_a_file_name_leads_nowhere(adopted: CallAs) -> None:
    assert status_of(adopted(), "with-rules")["fileName"] == "passwd"


def test_batches_report_what_their_documents_say(adopted: CallAs) -> None:
    anna = adopted()

    fast, slow = (
        anna.get(f"/v1/batch/status/{cuid(name)}").get_json() for name in ("fast", "slow")
    )
    lines = anna.get(f"/v1/batch/download/{cuid('fast')}").text.splitlines()

    assert fast["status"] == "completed"
    assert (fast["progress"]["completed"], fast["progress"]["failed"]) == (1, 1)
    assert slow["status"] == "pending"
    assert slow["progress"]["pending"] == 1
    assert [json.loads(line)["content"] for line in lines] == [CONTENTS["batched"], None]


def test_what_waits_goes_on_oldest_and_most_urgent_first(adopted_file: Path) -> None:
    waiting = Predecessor(adopted_file).execute(
        "SELECT document_id, priority FROM job_queue WHERE status = 'pending' AND attempts = 0 "
        "AND scheduled_at IS NULL AND lane = 'embedded' ORDER BY rank"
    )

    assert waiting == list(zip(map(cuid, GOING_ON), (8, 5, 5, 3), strict=True))


def test_a_job_that_has_ended_keeps_its_history(adopted_file: Path) -> None:
    ended = Predecessor(adopted_file).execute(
        "SELECT document_id, status, attempts FROM job_queue WHERE status <> 'pending'"
    )

    assert sorted(ended) == sorted(
        (cuid(name), status, attempts)
        for name, status, attempts in (
            ("completed", "completed", 1),
            ("paid-but-failed", "completed", 0),
            ("failed", "failed", 3),
            ("failed-in-hand", "failed", 0),
            ("never-told", "failed", 0),
        )
    )


@pytest.mark.parametrize("table", ["documents", "usage", "batches"])
def test_no_row_is_lost(full_file: Path, adopted_file: Path, table: str) -> None:
    before, after = (
        Predecessor(path).execute(f"SELECT count(*) FROM {table}")
        for path in (full_file, adopted_file)
    )

    assert after == before


def test_every_reference_has_its_row(adopted_file: Path) -> None:
    assert Predecessor(adopted_file).execute("PRAGMA foreign_key_check") == []


def test_no_key_is_left_in_clear(old_settings: Settings, adopted: CallAs) -> None:
    anna = adopted()
    anna.submit()  # so that there is a WAL
    beside = old_settings.database_path.parent.glob("ilios.db*")

    found = {path.name for path in beside if any(key.encode() in path.read_bytes() for key in KEYS)}

    assert found == set()


def test_the_moment_of_the_adoption_is_kept_for_retention(adopted_file: Path) -> None:
    ((adopted_at,),) = Predecessor(adopted_file).execute("SELECT adopted_at FROM instance")
    came_later = "SELECT id FROM documents WHERE created_at > ?"

    assert datetime.now(UTC) - datetime.fromisoformat(f"{adopted_at}Z") < timedelta(hours=12)
    assert Predecessor(adopted_file).execute(came_later, adopted_at) == []


def test_a_new_database_has_adopted_nothing(migrated_file: Path) -> None:
    assert Predecessor(migrated_file).execute("SELECT adopted_at FROM instance") == [(None,)]


def test_the_schema_is_that_of_a_new_database(adopted_file: Path, migrated_file: Path) -> None:
    schema = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"

    assert Predecessor(adopted_file).execute(schema) == Predecessor(migrated_file).execute(schema)


@pytest.mark.parametrize("variant", [predecessor.WITHOUT_MISTRAL, predecessor.OLDEST])
def test_older_versions_are_adopted_too(
    old_settings: Settings, call_as: CallAs, variant: str
) -> None:
    predecessor.fill(Predecessor(old_settings.database_path, variant))

    upgrade(old_settings)

    anna = call_as()
    read = {name: anna.get(f"/api/documents/{cuid(name)}").text for name in CONTENTS}
    assert read == CONTENTS
    assert {status_of(anna, name)["status"] for name in GOING_ON} == {"pending"}
